"""What may be done by an API token: scopes, and the least role that may hold each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from authserver.users.rank import RANKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`role` is the least role that may hold the scope; those above it may, too."""

    role: str
    sentence: str


def _access(role: str, sentence: str) -> Access:
    return Access(role=role, sentence=sentence)


SCOPES: Mapping[str, Access] = {
    "clients:read": _access("auditor", "See applications."),
    "clients:write": _access("admin", "Add, change and remove applications, and renew their secrets."),
    "apis:read": _access("auditor", "See APIs and their scopes."),
    "apis:write": _access("admin", "Add, change and remove APIs."),
    "groups:read": _access("auditor", "See groups and who is in them."),
    "groups:write": _access("admin", "Add, change and remove groups, and who is in them."),
    "attributes:read": _access("auditor", "See which attributes are kept of people."),
    "attributes:write": _access("admin", "Declare, change and remove attributes."),
    "users:read": _access("auditor", "See people."),
    "users:help": _access("support", "Lock and unlock people, and give them a password."),
    "users:write": _access("admin", "Add, change and remove people."),
    "providers:read": _access("auditor", "See providers, never their secrets."),
    "providers:write": _access("admin", "Add, test, change, switch and remove providers."),
    "settings:read": _access("auditor", "See settings and their history."),
    "settings:write": _access("admin", "Change settings."),
    "keys:read": _access("auditor", "See which keys sign tokens, never the keys."),
    "tokens:read": _access("auditor", "See which API tokens there are, never the tokens."),
    "tokens:write": _access("admin", "Make API tokens no wider than one's own, and revoke them."),
    "audit:read": _access("auditor", "Read who did what."),
}


def reaches(role: str | None, least: str) -> bool:
    """Whether a role is the least one that is asked for, or stands above it."""
    return RANKS.get(role or "", 0) >= RANKS[least]


def scopes_of(role: str) -> tuple[str, ...]:
    """Every scope that this role may hold."""
    return tuple(name for name, access in SCOPES.items() if reaches(role, access.role))


def beyond(role: str, scopes: Collection[str]) -> tuple[str, ...]:
    """Those of these scopes that do not exist, or that this role may not hold."""
    held = scopes_of(role)
    return tuple(scope for scope in scopes if scope not in held)
