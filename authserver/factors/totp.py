"""Authenticator apps: time-based one-time codes, each good once. RFC 6238, TOTP-1 to TOTP-5."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pyotp
from pyotp.exceptions import OTPVerificationError

from authserver.audit.events import FactorAdded
from authserver.authentication import Kind, Level, UserId
from authserver.factors import codes
from authserver.factors.codes import Code
from authserver.factors.contract import Account, Prompt, Refused, Spent, Verdict
from authserver.issuer import Issuer
from authserver.keys.custody import totp_place
from authserver.opaque import new_id
from authserver.store import Hot, Session
from authserver.store.factors import (
    BEGIN_TOTP,
    CONFIRM_TOTP,
    CONFIRMED_TOTP,
    FORGET_PENDING,
    HAS_TOTP,
    PENDING_TOTP,
    REMOVE_CONFIRMED,
    SPEND_STEP,
)
from authserver.store.locks import lock
from authserver.transaction import Transaction
from authserver.vault import Vault

SECRET_BYTES = 20
PERIOD = 30
WINDOW = 1
NEARBY = 10  # so many steps away a code is recognized as one of a clock that is wrong, or of a while ago
CONFIRM_WITHIN = timedelta(minutes=10)
SHA1, SHA256 = "SHA1", "SHA256"
DIGESTS: Mapping[str, Callable[[], Any]] = {SHA1: hashlib.sha1, SHA256: hashlib.sha256}

USED = "This code was used already. Wait for the next one in your app."
AWAY = "This code is not of now. Wait for the next one, and see whether the clock of that device is right."
MISTYPED = (
    "This is not the code that the app shows. Check its digits, and that it is the entry for this account."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An authenticator app of somebody, with its parameters as they were when it was set up. TOTP-5."""

    id: str
    user: UserId
    sealed: bytes = field(repr=False)
    digits: int
    algorithm: str
    period: int
    last_step: int
    confirmed_at: datetime | None
    last_used_at: datetime | None
    enrolling: str

    def key(self, vault: Vault) -> pyotp.TOTP:
        secret = vault.open(self.sealed, totp_place(self.user)).decode()
        return pyotp.TOTP(secret, digits=self.digits, digest=DIGESTS[self.algorithm], interval=self.period)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What an app must be told, shown while it is set up and never again. TOTP-2."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The app counts from now on; `replaced` says that another one counted before."""

    replaced: bool


class Totp(Code):
    name: ClassVar[str] = "totp"
    held: ClassVar[Hot | None] = HAS_TOTP
    amr: ClassVar[tuple[str, ...]] = ("otp",)
    kind: ClassVar[Kind] = Kind.POSSESSION
    beside: ClassVar[Level] = Level.MFA
    prompt: ClassVar[Prompt] = Prompt(
        heading="Enter the code from your app",
        title="Authenticator app",
        label="Code",
        hint="The app shows a new one every 30 seconds.",
        where="a code from your phone or computer",
        digits=True,
    )

    def last_used(self, db: Session, user: UserId) -> datetime | None:
        device = confirmed(db, user)
        return device.last_used_at if device else None

    def marks(self, db: Session, user: UserId) -> tuple[str, ...]:
        device = confirmed(db, user)
        return (f"{self.name} {device.id}",) if device else ()

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """One conditional write moves the step; whoever it moves for has the code. TOTP-3."""
        person = codes.standing(db, account)
        device = None if isinstance(person, Refused) else confirmed(db, person.user)
        if isinstance(person, Refused) or device is None:
            return person if isinstance(person, Refused) else Refused(reason="the person has no app")
        step = step_of(device, issuer, codes.typed(finding))
        if isinstance(step, Refused):
            return step
        used = Refused(reason="the code was used already", shown=USED)
        if step <= device.last_step or not _spent(db, issuer, device, step):
            current = confirmed(db, person.user)
            is_last = current is not None and (current.id, current.last_step) == (device.id, step)
            return Spent(right=self.right(issuer, person), refused=used) if is_last else used
        return self.right(issuer, person)


TOTP = Totp()


