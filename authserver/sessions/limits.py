"""admit(): on how many devices somebody may be signed in at once, and which of them to choose from when it is full.

The number is the person's own, else the strictest of their groups, else the setting; 0 is no limit. SS-4.
"""

from dataclasses import dataclass

from authserver.authentication import UserId
from authserver.issuer import Issuer
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.store.sessions import HOLD_LIMITS_OF, LIMITS_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """No more than `most` at once: one of those that are `standing` must end first."""

    most: int
    standing: tuple[SsoSession, ...]


def admit(db: Session, issuer: Issuer, user: UserId, *, besides: str | None = None) -> Full | None:
    """None where one more session may open, `besides` not counted; nobody else is asked until this transaction ends."""
    return _full(db, issuer, user, besides, hold(db, issuer, user))


def look(db: Session, issuer: Issuer, user: UserId, *, besides: str | None = None) -> Full | None:
    """The same for a page: by the time that somebody answers it may be otherwise."""
    return _full(db, issuer, user, besides, _most(issuer, db.hot(LIMITS_OF, {"user": user}).fetchall()))


def hold(db: Session, issuer: Issuer, user: UserId) -> int:
    """On how many devices somebody may be at once, 0 for any number; their sign-ins follow each other from here on."""
    return _most(issuer, db.hot(HOLD_LIMITS_OF, {"user": user}).fetchall())


def _most(issuer: Issuer, rows: list[tuple[int | None, int | None]]) -> int:
    """What the rows of a person and their groups come to: each row is their own number beside that of a group."""
    own = next((row[0] for row in rows), None)
    of_groups = [row[1] for row in rows if row[1] is not None]
    if own is not None:
        return own
    if of_groups:
        return min((most for most in of_groups if most), default=0)
    return issuer.settings.max_sessions


def _full(db: Session, issuer: Issuer, user: UserId, besides: str | None, most: int) -> Full | None:
    if not most:
        return None
    every = sso.of_user(db, issuer, user, issuer.clock())
    standing = tuple(session for session in every if session.id != besides)
    return Full(most=most, standing=standing) if len(standing) >= most else None
