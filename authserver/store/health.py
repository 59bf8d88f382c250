"""Whether the database answers, which time it has, and whether it takes what must be written."""

from collections.abc import Callable
from datetime import datetime

from authserver.store.database import Database, Hot, Session

CLOCK = Hot("SELECT clock_timestamp()")
ANSWERS = Hot("SELECT 1")
OWNER = Hot("SELECT 1 FROM users WHERE role = 'owner' AND status <> 'deleted' LIMIT 1")


def clock(database: Database) -> datetime | None:
    """The database's time, which all nodes are held to; None where it lives on this machine."""
    with database.reading() as db:
        if database.embedded:
            db.one(ANSWERS, {})
            return None
        row = db.one(CLOCK, {})
    return database.read_time(row[0]) if row else None


def has_owner(database: Database) -> bool:
    with database.reading() as db:
        return db.one(OWNER, {}) is not None


def write_trouble(database: Database, write: Callable[[Session], None]) -> str | None:
    """What keeps the database from taking this; None when it would. Nothing stays written."""
    try:
        with database.writing() as db:
            write(db)
            raise _Undone  # noqa: TRY301  only an exception rolls back
    except _Undone:
        return None
    except Exception as error:  # noqa: BLE001  whatever it is, it is the finding
        return f"{type(error).__name__}: {error}"


class _Undone(Exception):
    pass
