"""Statements that end what a restored backup would bring back to life."""

from datetime import datetime

from authserver.store.database import Hot, Session

REASON = "restored"
ENDING = {
    "sessions": Hot("UPDATE sso_sessions SET ended_at = :now, end_reason = :reason WHERE ended_at IS NULL"),
    "grants": Hot("UPDATE grants SET revoked_at = :now, revoke_reason = :reason WHERE revoked_at IS NULL"),
    "tickets": Hot("DELETE FROM tickets"),
    "logins": Hot("DELETE FROM transactions"),
    # Whatever was signed in after the backup has no row here; what had one has an epoch of the past.
    "people": Hot("UPDATE users SET epoch = epoch + 1"),
}


def end_everything(db: Session, now: datetime) -> dict[str, int]:
    """End every session, grant, ticket and login under way; returns how many of each."""
    values = {"now": db.time(now), "reason": REASON}
    ended: dict[str, int] = {}
    for name, statement in ENDING.items():
        needed = {key: value for key, value in values.items() if f":{key}" in statement.sql}
        cursor = db.hot(statement, needed)
        ended[name] = cursor.rowcount
        cursor.close()
    return ended
