"""What of a person goes into which token: by scope, and by the `claims` parameter. OpenID Connect Core §5.4, §5.5."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from authserver.clock import seconds
from authserver.groups.attributes import RESERVED, Declared, Into
from authserver.users.user import User


def release(
    declared: Declared, user: User, scope: tuple[str, ...], claims: str | None, *, into: Into
) -> dict[str, Any]:
    """The claims for one token; absent values are left out. ID-8, ID-9."""
    found: dict[str, Any] = {}
    released, attributes = _released(declared, scope, claims, into), user.attributes
    for name, of_account in released.every if attributes else released.of_account:
        value = attributes.get(name) if of_account is None else of_account(user)
        if value not in (None, ""):
            found[name] = value
    return found


@lru_cache(maxsize=512)
def needs_person(
    declared: Declared, scope: tuple[str, ...], claims: str | None, into: tuple[Into, ...]
) -> bool:
    """Whether any of these tokens holds something of the person beyond who it is."""
    filling = declared.filling
    return any(requested(claims, target) or not filling[target].isdisjoint(scope) for target in into)


class Released(NamedTuple):
    """The names of claims, each with how the account says it; None for what is kept in the attributes."""

    every: tuple[tuple[str, Callable[[User], Any] | None], ...]
    of_account: tuple[tuple[str, Callable[[User], Any] | None], ...]


@lru_cache(maxsize=512)
def _released(declared: Declared, scope: tuple[str, ...], claims: str | None, into: Into) -> Released:
    asked = requested(claims, into)
    every = tuple(
        (each.name, ACCOUNT.get(each.name, _unknown) if each.kept == "account" else None)
        for each in declared.every
        # Asking by name moves a claim to another token; only its scope, agreed to, lets it out at all.
        if each.scope in scope and (into in each.tokens or each.name in asked) and each.name not in RESERVED
    )
    return Released(every, tuple(each for each in every if each[1] is not None))


@lru_cache(maxsize=512)
def requested(claims: str | None, into: Into) -> frozenset[str]:
    """The names that the stored `claims` parameter asks for in this token."""
    if not claims:
        return frozenset()
    asked: Mapping[str, Any] = json.loads(claims).get(into) or {}
    return frozenset(asked) - RESERVED


def _unknown(_user: User) -> None:
    return None


ACCOUNT: Mapping[str, Callable[[User], Any]] = {
    "name": attrgetter("name"),
    "preferred_username": attrgetter("username"),
    "updated_at": lambda user: seconds(user.updated_at),
    "locale": attrgetter("locale"),
    "email": attrgetter("email"),
    "email_verified": lambda user: user.email_verified if user.email else None,
    "groups": lambda user: list(user.groups) or None,
}
