"""A second factor that exists in tests alone: proves that levels and steps are asked of any factor alike."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from authserver.authentication import Kind, Level, UserId
from authserver.factors.contract import Account, Answer, Factor, Prompt, Refused, Right
from authserver.factors.registry import register
from authserver.issuer import Issuer
from authserver.limits.passwords import Budget, Counter, account_key
from authserver.store import Session
from authserver.transaction import Transaction
from authserver.users import find
from tests.flow.world import Resident, World

RIGHT = "tap"


@dataclass
class Tap(Factor):
    """A thing that somebody holds and taps; `held_by` are those who have one."""

    name = "tap"
    amr = ("hwk",)
    kind = Kind.POSSESSION
    beside = Level.MFA
    prompt = Prompt(heading="Tap it", title="Tap", label="Say tap")
    held_by: set[UserId] = field(default_factory=set)

    def enrolled(self, db: Session, user: UserId) -> bool:
        return user in self.held_by

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        return Account(
            user=tx.user,
            counter=Counter(account=account_key(issuer.roots, tx.user, ""), kind=self.name),
            budget=Budget(failures=5, first=timedelta(minutes=15), ever=50),
        )

    def settle(
        self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any
    ) -> Right | Refused:
        if account.user is None or finding.get("code") != RIGHT:
            return Refused(reason="not tapped", shown="Say tap.")
        user = find.load(db, account.user)
        return Right(user=user.id, epoch=user.epoch, proof=self.proof(issuer.clock()))


def given_to(world: World, *people: Resident) -> Tap:
    """Let this world know the factor, and these people have one."""
    tap = Tap(held_by={person.id for person in people})
    register(world.issuer, tap)
    return tap
