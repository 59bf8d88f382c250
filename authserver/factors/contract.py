"""Factor: one way to prove who one is. Passwords, codes, passkeys and plug-ins all come through this door."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from authserver.authentication import Kind, Level, Proof, UserId
from authserver.issuer import Issuer
from authserver.limits.passwords import Budget, Counter
from authserver.store import Session
from authserver.transaction import Transaction

Answer = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom an answer speaks for: `user` is None where the identifier names nobody, which must not show."""

    user: UserId | None
    counter: Counter
    budget: Budget
    kept: Any = None  # what the factor found, for its own examine()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a page shows to ask for this factor."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """The answer proved this; `epoch` is the person's, so that what ends all sign-ins ends this one too."""

    user: UserId
    epoch: int
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The answer proved nothing. `reason` is for the record, never for the page."""

    reason: str


class Factor(ABC):
    """What one factor is and how its answer is taken.

    `alone` and `beside` are the levels that it reaches as the only proof and beside one of another kind. A
    factor that can `begin` a sign-in finds out by itself whom an answer speaks for.
    """

    name: ClassVar[str]
    amr: ClassVar[tuple[str, ...]]
    kind: ClassVar[Kind]
    alone: ClassVar[Level] = Level.PWD
    beside: ClassVar[Level] = Level.PWD
    begins: ClassVar[bool] = False

    @abstractmethod
    def enrolled(self, db: Session, user: UserId) -> bool:
        """Whether this person has it."""

    @abstractmethod
    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        """Whose answer it is, and the counter and budget of its tries. `device` is the digest of its cookie."""

    @abstractmethod
    def settle(
        self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any
    ) -> Right | Refused:
        """Decide in the transaction of the step: look again at what may have changed, spend, be quick."""

    def challenge(self, db: Session, issuer: Issuer, tx: Transaction) -> Prompt:
        """What is shown; may write (a code that is sent)."""
        return Prompt(template=f"factor/{self.name}.html")

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Any:
        """Anything slow, with no transaction open; what it returns is given to settle()."""
        return answer

    def proof(self, now: datetime) -> Proof:
        return Proof(
            factor=self.name, amr=self.amr, kind=self.kind, at=now, alone=self.alone, beside=self.beside
        )
