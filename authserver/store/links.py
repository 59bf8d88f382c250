"""Links: connections as hot statements use them, and where they wait for whoever comes next."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Engine, PoolProxiedConnection

NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
ON_SERVER = re.compile(r"/\*server: (.*?)\*/")


class Hot:
    """A statement of a hot path: written once with :names, and prepared by the driver of either store.

    What stands in /*server: … */ is for a database server alone: a lock, where SQLite has one writer anyway.
    """

    __slots__ = ("name", "names", "numbered", "sql")

    def __init__(self, sql: str) -> None:
        self.sql = " ".join(sql.split())
        on_server = ON_SERVER.sub(r"\1", self.sql)
        self.names = tuple(dict.fromkeys(NAMED.findall(on_server)))
        places = {name: f"${place}" for place, name in enumerate(self.names, start=1)}
        self.numbered = NAMED.sub(lambda found: places[found[1]], on_server).encode()
        # Equal statements have one name, however often they are made.
        self.name = b"as_" + sha256(self.numbered).hexdigest()[:24].encode()


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...
    def close(self) -> None: ...


class Link(Protocol):
    """One connection. It is in no transaction unless `begin()` was called; `fairy` is what SQLAlchemy knows of it."""

    fairy: PoolProxiedConnection
    made: float

    def run(self, statement: Hot, values: Mapping[str, Any]) -> Rows: ...
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def undo(self) -> None:
        """Roll back what was begun and not committed."""


class File:
    """A link to SQLite."""

    __slots__ = ("_raw", "fairy", "made")

    def __init__(self, fairy: PoolProxiedConnection) -> None:
        self.fairy = fairy
        self.made = time.monotonic()
        self._raw: sqlite3.Connection = fairy.driver_connection  # type: ignore[assignment]

    def run(self, statement: Hot, values: Mapping[str, Any]) -> Rows:
        return self._raw.execute(statement.sql, values)

    def begin(self) -> None:
        self._raw.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("COMMIT")

    def undo(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")


class Links:
    """Links of one kind: the one that was given back last is taken first; there are as many as are used at once."""

    def __init__(self, engine: Engine, make: Callable[[PoolProxiedConnection], Link]) -> None:
        self.engine = engine
        self._make = make
        self._idle: list[Link] = []

    def take(self, since: float) -> Link:
        """A link that was made since then."""
        while self._idle:
            try:
                link = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if link.made >= since:
                return link
            link.fairy.invalidate()
        return self._make(self.engine.raw_connection())

    def give_back(self, link: Link) -> None:
        if not link.fairy.is_valid:
            return
        try:
            link.undo()
        except Exception:  # noqa: BLE001  whatever it is, nobody can use the link any more
            link.fairy.invalidate()
        else:
            self._idle.append(link)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().fairy.close()
