"""Remember what a person allowed, and take it back."""

from collections.abc import Iterable

from authserver.audit import Actor, record
from authserver.audit.events import Consented, ConsentWithdrawn
from authserver.consent.find import given
from authserver.issuer import Issuer
from authserver.scopes import join, split
from authserver.store import Session
from authserver.store.consents import FORGET_USER, HOLD, REMEMBER, WITHDRAW


def remember(
    db: Session, issuer: Issuer, user_id: str, client_id: str, scope: Iterable[str], *, by: Actor
) -> None:
    """Keep what was allowed now beside what was allowed before, so that only more is asked again. AZ-15."""
    now = issuer.clock()
    before = given(db, user_id, client_id)
    words = join((*(before.scope if before else ()), *scope))
    db.hot(REMEMBER, {"user": user_id, "client": client_id, "scope": words, "now": db.time(now)}).close()
    record(db, Consented(subject=user_id, client=client_id, scope=words), by=by, at=now)


def hold(db: Session, user_id: str, client_id: str, scope: Iterable[str]) -> bool:
    """Whether this much is allowed still, until the transaction ends: nobody withdraws it in between. RT-9."""
    row = db.one(HOLD, {"user": user_id, "client": client_id})
    return row is not None and frozenset(scope) <= frozenset(split(row[0]))


def forget(db: Session, user_id: str) -> None:
    """Remove what somebody who is being removed ever allowed."""
    db.hot(FORGET_USER, {"user": user_id}).close()


def withdraw(db: Session, issuer: Issuer, user_id: str, client_id: str, *, by: Actor) -> bool:
    """Take a consent back; False where there was none. The caller ends the app's grants in this transaction."""
    now = issuer.clock()
    if db.one(WITHDRAW, {"user": user_id, "client": client_id, "now": db.time(now)}) is None:
        return False
    record(db, ConsentWithdrawn(subject=user_id, client=client_id), by=by, at=now)
    return True
