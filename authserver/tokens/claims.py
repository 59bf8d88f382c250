"""What of a person goes into which token: by scope, and by the `claims` parameter. OpenID Connect Core §5.4, §5.5."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from authserver.clock import seconds
from authserver.groups.attributes import RESERVED, Declared, Into
from authserver.users.user import User


def release(
    declared: Declared, user: User, scope: tuple[str, ...], claims: str | None, *, into: Into
) -> dict[str, Any]:
    """The claims for one token; absent values are left out. ID-8, ID-9."""
    found: dict[str, Any] = {}
    for name, of_account in _released(declared, scope, claims, into):
        value = user.attributes.get(name) if of_account is None else of_account(user)
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


@lru_cache(maxsize=512)
def _released(
    declared: Declared, scope: tuple[str, ...], claims: str | None, into: Into
) -> tuple[tuple[str, Callable[[User], Any] | None], ...]:
    """The names of these claims, each with how the account says it; None for what is kept in the attributes."""
    asked = requested(claims, into)
    return tuple(
        (each.name, ACCOUNT.get(each.name, _unknown) if each.kept == "account" else None)
        for each in declared.every
        # Asking by name moves a claim to another token; only its scope, agreed to, lets it out at all.
        if each.scope in scope and (into in each.tokens or each.name in asked) and each.name not in RESERVED
    )


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
    "name": lambda user: user.name,
    "preferred_username": lambda user: user.username,
    "updated_at": lambda user: seconds(user.updated_at),
    "locale": lambda user: user.locale,
    "email": lambda user: user.email,
    "email_verified": lambda user: user.email_verified if user.email else None,
    "groups": lambda user: list(user.groups) or None,
}
