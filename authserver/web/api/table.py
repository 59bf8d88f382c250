"""One row of the admin API: method, path, scope, what it takes and gives. The guard and the description read it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint

from authserver.input import Form
from authserver.users.access import SCOPES
from authserver.web.guards import Guard, demands
from authserver.web.paths import ADMIN

V = TypeVar("V", bound=Callable[..., Any])
LEAST = "auditor"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is written about a route. `gives` names a record, or a list of them; `query` what may be asked."""

    method: str
    summary: str
    takes: type[Form] | None
    gives: str | None
    status: int
    query: tuple[str, ...]
    wants_version: bool


def noun(name: str = "") -> Blueprint:
    """The routes under /api/admin/<name>; without a name those of /api/admin itself."""
    return Blueprint(f"admin_{name}" if name else "admin", __name__, url_prefix=f"{ADMIN}/{name}".rstrip("/"))


def route(  # noqa: PLR0913
    blueprint: Blueprint,
    method: str,
    rule: str = "",
    *,
    scope: str | None,
    takes: type[Form] | None = None,
    gives: str | None = None,
    status: int = 200,
    query: tuple[str, ...] = (),
) -> Callable[[V], V]:
    """Serve a view at a path to tokens that have this scope, and a role that may hold it."""

    def register(view: V) -> V:
        role = SCOPES[scope].role if scope else LEAST
        guarded = demands(Guard.ADMIN, role=role, scope=scope)(view)
        guarded.about = About(  # type: ignore[attr-defined]
            method=method,
            summary=(view.__doc__ or "").split("\n")[0],
            takes=takes,
            gives=gives,
            status=status,
            query=query,
            wants_version=method == "PATCH" or (method == "DELETE" and status == 200),  # noqa: PLR2004
        )
        blueprint.add_url_rule(rule, view.__name__, guarded, methods=[method])
        return guarded

    return register


def about(view: Callable[..., Any]) -> About | None:
    found: About | None = getattr(view, "about", None)
    return found
