"""How often an answer may be tried for one account: counted in the database, before the answer is looked at.

A try is written first and forgiven when it was right, so that parallel tries cannot exceed the budget. Tries at
an identifier that names nobody are counted in the same way. PW-5, PW-6.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from authserver.errors import TooMany
from authserver.opaque import new_id
from authserver.store import Session
from authserver.store.failures import CLEAR, COUNT, FORGIVE, OF_ACCOUNT, RESET, SWEEP_STRANGERS, TRY
from authserver.store.locks import lock
from authserver.vault import Roots

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=1)
UNDER_WAY = timedelta(minutes=1)
STRANGERS_KEPT = timedelta(days=30)
PASSWORD, STRANGER = "password", "stranger"


class Limit(Protocol):
    """How much may be wrong."""

    def closed_until(self, wrong: Sequence[datetime], now: datetime) -> datetime | None:
        """When tries are taken again after these wrong ones (in order), or None if they are taken now."""
        ...

    def left(self, wrong: Sequence[datetime], now: datetime) -> int | None:
        """How many more may be wrong right now; None where that is not told."""
        ...


class Budget(NamedTuple):
    """`failures` an hour close for `first`, each further closing lasts twice as long; `ever` is the end."""

    failures: int
    first: timedelta
    ever: int

    def closed_until(self, wrong: Sequence[datetime], now: datetime) -> datetime | None:
        return closed_until(wrong, self, now)

    def left(self, wrong: Sequence[datetime], now: datetime) -> int | None:
        return None


class Counter(NamedTuple):
    """Whose tries are counted together: `account` is an HMAC, `kind` what is tried or a known device's id."""

    account: bytes
    kind: str = PASSWORD


class Try(NamedTuple):
    """A try that was written down and is not yet decided."""

    id: str
    counter: Counter


class Counted(NamedTuple):
    """What a wrong try led to: how long it closes, and how many more may be wrong."""

    closed: timedelta | None
    left: int | None


def account_key(roots: Roots, user_id: str | None, identifier_key: str) -> bytes:
    """One key for every way to name an account, and one for each identifier that names nobody."""
    text = f"account\x1f{user_id}" if user_id else f"identifier\x1f{identifier_key}"
    # The oldest root: the key must not change when a new root starts, else the count would begin again.
    root = roots.known("identifier")[0]
    return roots.mac_by("identifier", root.id, text.encode("utf-8", "surrogatepass")) or b""


def begin(db: Session, counter: Counter, budget: Limit, now: datetime) -> Try:
    """Write down a try, or refuse it: TooMany says when to come again."""
    lock(db, f"failures:{counter.account.hex()}:{counter.kind}")
    rows = db.hot(OF_ACCOUNT, {"account": counter.account, "kind": counter.kind}).fetchall()
    tries = [(db.database.read_time(at), bool(counted)) for at, counted in rows]
    wrong = [at for at, counted in tries if counted or at + UNDER_WAY <= now]
    _refuse_while_closed(wrong, budget, now)
    if len(tries) > len(wrong) and budget.closed_until([at for at, _ in tries], now) is not None:
        raise TooMany("Too many tries at once.", retry_after=2, rule="password_tries_under_way")
    made = Try(id=new_id(), counter=counter)
    values = {"id": made.id, "account": counter.account, "kind": counter.kind, "at": db.time(now)}
    db.hot(TRY, {**values, "counted": False}).close()
    return made


def _refuse_while_closed(wrong: Sequence[datetime], budget: Limit, now: datetime) -> None:
    until = budget.closed_until(wrong, now)
    if until is not None:
        left = max(1, math.ceil((until - now).total_seconds()))
        detail = f"{len(wrong)} wrong answers since the last full sign-in; closed until {until.isoformat()}"
        raise TooMany("Too many wrong tries.", retry_after=left, detail=detail, rule="password_closed")


def count(db: Session, made: Try, budget: Limit, now: datetime) -> Counted:
    """The try was wrong. Whether this closes the account, and for how long."""
    db.hot(COUNT, {"id": made.id, "counted": True}).close()
    rows = db.hot(OF_ACCOUNT, {"account": made.counter.account, "kind": made.counter.kind}).fetchall()
    wrong = [db.database.read_time(at) for at, counted in rows if counted]
    until = budget.closed_until(wrong, now)
    return Counted(closed=None if until is None else until - now, left=budget.left(wrong, now))


def forgive(db: Session, made: Try) -> None:
    """The try was right, or was not looked at: it does not count."""
    db.hot(FORGIVE, {"id": made.id}).close()


def reset(db: Session, account: bytes, device: str | None, made: Try | None, now: datetime) -> None:
    """A full sign-in: the account's count starts again, and this device's, without the try that `made` it full."""
    values = {
        "made": made.id if made is not None else "",
        "account": account,
        "kind": PASSWORD,
        "device": device or PASSWORD,
        "counted": True,
        "stale": db.time(now - UNDER_WAY),
    }
    db.hot(RESET, values).close()


def clear(db: Session, roots: Roots, user_id: str) -> None:
    """An admin opens the account: nothing is counted any more, on no device."""
    db.hot(CLEAR, {"account": account_key(roots, user_id, "")}).close()


def sweep(db: Session, now: datetime) -> None:
    """Forget tries at identifiers that named nobody; they must not be told apart from accounts too soon."""
    db.hot(SWEEP_STRANGERS, {"before": db.time(now - STRANGERS_KEPT)}).close()


def closed_until(wrong: Sequence[datetime], budget: Budget, now: datetime) -> datetime | None:
    """When tries are taken again after these wrong ones (in order), or None if they are taken now."""
    if len(wrong) >= budget.ever:
        return max(now, wrong[-1]) + LONGEST
    closing, until, oldest = budget.first, None, 0
    for index, at in enumerate(wrong):
        while wrong[oldest] <= at - HOUR:
            oldest += 1
        if index - oldest + 1 >= budget.failures:
            until = at + closing
            closing = min(2 * closing, LONGEST)
    return until if until is not None and until > now else None
