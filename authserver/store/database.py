"""Sessions on the database: reading() cannot write, writing() is durable, writing_fast() may lose a last write.

Hot statements run on the driver itself (see links.py); everything else uses the ORM on the same connection.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, make_url, orm, pool
from sqlalchemy import exc as sqlalchemy_errors

from authserver import metrics
from authserver.errors import Unavailable
from authserver.store.links import File, Link, Links, Rows
from authserver.store.links import Hot as Hot  # noqa: PLC0414 - asked for beside Session
from authserver.store.types import Base, read_time, time_text

log = logging.getLogger(__name__)
models = SQLAlchemy(model_class=Base, disable_autonaming=True)

Mode = Literal["read", "write", "fast", "alone"]
TRANSACTIONS = frozenset({"write", "fast"})
T = TypeVar("T")
RETRIES = 3
BUSY_MS = 5_000
LOCK_NOT_AVAILABLE = "55P03"
WANTS_RETRY = frozenset({"40001", "40P01"})  # serialization failure, deadlock
SERVER_ENDED = frozenset({None, "57P01", "57P02", "57P03"})  # no answer, shutdown, crash, not yet up
FAILURES: tuple[type[Exception], ...] = (
    sqlite3.OperationalError,
    sqlalchemy_errors.OperationalError,
    sqlalchemy_errors.InterfaceError,
)


class Session:
    """One open transaction. Nothing is asked of the database before the first statement."""

    __slots__ = ("_link", "_mode", "_orm", "_turn", "database", "statements")

    def __init__(self, database: "Database", mode: Mode) -> None:
        self.database = database
        self._mode = mode
        self._link: Link | None = None
        self._orm: orm.Session | None = None
        self._turn: threading.Lock | None = None
        self.statements = 0

    def hot(self, statement: Hot, values: Mapping[str, Any]) -> Rows:
        """The rows of a hot statement; times go through `time()` and `Database.read_time`."""
        if self.database.counting is not None:
            self.database.counting(statement.sql)
        try:
            rows = (self._link or self._linked()).run(statement, values)
        except self.database.failures as error:
            if self.statements or self._orm is not None or not is_lost(error):
                raise
            # The connection died while it lay idle, and nothing was asked on it yet: another may be asked instead.
            self.database.lost_at = time.monotonic()
            self.invalidate()
            rows = self._linked().run(statement, values)
        self.statements += 1
        return rows

    def one(self, statement: Hot, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        rows = self.hot(statement, values)
        row: tuple[Any, ...] | None = rows.fetchone()
        rows.close()
        return row

    def time(self, moment: datetime) -> Any:
        """A time as the driver takes it."""
        return time_text(moment) if self.database.embedded else moment

    @property
    def orm(self) -> orm.Session:
        """SQLAlchemy's session on this same connection and transaction."""
        if self._orm is None:
            link = self._link or self._linked()
            connection = Connection(self.database.engine(self._mode), connection=link.fairy)
            self._orm = orm.Session(bind=connection, expire_on_commit=False, autoflush=True)
        return self._orm

    def _linked(self) -> Link:
        """A link for this session, in a transaction if it writes more than one statement."""
        if self._mode == "read":
            self._link = self.database.take("read")
            return self._link
        if self.database.embedded and self._turn is None:
            self._turn = self.database.turn()
        self._link = self.database.take(self._mode)
        if self._mode != "alone":
            self._link.begin()
        return self._link

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
        except self.database.failures as failure:
            raise self._failed(failure) from failure
        else:
            if isinstance(error, self.database.failures):
                raise self._failed(error) from error
        finally:
            self._close()

    def _failed(self, error: Exception) -> Unavailable:
        if is_away(error):
            self.invalidate()
        if is_lost(error):
            self.database.lost_at = time.monotonic()
        metrics.count("database_errors", kind=type(error).__name__)
        return Unavailable(f"database: {type(error).__name__}: {error}".strip())

    def _commit(self) -> None:
        if self._orm is not None:
            self._orm.flush()
        if self._link is not None and self._mode in TRANSACTIONS:
            self._link.commit()

    def _close(self) -> None:
        link, self._link = self._link, None
        session, self._orm = self._orm, None
        turn, self._turn = self._turn, None
        try:
            if session is not None:
                session.close()
        finally:
            try:
                if link is not None:
                    self.database.give_back(self._mode, link)
            finally:
                if turn is not None:
                    turn.release()

    def invalidate(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.fairy.invalidate()


@dataclass(slots=True)
class Database:
    """The links to the database, bound once in create_app."""

    links: Mapping[Mode, Links]
    embedded: bool  # SQLite: one file, one writer at a time
    failures: tuple[type[Exception], ...] = FAILURES
    node: str = ""
    counting: Callable[[str], None] | None = None
    told: Callable[..., None] | None = None  # who hears of each audit event, in its transaction
    lost_at: float = float("-inf")
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def bind(cls, app: Any, url: str) -> "Database":
        embedded = make_url(url).get_backend_name() == "sqlite"
        modes: tuple[Mode, ...] = ("read", "write", "fast") if embedded else ("read", "write")
        app.config.update(
            SQLALCHEMY_DATABASE_URI=url,
            SQLALCHEMY_BINDS={mode: engine_options(url, mode) for mode in modes},
            SQLALCHEMY_ENGINE_OPTIONS={"poolclass": pool.NullPool},
        )
        models.init_app(app)
        with app.app_context():
            engines = models.engines
        if embedded:
            found = {mode: Links(engines[mode], File) for mode in modes}
            for mode in modes:
                prepare_sqlite(engines[mode], mode)
            return cls({**found, "alone": found["fast"]}, embedded)
        # Only PostgreSQL pays for its driver's import.
        server = import_module("authserver.store.postgresql")
        found = {mode: Links(engines[mode], server.Server) for mode in modes}
        write = found["write"]
        return cls({**found, "fast": write, "alone": write}, embedded, (*FAILURES, *server.FAILURES))

    def engine(self, mode: Mode) -> Engine:
        return self.links[mode].engine

    @property
    def engines(self) -> Mapping[Mode, Engine]:
        return {mode: links.engine for mode, links in self.links.items()}

    def take(self, mode: Mode) -> Link:
        """A link that was not made before the server was away: of all its dead ones, one request finds one."""
        return self.links[mode].take(self.lost_at)

    def give_back(self, mode: Mode, link: Link) -> None:
        self.links[mode].give_back(link)

    def turn(self) -> threading.Lock:
        """Become this process's one writer to the file: its threads queue here, where they wake each other.

        SQLite's own queue is for other processes: it sleeps and looks again, for longer than a write takes.
        """
        if not self._turn.acquire(timeout=BUSY_MS / 1000):
            raise sqlite3.OperationalError("database is locked by another thread")
        return self._turn

    @staticmethod
    def read_time(value: Any) -> datetime:
        return read_time(value)

    def reading(self) -> Session:
        """A session that cannot write, by the database's own word."""
        return Session(self, "read")

    def writing(self) -> Session:
        """One short durable transaction: committed on exit, rolled back on an exception."""
        return Session(self, "write")

    def writing_fast(self) -> Session:
        """As writing(), but a power cut may lose the last commits: only for what heals itself."""
        return Session(self, "fast")

    def writing_alone(self) -> Session:
        """As writing_fast(), for one statement, which is a transaction by itself."""
        return Session(self, "alone")

    def dispose(self) -> None:
        for links in self.links.values():
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


def engine_options(url: str, mode: Mode) -> dict[str, Any]:
    parsed = make_url(url)
    # No pool of SQLAlchemy's: links wait in `Links`. And what was to be stored does not get into the text of an
    # error, and so into a log. KEY-8.
    shared: dict[str, Any] = {"poolclass": pool.NullPool, "hide_parameters": True}
    if parsed.get_backend_name() == "sqlite":
        arguments = {
            "timeout": BUSY_MS / 1000,
            "isolation_level": None,
            "check_same_thread": False,
            "cached_statements": 256,
        }
        return {"url": url, "connect_args": arguments, **shared}
    options = "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=15s"
    if mode == "read":
        options += " -c default_transaction_read_only=on"
    return {
        "url": parsed.set(drivername="postgresql+psycopg"),
        # What psycopg prepared by itself it would deallocate with all others, ours included.
        "connect_args": {"options": options, "connect_timeout": 3, "prepare_threshold": None},
        # One statement is one round trip when nothing opens a transaction around it; a session begins its own.
        "isolation_level": "AUTOCOMMIT",
        **shared,
    }


def prepare_sqlite(engine: Engine, mode: Mode) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'NORMAL' if mode == 'fast' else 'FULL'}",
            f"busy_timeout={BUSY_MS}",
            "foreign_keys=ON",
            "cache_size=-2000",
            "temp_store=MEMORY",
            *(("query_only=ON",) if mode == "read" else ()),
        ):
            connection.execute(f"PRAGMA {pragma}").close()
