"""Sessions on the database: reading() cannot write, writing() is durable, writing_fast() may lose a last write.

Hot statements run on the driver itself (see links.py); everything else uses the ORM on the same connection
(mapping.py), which is loaded when it is first asked for.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from authserver import metrics
from authserver.errors import Misconfigured, Unavailable
from authserver.store.company import Company
from authserver.store.links import Durable, File, Link, Links, Rows, Shared
from authserver.store.links import Hot as Hot  # noqa: PLC0414 - asked for beside Session
from authserver.store.times import aware, read_time, time_text

if TYPE_CHECKING:
    from sqlalchemy import orm

    from authserver.store.mapping import Mapping as Orm

log = logging.getLogger(__name__)

Mode = Literal["read", "write", "fast"]
T = TypeVar("T")
RETRIES = 3
BUSY_MS = 5_000
BRIEFLY = 0.02
LOCK_NOT_AVAILABLE = "55P03"
WANTS_RETRY = frozenset({"40001", "40P01"})  # serialization failure, deadlock
SERVER_ENDED = frozenset({None, "57P01", "57P02", "57P03"})  # no answer, shutdown, crash, not yet up
FAILURES: tuple[type[Exception], ...] = (sqlite3.OperationalError,)


class Session:
    """What is asked of the database in one go; nothing is asked of it before the first statement.

    This one cannot write. It is in no transaction: it takes a link and gives it back.
    """

    __slots__ = ("_has_asked", "_link", "_links", "_orm", "database", "time")

    def __init__(self, database: "Database", links: Links) -> None:
        self.database = database
        self.time = database.write_time
        self._links = links
        self._link: Link | None = None
        self._orm: orm.Session | None = None
        self._has_asked = False

    def hot(self, statement: Hot, values: Mapping[str, Any]) -> Rows:
        """The rows of a hot statement; times go through `time` and `Database.read_time`."""
        database = self.database
        if database.counting is not None:
            database.counting(statement.sql)
        try:
            rows = self._link_for(statement).run(statement, values)
        except database.failures as error:
            if self._has_asked or self._orm is not None or not is_lost(error):
                raise
            # The connection died while it lay idle, and nothing was asked on it yet: another may be asked instead.
            database.lost_at = time.monotonic()
            self.invalidate()
            rows = self._linked().run(statement, values)
        self._has_asked = True
        return rows

    def one(self, statement: Hot, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        rows = self.hot(statement, values)
        try:
            row: tuple[Any, ...] | None = rows.fetchone()
        finally:
            rows.close()  # one left open would stand in the way of whoever is given the link next
        return row

    def shared(self, statement: Shared, values: Mapping[str, Any]) -> Rows:
        """As hot(); but outside a transaction, requests that ask a server the same at once ask it together."""
        return self.hot(statement, values) if self.database.embedded else self._in_company(statement, values)

    def _in_company(self, statement: Shared, values: Mapping[str, Any]) -> Rows:
        def together(of_each: Sequence[Mapping[str, Any]]) -> Rows:
            lists = {name: [each[name] for each in of_each] for name in statement.together.names}
            return self.hot(statement.together, lists)

        company = self.database.company(statement)
        rows = company.ask(values, partial(self.hot, statement, values), together)
        self._has_asked = True
        return rows

    @property
    def orm(self) -> "orm.Session":
        """SQLAlchemy's session on this same connection and transaction."""
        if self._orm is None:
            mapping = self.database.mapping
            self._orm = mapping.session(self._link or self._linked())
        return self._orm

    def _link_for(self, statement: Hot) -> Link:
        return self._link or self._linked()

    def _linked(self) -> Link:
        # None that was made before the server was away: of all its dead links, one request finds one.
        self._link = link = self._links.take(self.database.lost_at)
        return link

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None and self._orm is None:
            self._close()
        else:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Bring to its end what may fail once more."""
        try:
            if error is None:
                self._commit()
            elif isinstance(error, self.database.failures):
                raise self._failed(error) from error
        except self.database.failures as failure:
            raise self._failed(failure) from failure
        finally:
            self._close()

    def _commit(self) -> None:
        if self._orm is not None:
            self._orm.flush()

    def _failed(self, error: Exception) -> Unavailable:
        if is_away(error):
            self.invalidate()
        if is_lost(error):
            self.database.lost_at = time.monotonic()
        metrics.count("database_errors", kind=type(error).__name__)
        return Unavailable(f"database: {type(error).__name__}: {error}".strip())

    def _close(self) -> None:
        link, self._link = self._link, None
        try:
            if self._orm is not None:
                session, self._orm = self._orm, None
                session.close()
        finally:
            if link is not None:
                self._links.give_back(link)

    def invalidate(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.drop()


class InTurn(Session):
    """Of those who write to a file, one of this process at a time has a link."""

    __slots__ = ("_turn",)

    def __init__(self, database: "Database", links: Links) -> None:
        super().__init__(database, links)
        self._turn: threading.Lock | None = None

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        try:
            super()._close()
        finally:
            if turn is not None:
                turn.release()


class Writing(InTurn):
    """One transaction: committed on exit, rolled back on an exception."""

    __slots__ = ()

    def shared(self, statement: Shared, values: Mapping[str, Any]) -> Rows:
        return self.hot(statement, values)

    def _linked(self) -> Link:
        if self.database.embedded and self._turn is None:
            self._turn = self.database.turn()
        link = super()._linked()
        link.begin()
        return link

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end(error)

    def _commit(self) -> None:
        super()._commit()
        if self._link is not None:
            self._link.commit()


class Alone(InTurn):
    """Statements each of which is a transaction by itself, and what is read before them on the same link."""

    __slots__ = ()

    def _link_for(self, statement: Hot) -> Link:
        if statement.writes and self._turn is None and self.database.embedded:
            self._take_turn()
        return self._link or self._linked()

    def _linked(self) -> Link:
        database = self.database
        if self._turn is None and database.embedded:
            self._turn = database.turn_if_soon()
            # Whoever only reads so far does not wait behind a writer that is stuck.
            self._links = database.reads if self._turn is None else database.fast
        return super()._linked()

    def _take_turn(self) -> None:
        """What may have been read by another link comes to be written."""
        link, self._link = self._link, None
        if link is not None:
            self._links.give_back(link)
        self._turn, self._links = self.database.turn(), self.database.fast


@dataclass(slots=True)
class Database:
    """The links to the database, bound once for an issuer."""

    url: str
    reads: Links
    durable: Links
    fast: Links
    embedded: bool  # SQLite: one file, one writer at a time
    read_time: Callable[[Any], datetime] = read_time  # an instant as the driver gives it
    write_time: Callable[[datetime], Any] = aware  # and as it takes it
    failures: tuple[type[Exception], ...] = FAILURES
    node: str = ""
    counting: Callable[[str], None] | None = None
    told: Callable[..., None] | None = None  # who hears of each audit event, in its transaction
    lost_at: float = float("-inf")
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _companies: dict[bytes, Company] = field(default_factory=dict)
    _mapping: "Orm | None" = None
    _loading: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def bind(cls, url: str) -> "Database":
        if url.startswith("sqlite"):
            path = path_of(url)
            reads, fast = (Links(partial(open_file, path, mode)) for mode in ("read", "fast"))
            return cls(
                url,
                reads,
                Durable(fast),
                fast,
                embedded=True,
                read_time=datetime.fromisoformat,
                write_time=time_text,
            )
        # Only PostgreSQL pays for its driver's import.
        server = import_module("authserver.store.postgresql")
        reads, write = (Links(partial(server.Server.at, url, mode)) for mode in ("read", "write"))
        return cls(url, reads, write, write, embedded=False, failures=(*FAILURES, *server.FAILURES))

    @property
    def mapping(self) -> "Orm":
        """SQLAlchemy for these links: loaded here, since what answers machines does without."""
        if self._mapping is None:
            with self._loading:
                if self._mapping is None:
                    made: Orm = import_module("authserver.store.mapping").Mapping(self)
                    self.failures = (*self.failures, *made.failures)
                    self._mapping = made
        return self._mapping

    def turn(self) -> threading.Lock:
        """Become this process's one writer to the file: its threads queue here, where they wake each other.

        SQLite's own queue is for other processes: it sleeps and looks again, for longer than a write takes.
        """
        if not self._turn.acquire(timeout=BUSY_MS / 1000):
            raise sqlite3.OperationalError("database is locked by another thread")
        return self._turn

    def turn_if_soon(self) -> "threading.Lock | None":
        """The same for whoever can do without for now."""
        return self._turn if self._turn.acquire(timeout=BRIEFLY) else None

    def company(self, statement: Shared) -> Company:
        """Those of this process who ask this."""
        found = self._companies.get(statement.name)
        return self._companies.setdefault(statement.name, Company()) if found is None else found

    def reading(self) -> Session:
        """A session that cannot write, by the database's own word."""
        return Session(self, self.reads)

    def writing(self) -> Session:
        """One short durable transaction: committed on exit, rolled back on an exception."""
        return Writing(self, self.durable)

    def writing_fast(self) -> Session:
        """As writing(), but a power cut may lose the last commits: only for what heals itself."""
        return Writing(self, self.fast)

    def writing_alone(self) -> Session:
        """As writing_fast(), for statements each of which is a transaction by itself.

        What is read before the one that writes is read here, too: this link's page cache outlives its own writes.
        """
        return Alone(self, self.fast)

    def dispose(self) -> None:
        for links in (self.reads, self.durable, self.fast):
            links.close()


