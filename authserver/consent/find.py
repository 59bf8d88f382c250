"""Find what a person allowed."""

from typing import Any

from authserver.consent.consent import Consent
from authserver.scopes import split
from authserver.store import Session
from authserver.store.consents import GIVEN, OF_USER


def given(db: Session, user_id: str, client_id: str) -> Consent | None:
    """What this person allows this app now; None after it was withdrawn."""
    row = db.one(GIVEN, {"user": user_id, "client": client_id})
    return _consent(db, user_id, row) if row else None


def of_user(db: Session, user_id: str) -> tuple[Consent, ...]:
    """Everything that this person allows, the latest first."""
    cursor = db.hot(OF_USER, {"user": user_id})
    rows = cursor.fetchall()
    cursor.close()
    return tuple(_consent(db, user_id, row) for row in rows)


def _consent(db: Session, user_id: str, row: tuple[Any, ...]) -> Consent:
    client_id, scope, granted_at = row
    return Consent(
        user=user_id,
        client_id=client_id,
        scope=frozenset(split(scope)),
        granted_at=db.database.read_time(granted_at),
    )
