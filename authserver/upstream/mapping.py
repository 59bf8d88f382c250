"""What an identity gives an account, by its provider's rules. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authserver.groups.attributes import Attribute, value_problem
from authserver.upstream.contract import Identity
from authserver.upstream.form import Rules
from authserver.upstream.provider import Provider
from authserver.users.form import LANGUAGE
from authserver.users.names import email_problem

NAMES = ("given_name", "family_name")
RANK = ("admin", "support", "auditor")
TRUE, FALSE = {"true", "1"}, {"false", "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """`attributes` are values that fit what is declared; `left_out` says of the others why. `role` None: none."""

    name: str = ""
    locale: str | None = None
    email: str | None = None
    email_believed: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] | None = ()
    role: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def mapped(provider: Provider, identity: Identity, declared: Iterable[Attribute]) -> Mapped:
    """Apply the rules."""
    rules = provider.rules
    known = {each.name: each for each in declared if each.kept == "attributes"}
    given = said(identity)
    wanted = dict(rules.attributes)
    if rules.profile:
        wanted = {name: name for name in NAMES if name in known and given.get(name)} | wanted
    found, left_out = {}, {}
    for ours, theirs in wanted.items():
        value = given.get(theirs)
        attribute = known.get(ours)
        if value in (None, "", []):
            left_out[ours] = f"It says no {theirs}."
        elif attribute is None:
            left_out[ours] = "There is no such attribute here."
        elif (fitting := _fitting(attribute, value)) is None:
            left_out[ours] = value_problem(attribute, value) or "It does not fit."
        else:
            found[ours] = fitting
    email = identity.email if identity.email and email_problem(identity.email) is None else None
    return Mapped(
        name=identity.name or " ".join(filter(None, (identity.given_name, identity.family_name))),
        locale=identity.locale if LANGUAGE.fullmatch(identity.locale or "-") else None,
        email=email,
        email_believed=email is not None and believes(provider, identity),
        attributes=found,
        groups=_groups(rules, identity),
        role=_role(rules, identity),
        left_out=left_out,
    )


def believes(provider: Provider, identity: Identity) -> bool:
    """UP-2: whether its word on this very address counts: it says verified; or cannot, and the domain is its own."""
    rules = provider.rules
    if not rules.trusted_email:
        return False
    is_its_own = not provider.kind.says_verified and _domain(identity) in rules.domains
    return identity.email_verified or is_its_own


def makes_account(provider: Provider, identity: Identity) -> bool:
    """UP-8: whether a first sign-in makes an account; an address that is merely claimed is of no domain."""
    rules = provider.rules
    if rules.accounts != "domains":
        return rules.accounts == "on"
    is_known = identity.email_verified or believes(provider, identity)
    return is_known and _domain(identity) in rules.account_domains


def said(identity: Identity) -> dict[str, Any]:
    """Everything that the provider said of somebody, by name; what it calls its own wins."""
    standard = {
        "sub": identity.subject,
        "preferred_username": identity.username,
        "name": identity.name,
        "given_name": identity.given_name,
        "family_name": identity.family_name,
        "email": identity.email,
        "locale": identity.locale,
        "page": identity.page,
    }
    return {name: value for name, value in standard.items() if value} | dict(identity.attributes)


def _domain(identity: Identity) -> str:
    return identity.email.rpartition("@")[2].lower()


def _groups(rules: Rules, identity: Identity) -> tuple[str, ...] | None:
    if identity.groups is None:
        return None
    return tuple(dict.fromkeys(rules.groups[each] for each in identity.groups if each in rules.groups))


def _role(rules: Rules, identity: Identity) -> str | None:
    if not rules.gives_roles:
        return None
    given = {rules.roles[each] for each in identity.groups or () if each in rules.roles}
    return next((role for role in RANK if role in given), None)


def _fitting(attribute: Attribute, value: Any) -> Any:
    """The value as its attribute takes it; None where it cannot."""
    match attribute.type, value:
        case "list", str():
            value = [value]
        case "string" | "integer" | "boolean", [first, *_]:
            return _fitting(attribute, first)
        case "string", int() if not isinstance(value, bool):
            value = str(value)
        case "integer", str() if value.isascii() and value.lstrip("-").isdigit() and len(value) < LONG:
            value = int(value)
        case "boolean", str() if value.lower() in TRUE | FALSE:
            value = value.lower() in TRUE
        case _:
            pass
    return value if value_problem(attribute, value) is None else None


LONG = 16
