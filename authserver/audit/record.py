"""Writes an event in the acting transaction: if it cannot be written, the act fails."""

from datetime import datetime

from authserver import compact, metrics
from authserver.audit.actor import Actor
from authserver.audit.events import Event
from authserver.opaque import new_id
from authserver.store import Hot, Session

INSERT = Hot(
    """INSERT INTO audit_events (id, at, event, actor, subject, client, session, ip, user_agent, node, data)
       VALUES (:id, :at, :event, :actor, :subject, :client, :session, :ip, :user_agent, :node, :data)"""
)


def record(db: Session, event: Event, *, by: Actor, at: datetime) -> None:
    """Write the event down, and hand it on to what tells people of it (users/notices.py)."""
    db.hot(
        INSERT,
        {
            "id": new_id(),
            "at": db.time(at),
            "event": event.name,
            "actor": by.label,
            "subject": event.subject,
            "client": event.client,
            "session": event.session or by.session,
            "ip": by.ip or None,
            "user_agent": by.user_agent[:512] or None,
            "node": db.database.node or None,
            "data": compact.dumps_any(event.data()),
        },
    ).close()
    metrics.count("events", event=event.name)
    if db.database.told is not None:
        db.database.told(db, event, by, at)
