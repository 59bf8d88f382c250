"""Terms and the privacy text: who accepted which version, and when."""

from collections.abc import Mapping
from datetime import datetime

from authserver.audit import Actor, record
from authserver.audit.events import TermsAccepted
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.store.terms import ACCEPT, ACCEPTED


def version(issuer: Issuer) -> str:
    """The version that people must have accepted; empty where nobody is asked."""
    return issuer.settings.terms_version


def accept(db: Session, issuer: Issuer, user_id: str, accepted: str, *, at: datetime, by: Actor) -> None:
    """Keep that somebody said yes to this version, once, with the time."""
    if db.one(ACCEPT, {"user": user_id, "version": accepted, "now": db.time(at)}) is not None:
        record(db, TermsAccepted(subject=user_id, version=accepted), by=by, at=issuer.clock())


def accepted(db: Session, user_id: str) -> Mapping[str, datetime]:
    """When somebody said yes to which version, oldest first."""
    rows = db.hot(ACCEPTED, {"user": user_id}).fetchall()
    return {row[0]: db.database.read_time(row[1]) for row in rows}
