"""Expired rows go, a thousand at a time, each thousand in a transaction of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authserver.store.database import Database, Hot, Session, retrying

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Expiring:
    """A table whose rows are of no more use so long after the time in this column."""

    table: str
    column: str
    kept: timedelta = timedelta()
    only: str = "TRUE"


TABLES = (
    Expiring("tickets", "expires_at", timedelta(hours=1)),
    # Replay memory and revocations outlive what they remember also on a node whose clock is behind. OPS-8.
    Expiring("used_once", "expires_at", timedelta(minutes=1)),
    Expiring("revoked_tokens", "expires_at", timedelta(minutes=1)),
    Expiring("transactions", "expires_at", timedelta(days=1)),
    # One that nobody ended yet still has apps to be ended and told.
    Expiring("sso_sessions", "expires_at", timedelta(days=90), only="ended_at IS NOT NULL"),
    Expiring("grants", "ends_at", timedelta(days=30)),
    Expiring("devices", "expires_at"),
    Expiring("trusted_devices", "until"),
    Expiring("totp_devices", "expires_at"),  # those that nobody confirmed
    Expiring("invitations", "expires_at"),
    Expiring("outbox", "done_at", timedelta(days=7)),
    Expiring("seen_places", "seen_at", timedelta(days=365)),
    Expiring("refusals", "last_at", timedelta(days=7)),
)


def sweep(database: Database, expiring: Expiring, now: datetime) -> Iterator[int]:
    """Delete what has expired in one table; yields after each batch how many rows it took."""
    before = now - expiring.kept
    return _batches(database, expiring, lambda db: db.time(before))


def sweep_windows(database: Database, oldest: int) -> Iterator[int]:
    """Delete the counters of windows before this one."""
    return _batches(database, Expiring("rate_windows", '"window"'), lambda _: oldest)


def _batches(database: Database, expiring: Expiring, before: Callable[[Session], Any]) -> Iterator[int]:
    statement = deleting(expiring, "rowid" if database.embedded else "ctid")

    def batch() -> int:
        with database.writing() as db:
            cursor = db.hot(statement, {"before": before(db)})
            deleted: int = cursor.rowcount
            cursor.close()
        return deleted

    while deleted := retrying(batch):
        yield deleted


def deleting(expiring: Expiring, row: str) -> Hot:
    """Delete so many of what is older; `row` is what the database calls the place of a row."""
    table, old = expiring.table, f"{expiring.column} < :before AND {expiring.only}"
    return Hot(
        f"DELETE FROM {table} WHERE {old} AND {row} IN (SELECT {row} FROM {table} WHERE {old} LIMIT {BATCH})"  # noqa: S608
    )


def audit(days: int) -> Expiring:
    """What the setting says of the audit trail."""
    return Expiring("audit_events", "at", timedelta(days=days))