def is_away(error: Exception) -> bool:
    """Whether the connection itself is of no more use."""
    original = getattr(error, "orig", error)
    return hasattr(original, "sqlstate") and original.sqlstate != LOCK_NOT_AVAILABLE


def is_lost(error: Exception) -> bool:
    """Whether the server ended or cannot be reached, so that no connection from before is of any use."""
    original = getattr(error, "orig", error)
    return hasattr(original, "sqlstate") and original.sqlstate in SERVER_ENDED


def retrying(attempt: Callable[[], T]) -> T:
    """Run a unit of work again when the database asked for it (a busy file, a serialization failure)."""
    for left in range(RETRIES, -1, -1):
        began = time.monotonic()
        try:
            return attempt()
        except Unavailable as error:
            # Whoever waited for a busy file in vain tells the caller to come again, and does not wait four times.
            in_vain = time.monotonic() - began >= BUSY_MS / 1000
            if left == 0 or in_vain or not wants_retry(error.__cause__):
                raise
            log.info("the database asked for another try: %s", error)
    raise AssertionError  # pragma: no cover


def wants_retry(error: BaseException | None) -> bool:
    original = getattr(error, "orig", error)
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original)
    return getattr(original, "sqlstate", None) in WANTS_RETRY


def path_of(url: str) -> str:
    """The file that an SQLite URL names, as SQLAlchemy reads it."""
    _, _, rest = url.partition("://")
    if "?" in rest:
        raise Misconfigured("The URL of a database file has no options.", "Remove what begins with `?`.")
    return rest.removeprefix("/") or ":memory:"


def write_ahead(change: Callable[[], object], seconds: float) -> None:
    """Change a file to a write-ahead log, for which SQLite waits for nobody who is writing to a new one."""
    began = time.monotonic()
    while True:
        try:
            change()
        except Exception as error:
            if not wants_retry(error) or time.monotonic() - began >= seconds:
                raise
            time.sleep(BRIEFLY)
        else:
            return


def open_file(path: str, mode: Mode) -> File:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    write_ahead(lambda: connection.execute("PRAGMA journal_mode=WAL").close(), BUSY_MS / 1000)
    for pragma in (
        f"synchronous={'NORMAL' if mode == 'fast' else 'FULL'}",
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
        f"cache_size={'-4000' if mode == 'fast' else '-500'}",
        "wal_autocheckpoint=4000",
        "temp_store=MEMORY",
        *(("query_only=ON",) if mode == "read" else ()),
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    return File(connection)
