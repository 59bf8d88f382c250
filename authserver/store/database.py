"""Sessions on the database: reading() cannot write, writing() is durable, writing_fast() may lose a last write.

Hot statements run on the driver's own cursor; everything else uses the ORM on the same connection.
"""

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, Literal, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, PoolProxiedConnection, event, make_url, orm, pool
from sqlalchemy import exc as sqlalchemy_errors

from authserver import metrics
from authserver.errors import Unavailable
from authserver.store.types import Base, read_time, time_text

log = logging.getLogger(__name__)
models = SQLAlchemy(model_class=Base, disable_autonaming=True)

Mode = Literal["read", "write", "fast"]
T = TypeVar("T")
NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
ON_SERVER = re.compile(r"/\*server: (.*?)\*/")
RETRIES = 3
BUSY_MS = 5_000
LOCK_NOT_AVAILABLE = "55P03"
WANTS_RETRY = frozenset({"40001", "40P01"})  # serialization failure, deadlock
SERVER_ENDED = frozenset({None, "57P01", "57P02", "57P03"})  # no answer, shutdown, crash, not yet up
FAILURES: tuple[type[Exception], ...] = (
    sqlite3.OperationalError,
    sqlalchemy_errors.OperationalError,
    sqlalchemy_errors.InterfaceError,
    sqlalchemy_errors.TimeoutError,
)


class Hot:
    """A statement of a hot path: written once with :names, run on the driver's cursor of either store.

    What stands in /*server: … */ is for a database server alone: a lock, where SQLite has one writer anyway.
    """

    __slots__ = ("pyformat", "sql")

    def __init__(self, sql: str) -> None:
        self.sql = " ".join(sql.split())
        self.pyformat = NAMED.sub(r"%(\1)s", ON_SERVER.sub(r"\1", self.sql).replace("%", "%%"))


