"""What workers keep in memory, and how it stays live: copies stamped by the `revisions` table.

A change bumps its topic in the changing transaction; a worker looks at the revisions when its own look is
older than half a second, so that every worker of every node follows within a second.
"""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Generic, TypeVar

from authserver.store.database import Database, Hot, Session

T = TypeVar("T")
K = TypeVar("K")

FRESH = 0.5

KEPT = 10_000

DERIVED = 1_000

NOTHING_HELD: tuple[Mapping[str, int], Any] = ({}, None)

ALL = Hot("SELECT topic, n FROM revisions")

BUMP = Hot(
    "INSERT INTO revisions (topic, n) VALUES (:topic, 1) ON CONFLICT (topic) DO UPDATE SET n = revisions.n + 1"
)


def bump(db: Session, topic: str) -> None:
    """Say, in the transaction of the change, that every copy of this topic is old."""
    db.hot(BUMP, {"topic": topic}).close()


class Revisions:
    """The revision numbers as this worker last saw them: at most half a second ago.

    `seen` is the same mapping for as long as none has moved. Until `good_until` nobody needs to look().
    """

    __slots__ = ("_database", "_lock", "good_until", "seen")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.seen: dict[str, int] = {}
        self.good_until = float("-inf")

    def now(self) -> Mapping[str, int]:
        return self.seen if monotonic() <= self.good_until else self.look()

    def look(self) -> Mapping[str, int]:
        with self._lock:
            began = monotonic()
            if began > self.good_until:
                with self._database.reading() as db:
                    seen = dict(db.hot(ALL, {}).fetchall())
                if seen != self.seen:
                    self.seen = seen
                self.good_until = began + FRESH
            return self.seen

    def forget(self) -> None:
        """Look again at the next question: a change that this worker made holds here at once."""
        self.good_until = float("-inf")


class Live(Generic[T]):
    """One value kept in memory, read again when its topic has moved."""

    def __init__(self, revisions: Revisions, topic: str, load: Callable[[], T]) -> None:
        self._revisions = revisions
        self._topic = topic
        self._load = load
        self._lock = threading.Lock()
        self._held: tuple[Mapping[str, int], T] = NOTHING_HELD

    def __call__(self) -> T:
        revisions = self._revisions
        seen, value = self._held
        # Asked ten times in a request: that nothing has moved is seen without a call.
        now = revisions.seen if monotonic() <= revisions.good_until else revisions.look()
        return value if seen is now else self._renewed(now)

    def _renewed(self, now: Mapping[str, int]) -> T:
        with self._lock:
            held, topic = self._held, self._topic
            is_good = held is not NOTHING_HELD and held[0].get(topic) == now.get(topic)
            # The number was read before the value: a change in between is loaded again, never missed.
            self._held = (now, held[1] if is_good else self._load())
            return self._held[1]


class LiveMap(Generic[T]):
    """Values kept by key, all forgotten when their topic has moved; absent ones are asked for each time."""

    def __init__(self, revisions: Revisions, topic: str, find: Callable[[str], T | None]) -> None:
        self._revisions = revisions
        self._topic = topic
        self._find = find
        self._held: tuple[Mapping[str, int], dict[str, T]] = ({}, {})

    def get(self, key: str) -> T | None:
        revisions = self._revisions
        seen, kept = self._held
        now = revisions.seen if monotonic() <= revisions.good_until else revisions.look()
        if seen is not now:
            kept = self._kept(now)
        return kept.get(key) or self._found(kept, key)

    def _found(self, kept: dict[str, T], key: str) -> T | None:
        found = self._find(key)
        if found is not None:
            if len(kept) >= KEPT:
                kept.clear()
            kept[key] = found
        return found

    def _kept(self, now: Mapping[str, int]) -> dict[str, T]:
        seen, kept = self._held
        moved = seen.get(self._topic) != now.get(self._topic)
        self._held = (now, {} if moved else kept)
        return self._held[1]


class Derived(Generic[K, T]):
    """What follows from live values alone, by a key: all of it forgotten as soon as anything has moved."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions
        self._held: tuple[Mapping[str, int], dict[K, T]] = ({}, {})

    def now(self) -> dict[K, T]:
        """What was kept since; whoever works something out asks for this before reading what it follows from."""
        now, held = self._revisions.now(), self._held
        if held[0] is not now or len(held[1]) >= DERIVED:
            held = self._held = (now, {})
        return held[1]
