"""What others hand us for one use: assertion ids, passkey challenges."""

from datetime import datetime

from authserver.opaque import digest
from authserver.store import Hot, Session

REMEMBER = Hot(
    """INSERT INTO used_once (kind, digest, expires_at) VALUES (:kind, :digest, :until)
       ON CONFLICT DO NOTHING RETURNING kind"""
)


def remember(db: Session, kind: str, value: str, until: datetime) -> bool:
    """True for the first who brings this value, on any node; False for everyone after."""
    return db.one(REMEMBER, {"kind": kind, "digest": digest(value), "until": db.time(until)}) is not None
