"""Statements that end what a restored backup would bring back to life."""

from collections.abc import Collection
from datetime import datetime

from authserver.store.database import Hot, Session

REASON = "restored"
RECOVERY_CODES = "recovery_codes"
API_TOKENS = "api_tokens"
ENDING = {
    "sessions": Hot("UPDATE sso_sessions SET ended_at = :now, end_reason = :reason WHERE ended_at IS NULL"),
    "grants": Hot("UPDATE grants SET revoked_at = :now, revoke_reason = :reason WHERE revoked_at IS NULL"),
    "tickets": Hot("DELETE FROM tickets"),
    "logins": Hot("DELETE FROM transactions"),
    # A code that was used after the backup, up to one step ahead of the clock, is spent.
    "apps": Hot(
        """UPDATE totp_devices SET last_step = :seconds / period + 1
            WHERE confirmed_at IS NOT NULL AND last_step <= :seconds / period"""
    ),
    RECOVERY_CODES: Hot("DELETE FROM recovery_codes"),
    # One that was revoked after the backup, since it had leaked perhaps, is no more known than the others.
    API_TOKENS: Hot("UPDATE api_tokens SET revoked_at = :now WHERE revoked_at IS NULL"),
    # What was to be delivered then was delivered since, or leads to what is ended here.
    "deliveries": Hot("DELETE FROM outbox WHERE state = 'waiting'"),
    # Whatever was signed in after the backup has no row here; what had one has an epoch of the past.
    "people": Hot("UPDATE users SET epoch = epoch + 1"),
}


def end_everything(db: Session, now: datetime, spare: Collection[str] = ()) -> dict[str, int]:
    """End every session, grant, ticket, login under way, recovery code and API token; returns how many of each."""
    values = {"now": db.time(now), "reason": REASON, "seconds": int(now.timestamp())}
    ended: dict[str, int] = {}
    for name, statement in ENDING.items():
        if name in spare:
            continue
        needed = {key: value for key, value in values.items() if f":{key}" in statement.sql}
        cursor = db.hot(statement, needed)
        ended[name] = cursor.rowcount
        cursor.close()
    return ended
