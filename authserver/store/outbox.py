"""What is to be delivered after the commit that asked for it, and the mail texts that admins replaced."""

from datetime import datetime
from typing import NamedTuple

from authserver.store.database import Hot, Session

PUT = Hot(
    """INSERT INTO outbox (id, kind, name, recipient, user_id, source, about, payload, state, attempts, created_at,
                           next_at, expires_at)
       VALUES (:id, :kind, :name, :recipient, :user, :source, :about, :payload, 'waiting', 0, :now, :now, :expires)"""
)


def put(  # noqa: PLR0913
    db: Session,
    *,
    id_: str,
    kind: str,
    name: str,
    recipient: str,
    payload: bytes,
    now: datetime,
    expires: datetime,
    user: str | None,
    source: str | None = None,
    about: str | None = None,
) -> None:
    """Write down what is to be delivered."""
    row = {
        "id": id_,
        "kind": kind,
        "name": name,
        "recipient": recipient,
        "user": user,
        "source": source,
        "about": about,
        "payload": payload,
        "now": db.time(now),
        "expires": db.time(expires),
    }
    db.hot(PUT, row).close()


IS_DUE = """kind = :kind AND state = 'waiting' AND next_at <= :now
            AND (leased_until IS NULL OR leased_until <= :now)"""

ANY_DUE = Hot(f"SELECT 1 FROM outbox WHERE {IS_DUE} LIMIT 1")  # noqa: S608

# Whoever leases a row delivers it; others pass it by, on every node.
LEASE = Hot(
    f"""UPDATE outbox SET attempts = attempts + 1, leased_until = :until
         WHERE id = (SELECT id FROM outbox WHERE {IS_DUE}
                      ORDER BY next_at, id LIMIT 1 /*server: FOR UPDATE SKIP LOCKED*/)
     RETURNING id, name, recipient, user_id, payload, attempts, created_at, expires_at"""  # noqa: S608
)

OURS = "WHERE id = :id AND attempts = :attempt AND state = 'waiting'"

SENT = Hot(
    f"""UPDATE outbox SET state = 'sent', done_at = :now, leased_until = NULL, last_error = NULL,
                          payload = :payload {OURS} RETURNING id"""  # noqa: S608
)

AGAIN = Hot(
    f"UPDATE outbox SET next_at = :next, leased_until = NULL, last_error = :error {OURS} RETURNING id"  # noqa: S608
)

FAILED = Hot(
    f"""UPDATE outbox SET state = 'failed', done_at = :now, leased_until = NULL,
                          last_error = :error {OURS} RETURNING id"""  # noqa: S608
)

EXPIRE = Hot(
    """UPDATE outbox SET state = 'failed', done_at = :now, leased_until = NULL,
              last_error = COALESCE(last_error, :error)
        WHERE kind = :kind AND state = 'waiting' AND expires_at <= :now
          AND (leased_until IS NULL OR leased_until <= :now)
    RETURNING name, user_id, attempts, last_error"""
)

RETRY = Hot(
    """UPDATE outbox SET state = 'waiting', attempts = 0, next_at = :now, done_at = NULL,
              expires_at = CASE WHEN expires_at > :expires THEN expires_at ELSE :expires END
        WHERE id = :id AND payload IS NOT NULL AND state <> 'sent'
          AND (leased_until IS NULL OR leased_until <= :now)
    RETURNING id"""
)

COUNTS = Hot("SELECT state, count(*), min(created_at) FROM outbox WHERE kind = :kind GROUP BY state")

NOTICES = Hot("SELECT about FROM outbox WHERE user_id = :user AND name = :name AND created_at > :since")

# Times of mails, the oldest first: to an account or to an address, and those that a network asked for.
TO_ACCOUNT = Hot(
    """SELECT created_at FROM outbox WHERE user_id = :user AND name IN (:name, :twin) AND created_at > :since
        ORDER BY created_at"""
)

TO_ADDRESS = Hot(
    """SELECT created_at FROM outbox WHERE recipient = :recipient AND name IN (:name, :twin) AND created_at > :since
        ORDER BY created_at"""
)

ASKED_BY = Hot(
    "SELECT created_at FROM outbox WHERE source = :source AND created_at > :since ORDER BY created_at"
)
KEPT = """SELECT id, name, recipient, state, attempts, created_at, next_at, done_at, last_error, payload
            FROM outbox WHERE kind = :kind"""
KEPT_OF = Hot(f"{KEPT} ORDER BY id DESC LIMIT :limit")
KEPT_IN = Hot(f"{KEPT} AND state = :state ORDER BY id DESC LIMIT :limit")
REPLACED = Hot("SELECT name, locale, subject, text, html FROM mail_templates")


class HeldMail(NamedTuple):
    """What a row of `outbox` says."""

    id: str
    name: str
    recipient: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    done_at: datetime | None
    last_error: str | None
    payload: bytes | None


def outbox_rows(db: Session, kind: str, *, state: str | None = None, limit: int = 50) -> list[HeldMail]:
    """Those of a kind, the newest first."""
    time, asked = db.database.read_time, {"kind": kind, "limit": limit}
    rows = db.hot(KEPT_OF, asked) if state is None else db.hot(KEPT_IN, asked | {"state": state})
    return [
        HeldMail._make(
            (*row[:5], time(row[5]), time(row[6]), None if row[7] is None else time(row[7]), *row[8:])
        )
        for row in rows.fetchall()
    ]
