"""Time is asked, not known: everything that needs the time is given a Clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def __call__(self) -> datetime: ...


class SystemClock:
    """The machine's time, in UTC."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251


def seconds(moment: datetime) -> int:
    """The NumericDate of RFC 7519: whole seconds since 1970."""
    return int(moment.timestamp())


def moment(text: str) -> datetime | None:
    """A date or a time as ISO 8601 writes it, in UTC where it names no zone; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
