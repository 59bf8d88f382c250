"""User: a person with an account, as an immutable record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from authserver.authentication import UserId

Status = Literal["active", "locked", "disabled", "deleted"]
Role = Literal["owner", "admin", "support", "auditor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`subject` is the sub of tokens; `id` stays inside. `email` is the primary address, verified or not."""

    id: UserId
    subject: str
    username: str | None = None
    name: str = ""
    email: str | None = None
    email_verified: bool = False
    locale: str | None = None
    status: Status = "active"
    role: Role | None = None
    epoch: int = 0
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None = None
    max_sessions: int | None = None
    version: int = 1

    @property
    def is_active(self) -> bool:
        return self.status == "active"