class Enrolment(Totp):
    """Setting up an app as a step of the login, for those who must have a second factor. TOTP-8."""

    name: ClassVar[str] = "enrol"
    enrols: ClassVar[bool] = True
    prompt: ClassVar[Prompt] = Prompt(
        heading="Set up your authenticator app",
        title="Authenticator app",
        label="Code from the app",
        where="a code from your phone or computer",
        digits=True,
    )

    held: ClassVar[Hot | None] = None

    def marks(self, db: Session, user: UserId) -> tuple[str, ...]:
        return ()

    def locked(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        return False

    def challenge(self, db: Session, issuer: Issuer, tx: Transaction) -> None:
        if tx.user is not None and pending(db, issuer, tx.user, tx.id) is None:
            begin(db, issuer, tx.user, tx.id)

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """The first code makes the app count, and proves at once that it is there."""
        person = codes.standing(db, account)
        if isinstance(person, Refused):
            return person
        code = codes.typed(finding)
        made = confirm(db, issuer, person.user, tx.id, code)
        if isinstance(made, Refused):
            device = confirmed(db, person.user)
            is_late = (
                device and device.enrolling == tx.id and step_of(device, issuer, code) == device.last_step
            )
            return Spent(right=TOTP.right(issuer, person), refused=made) if is_late else made
        added = FactorAdded(subject=person.user, factor=Totp.name, replaced=made.replaced)
        return TOTP.right(issuer, person, added)


def confirmed(db: Session, user: UserId) -> Device | None:
    """The app that counts."""
    row = db.one(CONFIRMED_TOTP, {"user": user})
    return None if row is None else _device(db, row)


def pending(db: Session, issuer: Issuer, user: UserId, enrolling: str) -> Device | None:
    """The app that this session or login is setting up, for as long as that may take. TOTP-1."""
    now = db.time(issuer.clock())
    row = db.one(PENDING_TOTP, {"user": user, "enrolling": enrolling, "now": now})
    return None if row is None else _device(db, row)


def begin(db: Session, issuer: Issuer, user: UserId, enrolling: str) -> None:
    """Make a secret for an app that is to be set up; one that counts stays as it is. TOTP-1, TOTP-2."""
    now = issuer.clock()
    secret = pyotp.random_base32(SECRET_BYTES * 8 // 5)
    values = {"user": user, "enrolling": enrolling, "now": db.time(now)}
    db.hot(FORGET_PENDING, values).close()
    made = {
        "id": new_id(),
        "secret": issuer.vault.seal(secret.encode(), totp_place(user)),
        "digits": issuer.settings.totp_digits,
        "algorithm": SHA1,
        "period": PERIOD,
        "expires": db.time(now + CONFIRM_WITHIN),
    }
    db.hot(BEGIN_TOTP, values | made).close()


def set_up(issuer: Issuer, device: Device, account: str) -> SetUp:
    """What to show of an app that is being set up."""
    key = device.key(issuer.vault)
    name = issuer.settings.site_name.replace(":", " ")
    uri = key.provisioning_uri(name=account.replace(":", " "), issuer_name=name)
    return SetUp(secret=key.secret, uri=uri, digits=device.digits)


def confirm(db: Session, issuer: Issuer, user: UserId, enrolling: str, code: str) -> Confirmed | Refused:
    """Let an app count, in place of any other, once it shows the right code; that code is spent. TOTP-1, TOTP-3."""
    lock(db, f"factors:{user}")
    device = pending(db, issuer, user, enrolling)
    if device is None:
        return Refused(reason="nothing is being set up", shown="This took too long. Begin anew.")
    step = step_of(device, issuer, code)
    if isinstance(step, Refused):
        return step
    replaced = db.one(REMOVE_CONFIRMED, {"user": user}) is not None
    values = {"id": device.id, "user": user, "step": step, "now": db.time(issuer.clock())}
    if db.one(CONFIRM_TOTP, values) is None:
        raise LookupError("an app was confirmed under the one who had just found it unconfirmed")
    return Confirmed(replaced=replaced)


def step_of(device: Device, issuer: Issuer, code: str) -> int | Refused:
    """The step that a code is of: the one of now, before or after. TOTP-3, TOTP-4, CVE-25."""
    # Matched here, for pyotp takes full-width digits for digits.
    if not re.fullmatch(rf"[0-9]{{{device.digits}}}", code):
        return Refused(reason="the code is not of its digits", shown=MISTYPED)
    key, now = device.key(issuer.vault), issuer.clock()
    for window in (WINDOW, NEARBY):
        try:
            step = key.verify_and_get_timecode(code, for_time=now, valid_window=window)
        except OTPVerificationError:
            continue
        return step if window == WINDOW else Refused(reason="the code is not of now", shown=AWAY)
    return Refused(reason="the code is wrong", shown=MISTYPED)


def _spent(db: Session, issuer: Issuer, device: Device, step: int) -> bool:
    values = {"id": device.id, "user": device.user, "step": step, "now": db.time(issuer.clock())}
    return db.one(SPEND_STEP, values) is not None


def _device(db: Session, row: tuple[Any, ...]) -> Device:
    time = db.database.read_time
    return Device(
        id=row[0],
        user=UserId(row[1]),
        sealed=bytes(row[2]),
        digits=row[3],
        algorithm=row[4],
        period=row[5],
        last_step=row[6],
        confirmed_at=time(row[7]) if row[7] else None,
        last_used_at=time(row[8]) if row[8] else None,
        enrolling=row[9],
    )
