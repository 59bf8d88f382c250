"""Passwords: argon2id, one hash at a time per worker, the same work for whoever is named. PW-3, PW-4."""

import os
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from authserver import cores
from authserver.authentication import Kind, UserId
from authserver.errors import Refusal, Unavailable
from authserver.factors import guessable
from authserver.factors.contract import Account, Answer, Factor, Prompt, Refused, Right, Verdict
from authserver.issuer import Issuer
from authserver.limits.passwords import PASSWORD, STRANGER, Budget, Counter, account_key
from authserver.memory import KEPT
from authserver.settings.catalogue import Settings
from authserver.store import Hot, Session
from authserver.store.passwords import BY_IDENTIFIER, BY_USER, HAS_PASSWORD, REHASH
from authserver.store.sessions import FIND_DEVICE
from authserver.transaction import Transaction
from authserver.users import names
from authserver.vault import b64

LONGEST = 256
LONGEST_IDENTIFIER = 254
COMPOSED_OF = 4  # characters at most that NFC makes one of
UNTYPEABLE = re.compile("[\0\ud800-\udfff]")
WAIT = 2.0
COME_AGAIN = 2


class Stored(NamedTuple):
    """A person as the sign-in found them."""

    status: str
    epoch: int
    hash: str | None


class Busy(Unavailable):
    """More passwords are being checked than one worker may check at a time."""


class Finding(NamedTuple):
    """Whether the password is right for the hash that was seen, and a stronger hash when that one is weak."""

    right: bool
    stronger: str | None = None


class Password(Factor):
    name: ClassVar[str] = "password"
    held: ClassVar[Hot | None] = HAS_PASSWORD
    prompt: ClassVar[Prompt] = Prompt(heading="Sign in", title="Password", label="Password", field="password")
    amr: ClassVar[tuple[str, ...]] = ("pwd",)
    kind: ClassVar[Kind] = Kind.KNOWLEDGE
    begins: ClassVar[bool] = True

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        """The account that was named, by user name or verified e-mail in any case or Unicode form. PW-5."""
        normalized(answer.get("password", ""))  # what cannot be a password is refused before it is counted
        known = tx.user
        key = "" if known else names.key(text_of(answer.get("username", ""), LONGEST_IDENTIFIER))
        row = db.one(BY_USER, {"user": known}) if known else db.one(BY_IDENTIFIER, {"key": key})
        user = UserId(row[0]) if row else None
        found = None
        if device is not None:  # asked of whoever is named, somebody or not: it tells nothing by its time
            values = {"digest": device, "user": user or "", "now": db.time(issuer.clock())}
            found = db.one(FIND_DEVICE, values)
        kind = found[0] if found else PASSWORD if user else STRANGER
        return Account(
            user=user,
            counter=Counter(account=account_key(issuer.roots, user, key), kind=kind),
            budget=budget(issuer),
            kept=Stored(status=row[1], epoch=row[2], hash=row[3]) if row else None,
        )

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Finding:
        """One hash for whoever is named; a right password under weak parameters costs a second. PW-3."""
        password = normalized(answer.get("password", ""))
        stored: Stored | None = account.kept
        usable = stored is not None and stored.status == "active" and stored.hash is not None
        phc = stored.hash if stored and stored.hash else decoy(issuer)
        settings = issuer.settings
        with turn(issuer, settings):
            right = verified(settings, phc, password) and usable
            weak = right and is_weak(settings, phc)
            return Finding(right=right, stronger=hasher(settings).hash(password) if weak else None)

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """Right only for a person who is still as they were when the hash was compared."""
        stored: Stored | None = account.kept
        row = db.one(BY_USER, {"user": account.user or ""})
        if account.user is None or stored is None or row is None:
            return Refused(reason="nobody has this name")
        if row[1] != "active":
            return Refused(reason=f"the person is {row[1]}")
        if stored.hash is None:
            return Refused(reason="the person has no password")
        if not finding.right:
            return Refused(reason="the password is wrong")
        if (row[2], row[3]) != (stored.epoch, stored.hash):
            return Refused(reason="the password was changed meanwhile")
        if finding.stronger is not None:
            db.hot(REHASH, {"hash": finding.stronger, "user": account.user, "seen": stored.hash}).close()
        return Right(user=account.user, epoch=stored.epoch, proof=self.proof(issuer.clock()))


