"""What people say on their way in beside their proofs: yes to the terms, and an address of theirs. UP-9.

It is asked when everything is proved and before there is a session, so that it stands between a person and every app.
"""

from typing import NamedTuple

from authserver.authentication import UserId
from authserver.issuer import Issuer
from authserver.login.requirements import ADDRESS, TERMS
from authserver.mail import outbox
from authserver.store import Session
from authserver.store.terms import STANDING
from authserver.transaction import Purpose, Transaction
from authserver.users import terms
from authserver.users.user import User

OFF, REQUIRED = "off", "required"


class Standing(NamedTuple):
    """What somebody has said already."""

    has_address: bool
    has_accepted: bool
    is_admin: bool


def lacking(db: Session, issuer: Issuer, tx: Transaction, person: User | None = None) -> tuple[str, ...]:
    """The pages that stand between a login and its end; none where a session is only proved again.

    `person` is theirs where this transaction has read it: only what they accepted is not in it.
    """
    if tx.user is None or tx.purpose is Purpose.FRESH or tx.steps_up is not None:
        return ()
    asks_terms, address = terms.version(issuer), issuer.settings.confirmed_address
    # What may be skipped keeps nobody from an app that has no page to skip it on.
    is_app = tx.purpose is Purpose.APP
    asks_address = address == REQUIRED or (address != OFF and not is_app)
    asks_address = asks_address and not tx.skips and outbox.can_send(issuer)
    if not (asks_terms or asks_address):
        return ()
    if person is None or asks_terms:
        said = _standing(db, tx.user, asks_terms)
    else:
        said = Standing(
            has_address=person.email_verified, has_accepted=False, is_admin=person.role is not None
        )
    lacks_address = asks_address and not said.has_address and not (is_app and said.is_admin)
    lacks = ((TERMS, asks_terms and not said.has_accepted), (ADDRESS, lacks_address))
    return tuple([step for step, is_lacking in lacks if is_lacking])


def may_skip(db: Session, issuer: Issuer, user: UserId) -> bool:
    """Whether somebody may go on without an address: admins always, so that mail that fails keeps none of them out."""
    return issuer.settings.confirmed_address != REQUIRED or _standing(db, user, "").is_admin


def _standing(db: Session, user: UserId, version: str) -> Standing:
    row = db.one(STANDING, {"user": user, "version": version})
    if row is None:
        raise LookupError("a login has a person")
    return Standing(
        has_address=row[0] is not None, has_accepted=row[1] is not None, is_admin=row[2] is not None
    )
