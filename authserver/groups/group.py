"""Group: a named set of people, as an immutable record."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`name` is what tokens, clients and APIs say and never changes; `title` is for people."""

    id: str
    name: str
    title: str = ""
    second_factor: str | None = None
    members: int = 0
    max_sessions: int | None = None
    created_at: datetime
    version: int = 1
