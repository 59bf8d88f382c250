"""One's own e-mail address: it counts once whoever asked typed the code that was sent there. PW-10, UP-9.

`asking` is the session that changes it, or the login that lacks one: no other can confirm what it asked for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver import once
from authserver.audit import Actor
from authserver.authentication import UserId
from authserver.errors import Refusal
from authserver.input import invalid
from authserver.issuer import Issuer
from authserver.mail import outbox, volume
from authserver.opaque import digits
from authserver.store import Session
from authserver.users import edit, find
from authserver.users.names import email_problem
from authserver.users.user import User

LETTER, KNOWN, TICKET = "confirm_address", "account_known", "email_change"
OVER = "email_change.over"
LASTS = timedelta(minutes=30)
DIGITS, TRIES = 6, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An address that waits for its code."""

    address: str
    ends_at: datetime


def pending(db: Session, issuer: Issuer, asking: str) -> Pending | None:
    found = once.standing(db, issuer.roots, TICKET, asking, now=issuer.clock())
    return None if found is None else Pending(address=found.payload["address"], ends_at=found.expires_at)


def begin(db: Session, issuer: Issuer, user: User, asking: str, text: str, *, by: Actor) -> None:
    """Mail a code to the new address. Somebody else's is told so by mail alone. PW-4."""
    address, now, source = text.strip(), issuer.clock(), volume.source_of(by.ip)
    if problem := email_problem(address):
        raise invalid({"email": problem})
    if user.email_verified and user.email == address:
        raise invalid({"email": "This is your address already."})
    volume.check(db, issuer, template=LETTER, to=address, source=source, user=user.id)
    owner = find.by_identifier(db, address)
    free = owner is None or owner.id == user.id
    code = digits(DIGITS)
    once.open_ticket(
        db, issuer.roots, TICKET, key=asking, answer=code, payload={"address": address, "free": free},
        attempts=TRIES, now=now, expires_at=now + LASTS,
    )  # fmt: skip
    outbox.enqueue(
        db,
        issuer,
        to=address,
        template=LETTER if free else KNOWN,
        locale=user.locale,
        values={"code": f"{code[:3]} {code[3:]}"} if free else {},
        link="/login",
        user=user.id,
        source=source,
    )


def confirm(db: Session, issuer: Issuer, user: UserId, asking: str, code: str, *, by: Actor) -> bool:
    """Put the address in the place of the old one, which is told. False where the code is wrong. PW-9."""
    now = issuer.clock()
    match once.consume(db, issuer.roots, TICKET, asking, "".join(code.split()), now=now):
        case once.Wrong():
            return False
        case once.Ticket(payload=about) if about["free"]:
            edit.set_own_email(db, issuer, user, about["address"], by=by)
            return True
        case _:
            raise Refusal("This code has ended. Ask for another one.", rule=OVER, status=410)
