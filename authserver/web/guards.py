"""What each route demands before its view runs. A view without a demand is not served."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, current_app, g, redirect, request
from werkzeug.wrappers import Response

from authserver.authentication import Authentication
from authserver.errors import Refusal
from authserver.login.enrolment import is_strong
from authserver.web import csrf, here, sessions
from authserver.web.context import issuer
from authserver.web.paths import safe_path
from authserver.web.sizes import FIELDS

V = TypeVar("V", bound=Callable[..., Any])
READS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"


EXTENSION = "authserver.guards"


class Guard(Enum):
    """Who may come, and what their browser must show."""

    OPEN = "anybody, and nothing is changed"
    BROWSER_POST = "anybody; what changes something comes from our own page (CSRF token)"
    CROSS_SITE = "anybody from any site, as the protocol wants it; no cookie counts in what is posted"
    SESSION = (
        "somebody signed in; g.session is their session; what changes something needs that session's token"
    )
    FRESH = "as SESSION, and they proved who they are only just now, by two factors if they have two"
    OWN = "a page of somebody signed in, or an app by its token; it is told when nobody is, and is nobody's input"
    ADMIN = "an API token of the role and scope that the route names"
    MACHINE = "a program; the endpoint authenticates it itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A row of the table. `role` and `scope` go with ADMIN."""

    guard: Guard
    role: str | None = None
    scope: str | None = None


Enforcer = Callable[[Demand], Response | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A route and what it demands; None would be a hole."""

    path: str
    methods: frozenset[str]
    demand: Demand | None


def demands(guard: Guard, *, role: str | None = None, scope: str | None = None) -> Callable[[V], V]:
    """Say what a view demands; `enforce` sees to it before the view runs."""

    def mark(view: V) -> V:
        view.demand = Demand(guard=guard, role=role, scope=scope)  # type: ignore[attr-defined]
        return view

    return mark


def table(app: Flask) -> Iterator[Row]:
    """Every route of the pages and APIs with its demand; the edge has its own rows (web/edge.py)."""
    for rule in app.url_map.iter_rules():
        yield Row(
            path=rule.rule,
            methods=frozenset(rule.methods or ()) - {"HEAD", "OPTIONS"},
            demand=demand_of(app.view_functions[rule.endpoint]),
        )


def demand_of(view: Callable[..., Any]) -> Demand | None:
    found: Demand | None = getattr(view, "demand", None)
    return found


def of_request() -> Demand | None:
    """What the route of this request demands, also where the request was refused before that was looked at."""
    found: Demand | None = here.kept().get("demand")
    endpoint = here.asked().endpoint if found is None else None
    return found if endpoint is None else demand_of(here.app().view_functions[endpoint])


def install(app: Flask, *, admin: Enforcer, own: Enforcer) -> None:
    """Put every view of this app behind its demand; `admin` knows API tokens (web/api), `own` access tokens too."""
    app.extensions[EXTENSION] = {**ENFORCE, Guard.ADMIN: admin, Guard.OWN: own}
    app.before_request(enforce)


def enforce() -> Response | None:
    """Before a view runs: the demand of its route is met, or the request ends here."""
    endpoint, app = here.asked().endpoint, here.app()
    if endpoint is None:
        return None  # the routing error itself is the answer
    demand = demand_of(app.view_functions[endpoint])
    if demand is None:
        raise LookupError(f"{endpoint} demands nothing, so it is not served")
    here.kept()["demand"] = demand
    _check_text()
    enforcer: Enforcer = app.extensions[EXTENSION][demand.guard]
    return enforcer(demand)


def _open(demand: Demand) -> None:
    if here.asked().method not in READS:
        _check_form()
        csrf.check()


def _cross_site(demand: Demand) -> None:
    if request.method not in READS:
        _check_form()
        g.ignores_cookies = True


def _session(demand: Demand) -> Response | None:
    g.session = sessions.current()
    if g.session is None:
        return send_to("/login")
    _open(demand)
    return None


def _fresh(demand: Demand) -> Response | None:
    elsewhere = _session(demand)
    if elsewhere is not None:
        return elsewhere
    asked = issuer()
    if not is_fresh(g.session.authentication, asked.clock(), asked.settings.fresh_for):
        return send_to("/account/fresh")
    with asked.database.reading() as db:
        strong = is_strong(db, asked, g.session)
    return None if strong else send_to("/account/fresh")


def _machine(demand: Demand) -> None:
    """The endpoint does it all."""


ENFORCE: Mapping[Guard, Enforcer] = {
    Guard.OPEN: _open,
    Guard.BROWSER_POST: _open,
    Guard.CROSS_SITE: _cross_site,
    Guard.SESSION: _session,
    Guard.FRESH: _fresh,
    Guard.MACHINE: _machine,
}


def is_fresh(authentication: Authentication, now: datetime, fresh_for: int) -> bool:
    """Whether somebody signed in anew within these seconds; a proof that was only added does not count. SU-4."""
    return now - authentication.at <= timedelta(seconds=fresh_for)


def send_to(path: str) -> Response:
    """Send somebody to prove who they are, and back to the page that they came for."""
    if request.method in READS:
        shown = request.full_path.rstrip("?")
    else:
        pages = current_app.url_map.bind("")
        shown = request.path if pages.test(request.path, method="GET") else "/account"
    query = urlencode({"return_to": safe_path(shown) or "/account"})
    return redirect(f"{request.script_root}{path}?{query}", code=303)


def _check_form() -> None:
    asked = here.asked()
    if asked.environ.get("CONTENT_TYPE") != FORM and asked.mimetype != FORM:
        raise Refusal(
            "This page takes forms only.",
            rule="content_type",
            value=asked.mimetype,
            nearest=FORM,
            status=415,
        )
    body = asked.get_data(cache=True)
    if body.count(b"&") >= FIELDS:
        raise Refusal("There are too many parameters.", rule="form_fields", value=str(body.count(b"&") + 1))
    if b"\x00" in body or b"%00" in body:
        raise _nul("form")


def _check_text() -> None:
    """Text that no store takes is refused before anything reads it."""
    asked = here.asked()
    path, query = asked.path, asked.query_string
    if "\x00" in path or "%00" in path:
        raise _nul("path")
    if b"\x00" in query or b"%00" in query:
        raise _nul("query")


def _nul(place: str) -> Refusal:
    return Refusal("There is a NUL character in the request.", rule="nul", value=place)
