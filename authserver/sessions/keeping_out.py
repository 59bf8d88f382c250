"""What an administrator does to somebody that ends all they are signed in to; their apps are told. SS-7, LO-4."""

from authserver.audit import Actor
from authserver.authentication import UserId
from authserver.issuer import Issuer
from authserver.sessions import ending, limits
from authserver.store import Session
from authserver.users import edit
from authserver.users.edit import Stands
from authserver.users.user import User


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
    _end(db, issuer, user, "user_removed", by)
    edit.remove(db, issuer, user, by=by)


def reset_password(
    db: Session, issuer: Issuer, user: UserId, phc_hash: str, *, by: Actor, stands: Stands = "alone"
) -> int:
    """Set a password for somebody who is not signed in: no session goes on."""
    epoch = edit.set_password(db, issuer, user, phc_hash, by=by, stands=stands)
    _end(db, issuer, user, "password_reset", by)
    return epoch


def _end(db: Session, issuer: Issuer, user: UserId, reason: str, by: Actor) -> None:
    ending.end_others(db, issuer, user, keep=None, reason=reason, by=by, now=issuer.clock())
