"""Setting and Change: what may be shown of a setting, and of its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authserver.settings.live import Origin

NEVER = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`value` is in force; `where` says where to change it when it is fixed. `version` moves with each change."""

    name: str
    value: Any
    default: Any
    origin: Origin
    where: str = ""
    description: str
    schema: Mapping[str, Any]
    changed_by: str | None = None
    changed_at: datetime | None = None
    version: str = NEVER

    @property
    def is_fixed(self) -> bool:
        return self.origin in {"file", "environment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change; `old` or `new` is None where the default held."""

    id: str
    name: str
    old: Any
    new: Any
    by: str
    at: datetime
