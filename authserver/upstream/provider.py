"""Provider: one configured upstream, as an immutable record; and the snapshot of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from authserver.upstream.contract import UpstreamConfig
from authserver.upstream.form import Rules
from authserver.upstream.registry import Kind

Status = Literal["draft", "active", "disabled"]
SECRET_SHOWN: Mapping[str, bool] = {"set": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`id` names it in links, proofs and sessions; `slug` in addresses. `kind` and `config` are ready for use."""

    id: str
    slug: str
    kind_name: str
    preset: str
    title: str
    status: Status
    position: int
    kind: Kind
    config: UpstreamConfig
    rules: Rules
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    @property
    def factor(self) -> str:
        """The name of its proofs, by which sessions that it opened are found."""
        return factor_of(self.id)

    def shown_config(self) -> dict[str, Any]:
        """The settings without their secrets: of those it is said only whether they are set. AD-6."""
        secret = self.config.secrets()
        plain = self.config.model_dump(mode="json", exclude=set(secret))
        return plain | {name: {"set": bool(getattr(self.config, name))} for name in sorted(secret)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that cannot be used: its kind is not installed, or its settings are not what the kind takes now."""

    id: str
    slug: str
    kind_name: str
    title: str
    status: Status
    problem: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """All of them at one moment, in the order of the sign-in page."""

    every: tuple[Provider, ...] = ()
    broken: tuple[Broken, ...] = ()

    def by_slug(self, slug: str) -> Provider | None:
        return next((each for each in self.every if each.slug == slug), None)

    def by_id(self, provider_id: str) -> Provider | None:
        return next((each for each in self.every if each.id == provider_id), None)

    @property
    def active(self) -> tuple[Provider, ...]:
        return tuple(each for each in self.every if each.is_active)

    def of_address(self, text: str) -> Provider | None:
        """The active provider that an e-mail address belongs to, by its domain."""
        _, at, domain = text.strip().lower().rpartition("@")
        if not at:
            return None
        return next((each for each in self.active if domain in each.rules.domains), None)


def factor_of(provider_id: str) -> str:
    return f"upstream:{provider_id}"
