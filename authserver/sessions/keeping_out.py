"""What an administrator does to somebody that ends all they are signed in to; their apps are told. SS-7, LO-4."""

from authserver.audit import Actor
from authserver.authentication import UserId
from authserver.consent import edit as consents
from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.sessions import ending, limits
from authserver.store import Session
from authserver.store.sessions import LOAD_SESSION
from authserver.tokens import grant
from authserver.users import edit, find
from authserver.users.edit import Stands
from authserver.users.rank import check_may_change
from authserver.users.user import User

BY_ADMIN = "ended_by_admin"


def lock(db: Session, issuer: Issuer, user: UserId, *, by: Actor) -> User:
    """Keep somebody out for now."""
    done = edit.lock(db, issuer, user, by=by)
    _end(db, issuer, user, "locked", by)
    return done


def disable(db: Session, issuer: Issuer, user: UserId, *, by: Actor) -> User:
    """Switch an account off."""
    done = edit.disable(db, issuer, user, by=by)
    _end(db, issuer, user, "disabled", by)
    return done


def remove(db: Session, issuer: Issuer, user: UserId, *, by: Actor) -> None:
    """Delete what is known of a person."""
    limits.hold(db, issuer, user)
    # In the order of whoever opens a grant, who holds the consent and then the session: else each waits for the other.
    consents.forget(db, user)
    _end(db, issuer, user, "user_removed", by)
    edit.remove(db, issuer, user, by=by)


def reset_password(
    db: Session, issuer: Issuer, user: UserId, phc_hash: str, *, by: Actor, stands: Stands = "alone"
) -> int:
    """Set a password for somebody who is not signed in: no session goes on."""
    epoch = edit.set_password(db, issuer, user, phc_hash, by=by, stands=stands)
    _end(db, issuer, user, "password_reset", by)
    return epoch


def end_session(db: Session, issuer: Issuer, session_id: str, *, by: Actor) -> None:
    """End one session of somebody, with its apps. SS-8."""
    row = db.one(LOAD_SESSION, {"id": session_id})
    user = find.load(db, row[1]) if row is not None else None
    if user is not None:
        check_may_change(by, user.id, user.role)
    if not ending.end(db, issuer, session_id, reason=BY_ADMIN, by=by, now=issuer.clock()):
        raise NotFound("There is no such session any more.", detail=f"no session {session_id!r} to be ended")


def end_all(db: Session, issuer: Issuer, user: UserId, *, by: Actor) -> int:
    """End everything that somebody is signed in to, also what is only being signed in now; how many sessions."""
    edit.bump_epoch(db, issuer, user, reason=BY_ADMIN, by=by)
    count = ending.end_others(db, issuer, user, keep=None, reason=BY_ADMIN, by=by, now=issuer.clock())
    grant.revoke_where(db, issuer, reason=BY_ADMIN, by=by, user=user)
    return count


def _end(db: Session, issuer: Issuer, user: UserId, reason: str, by: Actor) -> None:
    ending.end_others(db, issuer, user, keep=None, reason=reason, by=by, now=issuer.clock())
