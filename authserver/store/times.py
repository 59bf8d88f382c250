"""Instants as the drivers take and give them."""

from datetime import UTC, datetime
from typing import Any


def time_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds")


def aware(value: datetime) -> datetime:
    return value


def read_time(value: Any) -> datetime:
    """An instant as a driver returned it: text from SQLite, aware from PostgreSQL."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)
