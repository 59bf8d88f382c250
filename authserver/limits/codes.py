"""How often codes of a second step may be tried, counted apart from passwords. TOTP-6, RC-3.

A person's codes are counted together, whichever factor they are of. No sign-in, address or new start resets the
count: what was wrong is forgotten by time alone. Recovery codes have a count of their own, which locks nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from authserver.limits.passwords import HOUR
from authserver.store import Session
from authserver.store.failures import CLEAR_KIND, OF_ACCOUNT

WINDOW = timedelta(minutes=15)
FOR_GOOD = timedelta(days=3650)
CODE, RECOVERY = "code", "recovery"


class CodeBudget(NamedTuple):
    """`failures` in any 15 minutes; `locks` in an hour are the end until somebody opens it, None is no end."""

    failures: int
    locks: int | None = None

    def closed_until(self, wrong: Sequence[datetime], now: datetime) -> datetime | None:
        """When codes are taken again after these wrong ones (in order), or None if they are taken now."""
        if self.is_locked(wrong):
            return now + FOR_GOOD
        recent = [at for at in wrong if at > now - WINDOW]
        return recent[-self.failures] + WINDOW if len(recent) >= self.failures else None

    def is_locked(self, wrong: Sequence[datetime]) -> bool:
        """Whether there ever were so many within one hour; what is older than an opening is not among them."""
        if self.locks is None:
            return False
        spans = zip(wrong, wrong[self.locks - 1 :], strict=False)
        return any(last - first < HOUR for first, last in spans)

    def left(self, wrong: Sequence[datetime], now: datetime) -> int:
        """How many more may be wrong right now."""
        left = self.failures - sum(at > now - WINDOW for at in wrong)
        if self.locks is not None:
            left = min(left, self.locks - sum(at > now - HOUR for at in wrong))
        return max(0, left)


def is_locked(db: Session, account: bytes, budget: CodeBudget) -> bool:
    """Whether this person's second step is locked for codes."""
    rows = db.hot(OF_ACCOUNT, {"account": account, "kind": CODE}).fetchall()
    return budget.is_locked([db.database.read_time(at) for at, counted in rows if counted])


def open_again(db: Session, account: bytes) -> None:
    """Somebody proved to be the owner by other means: a locked second step is open, and its count is new. RC-3."""
    db.hot(CLEAR_KIND, {"account": account, "kind": CODE}).close()
