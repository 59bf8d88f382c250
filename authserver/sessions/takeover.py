"""Ending a session elsewhere by choice of its owner, so that there is room here; that device is told so. SS-5, SS-6."""

from authserver.audit import Actor
from authserver.authentication import UserId
from authserver.issuer import Issuer
from authserver.sessions import ending, sso
from authserver.store import Session

TAKEN_OVER = "taken_over"
NOT_MINE = "not_mine"
EVERY = "every"


def take_over(db: Session, issuer: Issuer, user: UserId, chosen: str, *, by: Actor) -> int:
    """End the one of their sessions that they chose, or every one of which one is not theirs; how many ended."""
    now = issuer.clock()
    theirs = (session.id for session in sso.of_user(db, issuer, user, now))
    reason = NOT_MINE if chosen == EVERY else TAKEN_OVER
    wanted = [each for each in theirs if chosen in {each, EVERY}]
    return sum(ending.end(db, issuer, each, reason=reason, by=by, now=now) for each in wanted)
