"""Statements on API tokens, of which only a digest is kept."""

from datetime import datetime

from authserver.store.database import Hot, Session

BY_DIGEST = Hot(
    """SELECT t.id, t.made_by IS NULL OR u.status = 'active', t.made_by, u.role
         FROM api_tokens t LEFT JOIN users u ON u.id = t.made_by WHERE t.digest = :digest"""
)

TOUCH = Hot(
    """UPDATE api_tokens SET last_used_at = :now
        WHERE id = :id AND (last_used_at IS NULL OR last_used_at <= :before)"""
)

REVOKE = Hot(
    """WITH RECURSIVE family (id) AS (
            SELECT id FROM api_tokens WHERE id = :id
            UNION SELECT t.id FROM api_tokens t JOIN family f ON t.made_with = f.id)
       UPDATE api_tokens SET revoked_at = :now
        WHERE id IN (SELECT id FROM family) AND revoked_at IS NULL
    RETURNING id"""
)


def revoke_family(db: Session, token_id: str, now: datetime) -> list[str]:
    """Revoke a token and all that were made with it; gives those that ended now."""
    cursor = db.hot(REVOKE, {"id": token_id, "now": db.time(now)})
    found = [row[0] for row in cursor.fetchall()]
    cursor.close()
    return found
