"""Everything is proved, and the person is signed in on as many devices as they may be: they choose which one ends.

No session exists until they have chosen; the choice is one for this login, and for five minutes. SS-5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver.authentication import Kind
from authserver.issuer import Issuer
from authserver.login import arrival
from authserver.login.completion import Entered, Visitor, complete, entered_already
from authserver.login.requirements import Complete
from authserver.login.steps import before_room
from authserver.login.transaction import find_row
from authserver.sessions import limits, takeover
from authserver.sessions.limits import Full
from authserver.store import Session, retrying
from authserver.transaction import Purpose, Transaction

CHOICE_LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Over:
    """There is nothing to choose in this login: not yet, or not any more."""


def is_open(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor) -> bool:
    """Whether everything is proved, and a moment ago."""
    late = not tx.proofs or open_until(db, issuer, tx) <= issuer.clock()
    return not late and isinstance(before_room(db, issuer, tx, visitor), Complete)


def choose(issuer: Issuer, tx: Transaction, chosen: str, visitor: Visitor) -> Entered | Full | Over:
    """End what was chosen and open the session, both or neither; without a choice only where there is room now.

    Full where it is not enough, or what was chosen had ended and another took its place.
    """
    return retrying(lambda: _choose(issuer, tx, chosen, visitor))


def _choose(issuer: Issuer, tx: Transaction, chosen: str, visitor: Visitor) -> Entered | Full | Over:
    with issuer.database.writing() as db:
        if tx.user is None:
            return Over()
        # Before the login is looked at: of a double submit the second one finds what the first one did.
        limits.hold(db, issuer, tx.user)
        row = find_row(db, tx.id, tx.browser)
        if row is None or row.tx.user != tx.user or not row.person_stands:
            return Over()
        if row.tx.session is not None and tx.purpose is Purpose.APP:
            return Over()
        if row.tx.session is not None:
            return entered_already(db, issuer, row.tx, visitor) or Over()
        if not is_open(db, issuer, row.tx, visitor):
            return Over()
        if chosen:
            by = visitor.by._replace(kind="user", id=tx.user)
            takeover.take_over(db, issuer, tx.user, chosen, by=by)
        return complete(db, issuer, row.tx, visitor) or Over()


def open_until(db: Session, issuer: Issuer, tx: Transaction) -> datetime:
    """Until when the choice of a login that proved everything may be made."""
    latest = max(proof.at for proof in tx.proofs)
    came = arrival.came_at(db, issuer, tx) if tx.proofs[-1].kind is Kind.UPSTREAM else None
    return (latest if came is None else max(latest, came)) + CHOICE_LASTS
