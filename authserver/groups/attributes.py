"""What is kept of a person beyond the account, and which scope releases it into which token: one table.

The standard claims are in it like any other, so that whoever fills a token reads nothing else. They go to
userinfo alone: an ID token travels in the address of a sign-out, and says only who signed in and how.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.scopes import STANDARD
from authserver.store import Session
from authserver.store.users import HeldAttribute, held_attributes

TOPIC = "groups"
LONGEST = 2_000
MOST = 100
Type = Literal["string", "integer", "boolean", "list", "address"]
Into = Literal["id_token", "userinfo", "access_token"]
INTO: tuple[Into, ...] = ("id_token", "userinfo", "access_token")
USERINFO: frozenset[Into] = frozenset({"userinfo"})

# Claims that say what happened, or that a protocol gives its own meaning: no attribute may carry their names.
RESERVED = frozenset(
    {
        "_claim_names", "_claim_sources", "act", "acr", "active", "amr", "at_hash", "aud", "auth_time",
        "authorization_details", "azp", "c_hash", "client_id", "cnf", "crit", "events", "exp", "grant", "iat", "iss",
        "jti", "may_act", "nbf", "nonce", "permissions", "roles", "s_hash", "scope", "scopes", "sid", "sub",
        "sub_id", "token_type", "txn", "typ", "vot", "vtm",
    }
)  # fmt: skip
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}|https://[a-z0-9.-]+/[A-Za-z0-9._~/-]{1,40}")
ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """`name` is the claim. `kept` says where its value is: in the account itself, or in `User.attributes`.

    `scope` releases it; None never does. `edited_by` "self" is the person (and admins), "admin" admins alone.
    """

    name: str
    title: str = ""
    type: Type = "string"
    edited_by: Literal["admin", "self"] = "admin"
    scope: str | None = None
    tokens: frozenset[Into] = USERINFO
    kept: Literal["account", "attributes"] = "attributes"
    built_in: bool = False
    version: int = 0


def _built_in(names: str, scope: str, **more: Any) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(**{"name": name, "scope": scope, "edited_by": "self", "built_in": True, **more})
        for name in names.split()
    )


BUILT_IN: tuple[Attribute, ...] = (
    *_built_in("name locale", "profile", kept="account"),
    *_built_in("preferred_username", "profile", kept="account", edited_by="admin"),
    *_built_in("updated_at", "profile", kept="account", edited_by="admin", type="integer"),
    *_built_in("given_name family_name middle_name nickname", "profile"),
    *_built_in("profile picture website gender birthdate zoneinfo", "profile"),
    *_built_in("email", "email", kept="account", edited_by="admin"),
    *_built_in("email_verified", "email", kept="account", edited_by="admin", type="boolean"),
    *_built_in("phone_number", "phone", edited_by="admin"),
    *_built_in("phone_number_verified", "phone", edited_by="admin", type="boolean"),
    *_built_in("address", "address", type="address"),
    *_built_in(
        "groups",
        "groups",
        kept="account",
        edited_by="admin",
        type="list",
        tokens=frozenset({"id_token", "userinfo"}),
    ),
    # What universities say of their people; they come from providers, or from an admin.
    *_built_in("orcid", "orcid", edited_by="admin"),
    *_built_in("eduperson_principal_name schac_home_organization", "eduperson", edited_by="admin"),
    *_built_in("eduperson_scoped_affiliation", "eduperson", edited_by="admin", type="list"),
)
STANDING = {attribute.name: attribute for attribute in BUILT_IN}


def declared(issuer: Issuer) -> tuple[Attribute, ...]:
    """Every attribute, built-in ones first; a change holds on every worker within a second."""
    return live(issuer).every


def scopes(issuer: Issuer) -> frozenset[str]:
    """The scopes that exist without an API: the standard ones, and those that release an attribute."""
    return live(issuer).scopes


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """All attributes at one moment, the scopes that there are, and those that fill each kind of token by themselves."""

    every: tuple[Attribute, ...]
    scopes: frozenset[str]
    filling: Mapping[Into, frozenset[str]]

    @classmethod
    def of(cls, found: tuple[Attribute, ...]) -> "Declared":
        return cls(
            found,
            frozenset(STANDARD) | {each.scope for each in found if each.scope},
            {
                into: frozenset(each.scope for each in found if each.scope and into in each.tokens)
                for into in INTO
            },
        )


def live(issuer: Issuer) -> Declared:
    """The attributes now; a change holds on every worker within a second."""
    return issuer.live(TOPIC, _declared)


def _declared(db: Session) -> Declared:
    return Declared.of(every(db))


def every(db: Session) -> tuple[Attribute, ...]:
    rows = {row.name: row for row in held_attributes(db)}
    standing = (_attribute(rows.pop(each.name), each) if each.name in rows else each for each in BUILT_IN)
    return (*standing, *(_attribute(row, None) for row in rows.values()))


def load(db: Session, name: str) -> Attribute:
    found = next((each for each in every(db) if each.name == name), None)
    if found is None:
        raise NotFound("There is no such attribute.", detail=f"no attribute {name!r}")
    return found


def value_problem(attribute: Attribute, value: Any) -> str | None:
    """Say why an attribute cannot have this value; None when it can."""
    match attribute.type, value:
        case ("string", str()) if len(value) <= LONGEST:
            return None
        case ("integer", int()) if not isinstance(value, bool) and abs(value) < 1 << 53:
            return None
        case ("boolean", bool()):
            return None
        case ("list", list()) if len(value) <= MOST and _texts(value):
            return None
        case ("address", dict()) if value and set(value) <= set(ADDRESS) and _texts(value.values()):
            return None
        case _:
            return EXPECTED[attribute.type]


EXPECTED: dict[Type, str] = {
    "string": f"This must be text of at most {LONGEST} characters.",
    "integer": "This must be a whole number.",
    "boolean": "This must be true or false.",
    "list": f"This must be a list of at most {MOST} texts.",
    "address": f"This must be an object with texts for some of: {', '.join(ADDRESS)}.",
}


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) and len(each) <= LONGEST for each in values)


def _attribute(row: HeldAttribute, standing: Attribute | None) -> Attribute:
    declared_now = Attribute(
        name=row.name,
        title=row.title,
        type=row.type,  # type: ignore[arg-type]
        edited_by=row.edited_by,  # type: ignore[arg-type]
        scope=row.scope,
        tokens=frozenset(row.tokens),  # type: ignore[arg-type]
        version=row.version,
    )
    if standing is None:
        return declared_now
    return replace(declared_now, type=standing.type, kept=standing.kept, built_in=True)
