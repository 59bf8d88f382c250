"""A code mailed to a verified address: a second factor for where there is no better one. EOTP-1 to EOTP-6."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from authserver import once
from authserver.agents import plain
from authserver.audit import Actor, record
from authserver.audit.events import CodeSent
from authserver.authentication import Kind, Level, UserId
from authserver.factors import codes
from authserver.factors.codes import Code
from authserver.factors.contract import Account, Prompt, Refused, Sending, Spent, Verdict
from authserver.issuer import Issuer
from authserver.mail import languages, outbox, volume
from authserver.opaque import digits
from authserver.store import Session
from authserver.store.users import MAILBOX, NAMES_OF_GROUPS, NOTE_CODE_USED
from authserver.transaction import Transaction

TICKET = "email_login"
LETTER = "login_code"
DIGITS, TRIES = 6, 5
FORM = re.compile(r"[0-9]{6}")

WRONG = "This is not the code that was sent last. Look for the newest mail."
ENDED = "This code has ended. Have another one sent."
USED = "This code was used already. Have another one sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where codes for somebody go."""

    address: str
    locale: str | None
    used_at: datetime | None
    opens_password: bool  # whoever reads it set the password in use

    @property
    def masked(self) -> str:
        """The address as its owner recognizes it, and nobody learns it."""
        local, _, domain = self.address.rpartition("@")
        return f"{local[:1]}•••@{domain}"


class EmailCode(Code):
    name: ClassVar[str] = "email"
    amr: ClassVar[tuple[str, ...]] = ("email",)
    kind: ClassVar[Kind] = Kind.POSSESSION
    beside: ClassVar[Level] = Level.MFA_LOW
    guards: ClassVar[bool] = False
    sends: ClassVar[bool] = True
    prompt: ClassVar[Prompt] = Prompt(
        heading="Get a code by e-mail",
        title="Code by e-mail",
        label="Code from the mail",
        digits=True,
    )

    def enrolled(self, db: Session, user: UserId) -> bool:
        return mailbox(db, user) is not None

    def ready(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        """A verified address, and neither a setting, a group nor the way of the password stands against it."""
        settings = issuer.settings
        if not settings.email_code or not outbox.can_send(issuer):
            return False
        box = mailbox(db, user)
        if box is None or box.opens_password:
            return False
        return not settings.email_code_not_for or not _is_in(db, user, settings.email_code_not_for)

    def last_used(self, db: Session, user: UserId) -> datetime | None:
        box = mailbox(db, user)
        return box.used_at if box else None

    def send(self, db: Session, issuer: Issuer, tx: Transaction, *, by: Actor) -> None:
        """Mail a new code; the one before ends. EOTP-2, EOTP-5."""
        box = None if tx.user is None else mailbox(db, tx.user)
        if tx.user is None or box is None:
            return
        source, now = volume.source_of(by.ip), issuer.clock()
        volume.check(db, issuer, template=LETTER, to=box.address, source=source, user=tx.user)
        code = digits(DIGITS)
        once.open_ticket(
            db,
            issuer.roots,
            TICKET,
            key=tx.user,
            answer=_answer(tx, code),
            payload={"login": tx.id, "address": box.address},
            attempts=TRIES,
            now=now,
            expires_at=now + timedelta(seconds=issuer.settings.email_code_lifetime),
        )
        values: outbox.Values = {
            "code": f"{code[:3]} {code[3:]}",
            "minutes": str(issuer.settings.email_code_lifetime // 60),
            "at": now,
            "device": plain(by.user_agent),
            "place": issuer.places.told(by.ip, languages.spoken(issuer, box.locale)),
        }
        outbox.enqueue(
            db,
            issuer,
            to=box.address,
            template=LETTER,
            locale=box.locale,
            values=values,
            link="/account",
            user=tx.user,
            source=source,
        )
        record(db, CodeSent(subject=tx.user, factor=self.name), by=by, at=now)

    def sending(self, db: Session, issuer: Issuer, tx: Transaction) -> Sending | None:
        box = None if tx.user is None else mailbox(db, tx.user)
        if tx.user is None or box is None:
            return None
        again = volume.next_at(db, issuer, template=LETTER, to=box.address, user=tx.user)
        found = once.standing(db, issuer.roots, TICKET, tx.user, now=issuer.clock())
        ends = found.expires_at if found is not None and found.payload["login"] == tx.id else None
        return Sending(to=box.masked, ends_at=ends, again_at=again)

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """One statement counts the try and spends the code. EOTP-1."""
        person = codes.standing(db, account)
        box = None if isinstance(person, Refused) else mailbox(db, person.user)
        if isinstance(person, Refused) or box is None:
            return person if isinstance(person, Refused) else Refused(reason="the address is gone")
        code, now = codes.typed(finding), issuer.clock()
        if not FORM.fullmatch(code):
            return Refused(reason="the code is not of its digits", shown=WRONG)
        match once.consume(db, issuer.roots, TICKET, person.user, _answer(tx, code), now=now):
            case once.Ticket(payload=payload) if payload["address"] == box.address:
                db.hot(NOTE_CODE_USED, {"user": person.user, "now": db.time(now)}).close()
                return self.right(issuer, person)
            case once.Spent():
                used = Refused(reason="the code was used already", shown=USED)
                return Spent(right=self.right(issuer, person), refused=used)
            case once.Wrong():
                return Refused(reason="the code is wrong", shown=WRONG)
            case _:
                return Refused(reason="there is no such code any more", shown=ENDED)


def mailbox(db: Session, user: UserId) -> Mailbox | None:
    """The verified address of somebody; None for who has none. EOTP-3."""
    row = db.one(MAILBOX, {"user": user})
    if row is None:
        return None
    used_at = db.database.read_time(row[2]) if row[2] else None
    return Mailbox(address=row[0], locale=row[1], used_at=used_at, opens_password=bool(row[3]))


def _is_in(db: Session, user: UserId, groups: tuple[str, ...]) -> bool:
    rows = db.hot(NAMES_OF_GROUPS, {"user": user}).fetchall()
    return any(name in groups for (name,) in rows)


def _answer(tx: Transaction, code: str) -> str:
    """What spends a code: it is good in the login that asked for it alone."""
    return f"{tx.id}.{code}"