class Session:
    """One open transaction. Nothing is asked of the database before the first statement."""

    __slots__ = ("_fairy", "_mode", "_orm", "_turn", "database", "statements")

    def __init__(self, database: "Database", mode: Mode) -> None:
        self.database = database
        self._mode = mode
        self._fairy: PoolProxiedConnection | None = None
        self._orm: orm.Session | None = None
        self._turn: threading.Lock | None = None
        self.statements = 0

    def hot(self, statement: Hot, values: Mapping[str, Any]) -> Any:
        """The cursor of a hot statement; times go through `time()` and `Database.read_time`."""
        if self.database.counting is not None:
            self.database.counting(statement.sql)
        try:
            cursor = self._ask(statement, values)
        except self.database.failures as error:
            if self.statements or self._orm is not None or not is_lost(error):
                raise
            # The connection died while it lay idle, and nothing was asked on it yet: another may be asked instead.
            self.database.lost_at = time.monotonic()
            self.invalidate()
            self._fairy = None
            cursor = self._ask(statement, values)
        self.statements += 1
        return cursor

    def _ask(self, statement: Hot, values: Mapping[str, Any]) -> Any:
        cursor = self._connection().cursor()
        cursor.execute(statement.sql if self.database.embedded else statement.pyformat, values)
        return cursor

    def one(self, statement: Hot, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        cursor = self.hot(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        cursor.close()
        return row

    def time(self, moment: datetime) -> Any:
        """A time as the driver takes it."""
        return time_text(moment) if self.database.embedded else moment

    @property
    def orm(self) -> orm.Session:
        """SQLAlchemy's session on this same connection and transaction."""
        if self._orm is None:
            self._connection()
            connection = Connection(self.database.engine(self._mode), connection=self._fairy)
            self._orm = orm.Session(bind=connection, expire_on_commit=False, autoflush=True)
        return self._orm

    def _connection(self) -> Any:
        if self._fairy is None:
            if self._mode != "read" and self.database.embedded:
                self._turn = self.database.turn()
            self._fairy = self.database.take(self._mode)
            if self._turn is not None:
                self._fairy.cursor().execute("BEGIN IMMEDIATE")
        return self._fairy

    def commit(self) -> None:
        if self._orm is not None:
            self._orm.flush()
        if self._fairy is not None:
            self._fairy.commit()

    def close(self) -> None:
        fairy, self._fairy = self._fairy, None
        session, self._orm = self._orm, None
        turn, self._turn = self._turn, None
        try:
            if session is not None:
                session.close()
        finally:
            try:
                if fairy is not None:
                    self.database.give_back(self._mode, fairy)
            finally:
                if turn is not None:
                    turn.release()

    def invalidate(self) -> None:
        if self._fairy is not None:
            self._fairy.invalidate()


@dataclass(slots=True)
class Database:
    """The pools, bound once in create_app."""

    engines: Mapping[Mode, Engine]
    embedded: bool  # SQLite: one file, one writer at a time
    failures: tuple[type[Exception], ...] = FAILURES
    node: str = ""
    counting: Callable[[str], None] | None = None
    lost_at: float = float("-inf")
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _idle: dict[Mode, list[PoolProxiedConnection]] = field(
        default_factory=lambda: {"read": [], "write": [], "fast": []}
    )

    @classmethod
    def bind(cls, app: Any, url: str, *, pool_size: int = 16) -> "Database":
        app.config.update(
            SQLALCHEMY_DATABASE_URI=url,
            SQLALCHEMY_BINDS={
                "write": engine_options(url, "write", pool_size),
                "fast": engine_options(url, "fast", pool_size),
                "read": engine_options(url, "read", pool_size),
            },
            SQLALCHEMY_ENGINE_OPTIONS={"poolclass": pool.NullPool},
        )
        models.init_app(app)
        with app.app_context():
            engines = models.engines
            found: dict[Mode, Engine] = {
                "read": engines["read"],
                "write": engines["write"],
                "fast": engines["fast"] if url.startswith("sqlite") else engines["write"],
            }
        for mode, engine in found.items():
            if engine.dialect.name == "sqlite":
                prepare_sqlite(engine, mode)
        made = cls(found, found["write"].dialect.name == "sqlite", failures_of(found["write"]))
        if not made.embedded:
            for engine in {found["read"], found["write"]}:
                renew_connections(engine, made)
        return made

    def engine(self, mode: Mode) -> Engine:
        return self.engines[mode]

    def take(self, mode: Mode) -> PoolProxiedConnection:
        """A connection. Those to a file wait here, past the pool: it never goes away, so nothing need be asked."""
        try:
            return self._idle[mode].pop()
        except IndexError:
            return self.engine(mode).raw_connection()

    def give_back(self, mode: Mode, connection: PoolProxiedConnection) -> None:
        """Undo what was not committed, and keep the connection to a file for whoever comes next."""
        if self.embedded and connection.is_valid:
            connection.rollback()
            self._idle[mode].append(connection)
        else:
            connection.close()

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

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that cannot write, by the database's own word."""
        yield from self._session("read")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One short durable transaction: committed on exit, rolled back on an exception."""
        yield from self._session("write")

    @contextmanager
    def writing_fast(self) -> Iterator[Session]:
        """As writing(), but a power cut may lose the last commits: only for what heals itself."""
        yield from self._session("fast")

    def _session(self, mode: Mode) -> Iterator[Session]:
        session = Session(self, mode)
        try:
            yield session
            session.commit()
        except self.failures as error:
            if is_away(error):
                session.invalidate()
            if is_lost(error):
                self.lost_at = time.monotonic()
            metrics.count("database_errors", kind=type(error).__name__)
            raise Unavailable(f"database: {type(error).__name__}: {error}".strip()) from error
        finally:
            session.close()

    def dispose(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
        for engine in set(self.engines.values()):
            engine.dispose()


def failures_of(engine: Engine) -> tuple[type[Exception], ...]:
    """What the driver raises when the database is away or busy. Only PostgreSQL pays for its driver's import."""
    if engine.dialect.name == "sqlite":
        return FAILURES
    driver = import_module("psycopg")
    return (*FAILURES, driver.OperationalError, driver.InterfaceError)


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


def engine_options(url: str, mode: Mode, pool_size: int) -> dict[str, Any]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return {
            "url": url,
            # Who writes has the turn (see Database.turn), and finds the pages of the write before in its cache.
            "poolclass": pool.QueuePool,
            "pool_size": pool_size if mode == "read" else 1,
            "max_overflow": 0,
            "pool_timeout": BUSY_MS / 1000,
            "pool_use_lifo": True,
            "hide_parameters": True,
            "connect_args": {
                "timeout": BUSY_MS / 1000,
                "isolation_level": None,
                "check_same_thread": False,
                "cached_statements": 256,
            },
        }
    options = "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=15s"
    if mode == "read":
        options += " -c default_transaction_read_only=on"
    return {
        "url": parsed.set(drivername="postgresql+psycopg"),
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": 3,
        "pool_use_lifo": True,
        # What was to be stored does not get into the text of an error, and so into a log. KEY-8.
        "hide_parameters": True,
        "connect_args": {"options": options, "connect_timeout": 3},
        # One statement is one round trip when nothing opens a transaction around it.
        **({"isolation_level": "AUTOCOMMIT"} if mode == "read" else {}),
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


def renew_connections(engine: Engine, database: Database) -> None:
    """When the server was away, one request finds out: the pool does not offer its other dead connections."""

    @event.listens_for(engine, "connect")
    def connected(_connection: object, record: pool.ConnectionPoolEntry) -> None:
        record.info["made"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(_connection: object, record: pool.ConnectionPoolEntry, _taken: object) -> None:
        if record.info["made"] < database.lost_at:
            raise sqlalchemy_errors.DisconnectionError
