"""Links: connections as hot statements use them, and where they wait for whoever comes next."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Protocol

NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
ON_SERVER = re.compile(r"/\*server: (.*?)\*/")
ON_FILE = re.compile(r"/\*file: (.*?)\*/")


class Hot:
    """A statement of a hot path: written once with :names, and prepared by the driver of either store.

    What stands in /*server: … */ is for a database server alone: a lock, where SQLite has one writer anyway. What
    stands in /*file: … */ is for SQLite: the index to go by, where it would take another.
    """

    __slots__ = ("name", "names", "numbered", "sql", "writes")

    def __init__(self, sql: str) -> None:
        written = " ".join(sql.split())
        self.sql = ON_FILE.sub(r"\1", written)
        self.writes = not self.sql.startswith("SELECT")
        on_server = ON_SERVER.sub(r"\1", written)
        self.names = tuple(dict.fromkeys(NAMED.findall(on_server)))
        places = {name: f"${place}" for place, name in enumerate(self.names, start=1)}
        self.numbered = NAMED.sub(lambda found: places[found[1]], on_server).encode()
        # Equal statements have one name, however often they are made.
        self.name = b"as_" + sha256(self.numbered).hexdigest()[:24].encode()


class Shared(Hot):
    """A hot statement, and `together`: the same for several requests at once, whose values come as lists.

    Its rows end with the place of whom they are for in these lists, from 1.
    """

    __slots__ = ("together",)

    def __init__(self, sql: str, *, together: str) -> None:
        super().__init__(sql)
        self.together = Hot(together)


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...
    def close(self) -> None: ...


class Fetched:
    """The rows of an answer, all of which came at once."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        self._rows = []


class Link(Protocol):
    """One connection. It is in no transaction unless `begin()` was called."""

    raw: Any
    fairy: Any
    made: float

    @property
    def is_good(self) -> bool: ...
    def run(self, statement: Hot, values: Mapping[str, Any]) -> Rows: ...
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def undo(self) -> None:
        """Roll back what was begun and not committed."""

    def drop(self) -> None:
        """Close the connection, whatever has become of it."""


class Held:
    """The driver's connection `raw`, and `fairy`: what SQLAlchemy knows it by, once the ORM came to it."""

    __slots__ = ("fairy", "made", "raw")

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.fairy: Any = None
        self.made = time.monotonic()

    @property
    def is_good(self) -> bool:
        return self.raw is not None and (self.fairy is None or self.fairy.is_valid)

    def drop(self) -> None:
        raw, self.raw = self.raw, None
        if self.fairy is not None and self.fairy.is_valid:
            self.fairy.invalidate()
        elif raw is not None:
            with suppress(Exception):  # nobody can use it any more, whatever it says
                raw.close()


class File(Held):
    """A link to SQLite."""

    __slots__ = ()
    raw: sqlite3.Connection

    def run(self, statement: Hot, values: Mapping[str, Any]) -> Rows:
        return self.raw.execute(statement.sql, values)

    def begin(self) -> None:
        self.raw.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self.raw.in_transaction:
            self.raw.execute("COMMIT")

    def undo(self) -> None:
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")


class Links:
    """Links of one kind: the one that was given back last is taken first; there are as many as are used at once."""

    def __init__(self, make: Callable[[], Link]) -> None:
        self.make = make
        self._idle: list[Link] = []

    def take(self, since: float) -> Link:
        """A link that was made since then."""
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                break
            if link.made >= since:
                return link
            link.drop()
        return self.make()

    def give_back(self, link: Link) -> None:
        if not link.is_good:
            return
        try:
            link.undo()
        except Exception:  # noqa: BLE001  whatever it is, nobody can use the link any more
            link.drop()
        else:
            self._idle.append(link)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().drop()


class Durable(Links):
    """The same links to a file, taken for what outlives a power cut once it is committed.

    Whoever writes next, durably or not, finds what was written last in the page cache of the link.
    """

    def __init__(self, links: Links) -> None:
        super().__init__(links.make)
        self._links = links

    def take(self, since: float) -> Link:
        link = self._links.take(since)
        link.raw.execute("PRAGMA synchronous=FULL").close()
        return link

    def give_back(self, link: Link) -> None:
        try:
            if link.is_good:
                link.undo()
                link.raw.execute("PRAGMA synchronous=NORMAL").close()
        except Exception:  # noqa: BLE001  as in Links
            link.drop()
        self._links.give_back(link)
