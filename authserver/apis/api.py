"""Api: a resource server, as an immutable record."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiScope:
    """`clients` and `groups` name who may have it; None is everyone. What is required counts beside the API's."""

    name: str
    sentences: Mapping[str, str] = field(default_factory=dict)
    clients: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    required_acr: str | None = None
    required_max_age: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    id: str
    identifier: str
    name: str
    scopes: tuple[ApiScope, ...] = ()
    token_lifetime: int | None = None
    required_acr: str | None = None
    required_max_age: int | None = None
    is_default: bool = False
    version: int = 1
