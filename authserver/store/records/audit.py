"""Statements that read the audit."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from authserver.store.database import Session
from authserver.store.records.operations import AuditEventRow


def audit_page(db: Session, wanted: Mapping[str, str], *, before: str, limit: int) -> Sequence[AuditEventRow]:
    """Events of which all these columns have these values, the newest first; `before` is an id seen already."""
    found = select(AuditEventRow)
    for name, value in wanted.items():
        found = found.where(getattr(AuditEventRow, name) == value)
    if before:
        found = found.where(AuditEventRow.id < before)
    return db.orm.scalars(found.order_by(AuditEventRow.id.desc()).limit(limit)).all()


def audit_of_person(
    db: Session, subject: str, events: Iterable[str], *, before: str, limit: int
) -> Sequence[AuditEventRow]:
    """Events of these names about one person, the newest first."""
    found = select(AuditEventRow).where(
        AuditEventRow.subject == subject, AuditEventRow.event.in_(list(events))
    )
    if before:
        found = found.where(AuditEventRow.id < before)
    return db.orm.scalars(found.order_by(AuditEventRow.at.desc(), AuditEventRow.id.desc()).limit(limit)).all()


def audit_event(db: Session, event_id: str) -> AuditEventRow | None:
    return db.orm.get(AuditEventRow, event_id)
