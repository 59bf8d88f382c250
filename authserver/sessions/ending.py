"""The end of a session, and of all that ends with it. Nothing of it is kept in memory, so it is seen everywhere."""

from datetime import datetime

from authserver.audit import Actor, record
from authserver.audit.events import SessionEnded
from authserver.authentication import SessionId, UserId
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.opaque import digest
from authserver.sessions import logout
from authserver.sessions.sso import SsoSession, load
from authserver.store import Session
from authserver.store.sessions import CARRY_GRANTS, CARRY_SESSION, END_SESSION, END_SESSIONS_OF
from authserver.store.trusted import FORGET_OF_SESSION
from authserver.tokens import grant

# What ends a session without anybody having asked that its apps be ended too. RT-10.
SPARES_OFFLINE = frozenset({"signed_out", "replaced", "expired"})


def end(db: Session, issuer: Issuer, session_id: str, *, reason: str, by: Actor, now: datetime) -> bool:
    """End a session everywhere, with the apps that end with it; True for whoever did it. SS-3, RT-10."""
    values = {"id": session_id, "reason": reason, "agent": by.user_agent, "now": db.time(now)}
    row = db.one(END_SESSION, values)
    if row is None:
        return False
    _ended(db, issuer, session_id, UserId(row[0]), reason=reason, by=by)
    return True


def end_others(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    user: UserId,
    *,
    keep: SessionId | None,
    reason: str,
    by: Actor,
    now: datetime,
) -> int:
    """End every session of a person but one, with their apps; how many ended."""
    values = {
        "user": user,
        "keep": keep or "",
        "reason": reason,
        "agent": by.user_agent,
        "now": db.time(now),
    }
    ended = [row[0] for row in db.hot(END_SESSIONS_OF, values).fetchall()]
    for session_id in ended:
        _ended(db, issuer, session_id, user, reason=reason, by=by)
    return len(ended)


def keep_alone(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    standing: SsoSession,
    *,
    epoch: int,
    handle: str,
    reason: str,
    by: Actor,
) -> SsoSession:
    """Let one session go on, with its apps, in the epoch that began just now; all others end. SS-7.

    From now on only the new handle reads it. Raises when it had ended itself, so that nothing of the change stays:
    of two sessions that end each other at once, one is alone.
    """
    user, now = standing.user, issuer.clock()
    end_others(db, issuer, user, keep=standing.id, reason=reason, by=by, now=now)
    grant.revoke_where(db, issuer, reason=reason, by=by, user=user, spare_session=standing.id)
    values = {"id": standing.id, "user": user, "epoch": epoch, "digest": digest(handle)}
    carried = db.one(CARRY_SESSION, values) is not None
    db.hot(CARRY_GRANTS, values).close()
    kept = load(db, standing.id, now) if carried else None
    if kept is None:
        raise Refusal("This session ended meanwhile. Sign in again.", rule="session_ended", status=403)
    return kept


def _ended(db: Session, issuer: Issuer, session_id: str, user: UserId, *, reason: str, by: Actor) -> None:
    grant.revoke_where(
        db,
        issuer,
        reason=f"session_{reason}",
        by=by,
        user=user,
        session=session_id,
        spare_offline=reason in SPARES_OFFLINE,
    )
    if reason not in SPARES_OFFLINE:
        db.hot(FORGET_OF_SESSION, {"user": user, "session": session_id}).close()
    logout.tell(db, issuer, session_id, user)
    event = SessionEnded(subject=user, session=session_id, reason=reason)
    record(db, event, by=by, at=issuer.clock())
