"""What workers keep in memory, and how it stays live: copies stamped by the `revisions` table.

A change bumps its topic in the changing transaction; a worker looks at the revisions when its own look is
older than half a second, so that every worker of every node follows within a second.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Database, Hot, Session
from authserver.store.types import Base

T = TypeVar("T")
FRESH = 0.5
KEPT = 10_000

ALL = Hot("SELECT topic, n FROM revisions")
BUMP = Hot(
    "INSERT INTO revisions (topic, n) VALUES (:topic, 1) ON CONFLICT (topic) DO UPDATE SET n = revisions.n + 1"
)


class Revision(Base):
    __tablename__ = "revisions"
    topic: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


def bump(db: Session, topic: str) -> None:
    """Say, in the transaction of the change, that every copy of this topic is old."""
    db.hot(BUMP, {"topic": topic}).close()


class Revisions:
    """The revision numbers as this worker last saw them: at most half a second ago."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._looked = float("-inf")

    def of(self, topic: str) -> int:
        if time.monotonic() - self._looked > FRESH:
            self._look()
        return self._seen.get(topic, 0)

    def _look(self) -> None:
        with self._lock:
            began = time.monotonic()
            if began - self._looked <= FRESH:
                return
            with self._database.reading() as db:
                self._seen = dict(db.hot(ALL, {}).fetchall())
            self._looked = began

    def forget(self) -> None:
        """Look again at the next question: a change that this worker made holds here at once."""
        self._looked = float("-inf")


class Live(Generic[T]):
    """One value kept in memory, read again when its topic has moved."""

    def __init__(self, revisions: Revisions, topic: str, load: Callable[[], T]) -> None:
        self._revisions = revisions
        self._topic = topic
        self._load = load
        self._lock = threading.Lock()
        self._held: tuple[int, T] | None = None

    def __call__(self) -> T:
        now = self._revisions.of(self._topic)
        held = self._held
        if held is not None and held[0] == now:
            return held[1]
        with self._lock:
            if self._held is None or self._held[0] != now:
                # The number was read before the value: a change in between is loaded again, never missed.
                self._held = (now, self._load())
            return self._held[1]


class LiveMap(Generic[T]):
    """Values kept by key, all forgotten when their topic has moved; absent ones are asked for each time."""

    def __init__(self, revisions: Revisions, topic: str, find: Callable[[str], T | None]) -> None:
        self._revisions = revisions
        self._topic = topic
        self._find = find
        self._held: tuple[int, dict[str, T]] = (-1, {})

    def get(self, key: str) -> T | None:
        now = self._revisions.of(self._topic)
        held = self._held
        if held[0] != now or len(held[1]) > KEPT:
            held = self._held = (now, {})
        found = held[1].get(key)
        if found is None:
            found = self._find(key)
            if found is not None:
                held[1][key] = found
        return found
