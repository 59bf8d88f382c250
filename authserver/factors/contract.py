"""Factor: one way to prove who one is. Passwords, codes, passkeys and plug-ins all come through this door."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from authserver.audit import Actor
from authserver.audit.events import Event
from authserver.authentication import Kind, Level, Proof, UserId
from authserver.issuer import Issuer
from authserver.limits.passwords import Counter, Limit
from authserver.store import Hot, Session
from authserver.transaction import Transaction

Answer = Mapping[str, str]


class Account(NamedTuple):
    """Whom an answer speaks for: `user` is None where the identifier names nobody, which must not show."""

    user: UserId | None
    counter: Counter
    budget: Limit
    kept: Any = None  # what the factor found, for its own examine()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a page says to ask for this factor, and the field that the answer comes in; `where` tells ways apart."""

    heading: str
    title: str
    label: str
    lead: str = ""
    hint: str = ""
    where: str = ""
    field: str = "code"
    digits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Where a code that is sent goes, until when the last one holds, and from when another may be sent."""

    to: str
    ends_at: datetime | None = None
    again_at: datetime | None = None


class Right(NamedTuple):
    """The answer proved this; `epoch` is the person's, so that what ends all sign-ins ends this one too.

    `events` are what the audit is told beside the sign-in.
    """

    user: UserId
    epoch: int
    proof: Proof
    events: tuple[Event, ...] = ()


class Refused(NamedTuple):
    """The answer proved nothing. `reason` is for the record, `shown` for the page of a second factor."""

    reason: str
    shown: str = ""
    events: tuple[Event, ...] = ()


class Spent(NamedTuple):
    """The answer was right, but was used already: good only for the late half of a double submit."""

    right: Right
    refused: Refused


Verdict = Right | Spent | Refused


class Factor(ABC):
    """What one factor is and how its answer is taken.

    `alone` and `beside` are the levels that it reaches as the only proof and beside one of another kind. A
    factor that can `begin` a sign-in finds out by itself whom an answer speaks for. One that `enrols` is for those
    who must have a second factor and have none; one in `reserve` is offered after all others. One that does not
    `guard` proves a sign-in, but no right to change the account where there is one that does. EOTP-4.
    Where a statement on `:user` finds a row exactly if somebody has the factor, `held` is that statement: all of them
    are asked at once, and `ready` is not asked.
    """

    name: ClassVar[str]
    amr: ClassVar[tuple[str, ...]]
    kind: ClassVar[Kind]
    alone: ClassVar[Level] = Level.PWD
    beside: ClassVar[Level] = Level.PWD
    begins: ClassVar[bool] = False
    enrols: ClassVar[bool] = False
    reserve: ClassVar[bool] = False
    guards: ClassVar[bool] = True
    sends: ClassVar[bool] = False
    held: ClassVar[Hot | None] = None
    prompt: ClassVar[Prompt]

    def enrolled(self, db: Session, user: UserId) -> bool:
        """Whether this person has it."""
        return self.held is not None and db.one(self.held, {"user": user}) is not None

    def ready(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        """Whether this person can be asked for it as things are: they have it, and no setting forbids it."""
        return self.enrolled(db, user)

    @abstractmethod
    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        """Whose answer it is, with the counter and budget of its tries; `device` is the cookie's digest."""

    @abstractmethod
    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """Decide in the transaction of the step: look again at what may have changed, spend, be quick."""

    def challenge(self, db: Session, issuer: Issuer, tx: Transaction) -> None:  # noqa: B027
        """Make ready to be asked, such as by sending a code; comes before the page is shown."""

    def send(self, db: Session, issuer: Issuer, tx: Transaction, *, by: Actor) -> None:  # noqa: B027
        """Send what will be asked for, when the person says so; raises TooMany where that was just done."""

    def sending(self, db: Session, issuer: Issuer, tx: Transaction) -> Sending | None:
        """What the page tells of a code that is sent; None for a factor that sends nothing."""
        return None

    def last_used(self, db: Session, user: UserId) -> datetime | None:
        """When this person last proved it, so that it is offered first; asked where there is a choice."""
        return None

    def marks(self, db: Session, user: UserId) -> tuple[str, ...]:
        """What tells this person's from another one of theirs: a device is trusted for as long as all stay. SU-5."""
        return (self.name,) if self.enrolled(db, user) else ()

    def locked(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        """Whether wrong answers locked it, until it is opened by other means."""
        return False

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Any:
        """Anything slow, with no transaction open; what it returns is given to settle()."""
        return answer

    def proof(self, now: datetime) -> Proof:
        return Proof(
            factor=self.name, amr=self.amr, kind=self.kind, at=now, alone=self.alone, beside=self.beside
        )
