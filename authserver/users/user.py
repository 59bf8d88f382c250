"""User: a person with an account, as an immutable record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from authserver.authentication import UserId

Status = Literal["active", "locked", "disabled", "deleted"]
Role = Literal["owner", "admin", "support", "auditor"]


class User(NamedTuple):
    """`subject` is the sub of tokens; `id` stays inside. `email` is the primary address, verified or not."""

    id: UserId
    subject: str
    username: str | None
    name: str
    email: str | None
    email_verified: bool
    locale: str | None
    status: Status
    role: Role | None
    epoch: int
    groups: tuple[str, ...]
    attributes: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None
    max_sessions: int | None
    version: int

    @property
    def is_active(self) -> bool:
        return self.status == "active"
