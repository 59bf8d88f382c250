"""What of a person goes into which token: by scope, and by the `claims` parameter. OpenID Connect Core §5.4, §5.5."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from authserver.clock import seconds
from authserver.groups.attributes import RESERVED, Into, declared
from authserver.issuer import Issuer
from authserver.users.user import User


def release(
    issuer: Issuer, user: User, scope: Iterable[str], claims: str | None, *, into: Into
) -> dict[str, Any]:
    """The claims for one token; absent values are left out. ID-8, ID-9."""
    granted = frozenset(scope)
    asked = requested(claims, into)
    account = _account(user)
    found: dict[str, Any] = {}
    for attribute in declared(issuer):
        # Asking by name moves a claim to another token; only its scope, agreed to, lets it out at all.
        wanted = into in attribute.tokens or attribute.name in asked
        if attribute.scope in granted and wanted and attribute.name not in RESERVED:
            kept = account if attribute.kept == "account" else user.attributes
            found[attribute.name] = kept.get(attribute.name)
    return {name: value for name, value in found.items() if value not in (None, "")}


def needs_person(issuer: Issuer, scope: Iterable[str], claims: str | None, into: Iterable[Into]) -> bool:
    """Whether any of these tokens holds something of the person beyond who it is."""
    granted = frozenset(scope)
    targets = frozenset(into)
    if any(requested(claims, target) for target in targets):
        return True
    return any(a.scope in granted and not targets.isdisjoint(a.tokens) for a in declared(issuer))


@lru_cache(maxsize=512)
def requested(claims: str | None, into: Into) -> frozenset[str]:
    """The names that the stored `claims` parameter asks for in this token."""
    if not claims:
        return frozenset()
    asked: Mapping[str, Any] = json.loads(claims).get(into) or {}
    return frozenset(asked) - RESERVED


def _account(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "preferred_username": user.username,
        "updated_at": seconds(user.updated_at),
        "locale": user.locale,
        "email": user.email,
        "email_verified": user.email_verified if user.email else None,
        "groups": list(user.groups) or None,
    }
