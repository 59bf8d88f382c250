"""What factors that ask for a code have in common: whose code it is, and how many may be wrong. TOTP-6."""

from dataclasses import dataclass
from typing import Any

from authserver.audit.events import Event
from authserver.authentication import UserId
from authserver.factors.contract import Account, Answer, Factor, Refused, Right
from authserver.issuer import Issuer
from authserver.limits import codes
from authserver.limits.codes import CodeBudget
from authserver.limits.passwords import Counter, account_key
from authserver.store import Session
from authserver.store.passwords import BY_USER
from authserver.transaction import Transaction

LONGEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The person as they are within the transaction of the step."""

    user: UserId
    epoch: int


class Code(Factor):
    """A second factor whose answer is a code; all of them share one budget of wrong ones."""

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        return account_of(issuer, tx)

    def locked(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        return codes.is_locked(db, account_key(issuer.roots, user, ""), budget(issuer))

    def right(self, issuer: Issuer, standing: Standing, *events: Event) -> Right:
        proof = self.proof(issuer.clock())
        return Right(user=standing.user, epoch=standing.epoch, proof=proof, events=events)


def account_of(issuer: Issuer, tx: Transaction) -> Account:
    """Whoever proved the first factor of this login, with the one budget of their second step."""
    if tx.user is None:
        raise ValueError("a second factor is asked of somebody who proved who they are")
    counter = Counter(account=account_key(issuer.roots, tx.user, ""), kind=codes.CODE)
    return Account(user=tx.user, counter=counter, budget=budget(issuer))


def budget(issuer: Issuer) -> CodeBudget:
    """How many wrong codes a person's second step takes."""
    settings = issuer.settings
    return CodeBudget(failures=settings.code_failures, locks=settings.code_failures_lock)


def standing(db: Session, account: Account) -> Standing | Refused:
    """Whoever may still sign in."""
    row = db.one(BY_USER, {"user": account.user or ""})
    if account.user is None or row is None:
        return Refused(reason="nobody has this account")
    if row[1] != "active":
        return Refused(reason=f"the person is {row[1]}")
    return Standing(user=account.user, epoch=row[2])


def typed(answer: Any) -> str:
    """The code as it was typed, without spaces."""
    return "".join(str(answer.get("code", ""))[:LONGEST].split())
