"""What one node does at a time: locks for the length of a transaction, leases for the length of a job."""

from datetime import datetime

from authserver.store.database import Hot, Session

LOCK = Hot("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:name, 0))")
LEASE = Hot(
    """INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until)
       ON CONFLICT (name) DO UPDATE SET holder = :holder, until = :until
        WHERE leases.holder = :holder OR leases.until <= :now
    RETURNING holder"""
)
RELEASE = Hot("UPDATE leases SET until = :now WHERE name = :name AND holder = :holder")


def lock(db: Session, name: str) -> None:
    """Wait until nobody else does this, until the end of the transaction. SQLite has one writer anyway."""
    if not db.database.embedded:
        db.hot(LOCK, {"name": name}).close()


def take_lease(db: Session, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
    """Whether the lease is ours until then; it is renewed by taking it again."""
    values = {"name": name, "holder": holder, "now": db.time(now), "until": db.time(until)}
    return db.one(LEASE, values) is not None


def end_lease(db: Session, name: str, holder: str, *, now: datetime) -> None:
    db.hot(RELEASE, {"name": name, "holder": holder, "now": db.time(now)}).close()
