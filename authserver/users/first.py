"""The first owner: whoever holds the link that the terminal showed, once, and only while there is no owner."""

from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import OwnerMade
from authserver.issuer import Issuer
from authserver.once import Ticket, consume, peek
from authserver.store import Session
from authserver.store.health import OWNER
from authserver.users import edit
from authserver.users.user import User

KIND = "setup"


def has_owner(db: Session) -> bool:
    return db.one(OWNER, {}) is not None


def is_open(db: Session, issuer: Issuer, ticket: str) -> bool:
    """Whether this link would make an owner now. Looking spends nothing."""
    found = peek(db, issuer.roots, KIND, ticket, now=issuer.clock())
    return isinstance(found, Ticket) and not has_owner(db)


def make(
    db: Session, issuer: Issuer, ticket: str, given: dict[str, Any], phc_hash: str, *, by: Actor
) -> User | None:
    """Spend the link for an owner; None when somebody was first. The link vouches for the address."""
    if not is_open(db, issuer, ticket):
        return None
    key, _, answer = ticket.partition(".")
    if not isinstance(consume(db, issuer.roots, KIND, key, answer, now=issuer.clock()), Ticket):
        return None
    owner = Actor(kind="system", role="owner", ip=by.ip, user_agent=by.user_agent)
    made = edit.add(db, issuer, {**given, "email_verified": True, "role": "owner"}, by=owner)
    edit.set_password(db, issuer, made.id, phc_hash, by=owner)
    record(db, OwnerMade(subject=made.id, way="setup_link"), by=owner, at=issuer.clock())
    return made
