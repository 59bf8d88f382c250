"""Recovery codes: ten of 80 bits, kept as keyed hashes, each good once, in reserve for a lost app. RC-1 to RC-5."""

import re
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_bytes
from typing import Any, ClassVar

from authserver.audit import Actor, record
from authserver.audit.events import RecoveryCodesMade, RecoveryCodeUsed
from authserver.authentication import Kind, Level, UserId
from authserver.factors import codes
from authserver.factors.codes import Code
from authserver.factors.contract import Account, Answer, Prompt, Refused, Spent, Verdict
from authserver.issuer import Issuer
from authserver.limits.codes import RECOVERY, CodeBudget, open_again
from authserver.limits.passwords import Counter
from authserver.store import Hot, Session
from authserver.store.factors import (
    CODE_ROOTS,
    CODES_OF,
    HAS_CODES,
    KEEP_CODE,
    REMOVE_CODES,
    SPEND_CODE,
    WAS_SPENT,
)
from authserver.transaction import Transaction

ROOT = "recovery"
COUNT = 10
CODE_BYTES = 10
GROUP = 4
FEW = 3
FORM = re.compile(r"[A-Z2-7]{16}")
SHOWN = re.compile(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}")
# What people read into letters: base32 has neither 0, 1 nor 8.
MISREAD = str.maketrans("018", "OIB")

WRONG = "This is not one of your recovery codes, or it was used already. Each one works once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What somebody has of recovery codes."""

    left: int
    of: int
    made_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def are_few(self) -> bool:
        return self.left <= FEW


class RecoveryCode(Code):
    name: ClassVar[str] = "recovery"
    held: ClassVar[Hot | None] = HAS_CODES
    amr: ClassVar[tuple[str, ...]] = ("recovery",)
    kind: ClassVar[Kind] = Kind.POSSESSION
    beside: ClassVar[Level] = Level.MFA_LOW
    reserve: ClassVar[bool] = True
    prompt: ClassVar[Prompt] = Prompt(
        heading="Enter a recovery code",
        title="Recovery code",
        label="Recovery code",
        where="from the list that you kept",
        lead="One of those that you kept when you set up two-step sign-in. It works once.",
    )

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        """Tries at recovery codes have a count of their own, and lock nothing. RC-3."""
        found = super().whom(db, issuer, tx, answer, device)
        counter = Counter(account=found.counter.account, kind=RECOVERY)
        return Account(
            user=found.user, counter=counter, budget=CodeBudget(failures=issuer.settings.code_failures)
        )

    def locked(self, db: Session, issuer: Issuer, user: UserId) -> bool:
        return False

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """One write spends the code, and decides. RC-2, RC-3."""
        person = codes.standing(db, account)
        if isinstance(person, Refused):
            return person
        code = normal(codes.typed(finding))
        wrong = Refused(reason="no such recovery code is left", shown=WRONG)
        if code is None:
            return wrong
        if not _does(SPEND_CODE, db, issuer, person.user, code):
            was_theirs = _does(WAS_SPENT, db, issuer, person.user, code)
            return Spent(right=self.right(issuer, person), refused=wrong) if was_theirs else wrong
        open_again(db, account.counter.account)
        used = RecoveryCodeUsed(subject=person.user, left=left(db, person.user).left)
        return self.right(issuer, person, used)


def drawn() -> tuple[str, ...]:
    """Ten codes as people read them; they are good for nothing until somebody has them. RC-1."""
    return tuple(shown(b32encode(token_bytes(CODE_BYTES)).decode()) for _ in range(COUNT))


def make(
    db: Session, issuer: Issuer, user: UserId, *, by: Actor, codes: Iterable[str] = ()
) -> tuple[str, ...]:
    """Ten new codes, shown once, or those `drawn` before; all that were end in the same transaction. RC-1, RC-4."""
    now = issuer.clock()
    db.hot(REMOVE_CODES, {"user": user}).close()
    made = tuple(codes) or drawn()
    for code in (each.replace("-", "") for each in made):
        root, digest = issuer.roots.mac(ROOT, _message(user, code))
        values = {"user": user, "digest": digest, "root": root, "now": db.time(now)}
        db.hot(KEEP_CODE, values).close()
    record(db, RecoveryCodesMade(subject=user, count=COUNT), by=by, at=now)
    return made


def left(db: Session, user: UserId) -> Left:
    """How many there are still."""
    row = db.one(CODES_OF, {"user": user})
    if row is None or not row[0]:
        return Left(left=0, of=0)
    time = db.database.read_time
    return Left(
        left=row[1] or 0,
        of=row[0],
        made_at=time(row[2]) if row[2] else None,
        last_used_at=time(row[3]) if row[3] else None,
    )


def shown(code: str) -> str:
    """A code as people read it, in groups."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def normal(typed: str) -> str | None:
    """A code as it was made, whatever its case and dashes; None for what can be none. RC-1."""
    code = typed.upper().replace("-", "").translate(MISREAD)
    return code if FORM.fullmatch(code) else None


def _does(statement: Hot, db: Session, issuer: Issuer, user: UserId, code: str) -> bool:
    """Whether the statement finds the code, under any of the roots that this person's codes were made with."""
    message, now = _message(user, code), db.time(issuer.clock())
    for (root,) in db.hot(CODE_ROOTS, {"user": user}).fetchall():
        digest = issuer.roots.mac_by(ROOT, root, message)
        values = {"user": user, "digest": digest, "root": root}
        if ":now" in statement.sql:
            values["now"] = now
        if digest is not None and db.one(statement, values) is not None:
            return True
    return False


def _message(user: UserId, code: str) -> bytes:
    return f"{user}\x1f{code}".encode()
