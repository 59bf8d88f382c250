"""Read the audit: who did what, the newest first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authserver.errors import NotFound
from authserver.store import Session, records

FILTERS = ("event", "actor", "subject", "client", "session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as it was written."""

    id: str
    at: datetime
    event: str
    actor: str
    subject: str | None
    client: str | None
    session: str | None
    ip: str | None
    user_agent: str | None
    node: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the events; `next` is what to ask for those before them, None at the beginning."""

    items: tuple[Entry, ...]
    next: str | None


def page(db: Session, wanted: Mapping[str, str], *, before: str = "", limit: int = 50) -> Page:
    """Events that fit these of FILTERS."""
    rows = records.audit.audit_page(db, wanted, before=before, limit=limit + 1)
    items = tuple(map(_entry, rows[:limit]))
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def of_person(db: Session, subject: str, events: Iterable[str], *, before: str = "", limit: int = 50) -> Page:
    """These events about one person."""
    rows = records.audit.audit_of_person(db, subject, events, before=before, limit=limit + 1)
    items = tuple(map(_entry, rows[:limit]))
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def load(db: Session, event_id: str) -> Entry:
    row = records.audit.audit_event(db, event_id)
    if row is None:
        raise NotFound("There is no such event.", detail=f"no audit event {event_id!r}")
    return _entry(row)


def _entry(row: "records.operations.AuditEventRow") -> Entry:
    return Entry(**{name: getattr(row, name) for name in Entry.__dataclass_fields__})
