"""A second factor that exists in tests alone, through the door by which every factor comes in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from authserver.authentication import Kind, Level, UserId
from authserver.factors.contract import Account, Answer, Factor, Prompt, Refused, Right
from authserver.issuer import Issuer
from authserver.limits.passwords import Budget, Counter, account_key
from authserver.store import Session
from authserver.store.passwords import BY_USER
from authserver.transaction import Transaction

CODE = "424242"


@dataclass
class FakeCode(Factor):
    """Right is 424242; `owners` have it."""

    name: ClassVar[str] = "fake"
    amr: ClassVar[tuple[str, ...]] = ("otp",)
    kind: ClassVar[Kind] = Kind.POSSESSION
    beside: ClassVar[Level] = Level.MFA
    prompt: ClassVar[Prompt] = Prompt(heading="One more proof", title="The fake code", label="Code")

    owners: set[str] = field(default_factory=set)
    challenged: int = 0
    used: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[str]) -> "FakeCode":
        return cls(owners=set(people))

    def enrolled(self, db: Session, user: UserId) -> bool:
        return user in self.owners

    def last_used(self, db: Session, user: UserId) -> datetime | None:
        return self.used.get(user)

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        assert tx.user is not None
        budget = Budget(failures=5, first=timedelta(minutes=15), ever=100)
        counter = Counter(account=account_key(issuer.roots, tx.user, ""), kind="second")
        row = db.one(BY_USER, {"user": tx.user})
        return Account(user=tx.user, counter=counter, budget=budget, kept=row)

    def challenge(self, db: Session, issuer: Issuer, tx: Transaction) -> None:
        self.challenged += 1

    def settle(
        self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any
    ) -> Right | Refused:
        assert account.user is not None
        row = db.one(BY_USER, {"user": account.user})
        if row is None or row[1] != "active" or finding.get("code") != CODE:
            return Refused(reason="the code is wrong", shown="This is not the code.")
        self.used[account.user] = issuer.clock()
        return Right(user=account.user, epoch=row[2], proof=self.proof(issuer.clock()))


@dataclass
class OtherCode(FakeCode):
    """A weaker one beside it."""

    name: ClassVar[str] = "weak"
    amr: ClassVar[tuple[str, ...]] = ("email",)
    beside: ClassVar[Level] = Level.MFA_LOW
    prompt: ClassVar[Prompt] = Prompt(heading="A mailed code", title="The weak code", label="Code")