def hash_password(issuer: Issuer, text: str) -> str:
    """What is stored of a new password; waits for its turn, so never inside writing()."""
    password, settings = normalized(text), issuer.settings
    with turn(issuer, settings):
        return hasher(settings).hash(password)


def new_password(text: str, shortest: int, about: Iterable[str] = ()) -> str:
    """A password that somebody chose, or a Refusal that says what it lacks. PW-1, PW-2.

    `about` is what everybody knows of the person and the site.
    """
    password = normalized(text)
    if len(password) < shortest:
        public = f"A password has at least {shortest} characters."
        raise Refusal(public, code="invalid", rule="password_length", fields={"password": public})
    if guess := guessable.problem(password, about):
        raise Refusal(guess, code="invalid", rule="password_guessable", fields={"password": guess})
    return password


def normalized(text: str) -> str:
    """NFC, so that every keyboard types the same password; more than 256 characters are refused unhashed."""
    return unicodedata.normalize("NFC", text_of(text, LONGEST))


def text_of(text: str, longest: int) -> str:
    """Text that can be stored and compared, or a Refusal."""
    # Putting marks in order takes time that grows with the square of their number: what is far too long is not read.
    if len(text) > COMPOSED_OF * longest or len(unicodedata.normalize("NFC", text)) > longest:
        raise Refusal(f"This is longer than {longest} characters.", code="invalid", rule="too_long")
    if UNTYPEABLE.search(text):
        raise Refusal("This holds characters that cannot be typed.", code="invalid", rule="not_text")
    return text


def budget(issuer: Issuer) -> Budget:
    """How many wrong passwords an account takes. PW-6."""
    settings = issuer.settings
    return Budget(
        failures=settings.password_failures,
        first=timedelta(seconds=settings.password_close),
        ever=settings.password_failures_ever,
    )


@contextmanager
def turn(issuer: Issuer, settings: Settings) -> Iterator[None]:
    """One hash at a time per worker, so that a storm of sign-ins cannot starve the token endpoint. PW-3."""
    queue = issuer.kept("password-turn", threading.Lock)
    if not queue.acquire(timeout=WAIT):
        raise Busy("too many passwords are being checked at once", retry_after=COME_AGAIN)
    try:
        KEPT.wanted(settings.argon2_memory * 1024)
        with cores.anywhere():
            yield
    finally:
        queue.release()
        KEPT.used()


def hasher(settings: Settings) -> PasswordHasher:
    return _hasher(settings.argon2_time, settings.argon2_memory)


@lru_cache(maxsize=8)
def _hasher(time_cost: int, memory_cost: int) -> PasswordHasher:
    return PasswordHasher(time_cost=time_cost, memory_cost=memory_cost, parallelism=1)


def verified(settings: Settings, phc: str, password: str) -> bool:
    try:
        return hasher(settings).verify(phc, password)
    except (VerificationError, InvalidHashError):
        return False


def is_weak(settings: Settings, phc: str) -> bool:
    """Made at less cost than is asked now; what is stronger stays as it is."""
    memory_cost, time_cost = _cost(phc.rpartition("$")[0].rpartition("$")[0])
    return memory_cost < settings.argon2_memory or time_cost < settings.argon2_time


@lru_cache(maxsize=64)
def _cost(head: str) -> tuple[int, int]:
    """What a hash took, as it says before its salt."""
    made = extract_parameters(f"{head}$$")
    return made.memory_cost, made.time_cost


def decoy(issuer: Issuer) -> str:
    """A hash of nothing, at the cost of everybody's: comparing with it takes as long and never succeeds."""
    settings = issuer.settings

    def make() -> str:
        salt, tag = (b64(os.urandom(size)).replace("-", "+").replace("_", "/") for size in (16, 32))
        return f"$argon2id$v=19$m={settings.argon2_memory},t={settings.argon2_time},p=1${salt}${tag}"

    return issuer.kept(f"decoy-{settings.argon2_memory}-{settings.argon2_time}", make)
