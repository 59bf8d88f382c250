"""Migrations: forward and back, under a lock, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from authserver.errors import Misconfigured, Unavailable
from authserver.store.database import write_ahead

LOCK_SECONDS = 120
DDL_SECONDS = 10


def upgrade(url: str, to: str = "head") -> None:
    """Bring a database to a schema; whoever comes at the same time waits, and finds nothing to do."""
    with _locked(url) as connection:
        command.upgrade(_alembic(connection), to)


def downgrade(url: str, to: str = "-1") -> None:
    """Go back one step, or to a named schema."""
    with _locked(url) as connection:
        command.downgrade(_alembic(connection), to)


def folder() -> Path:
    """Where the steps are: within the installed package, or beside it in a checkout."""
    package = Path(str(files("authserver")))
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    parsed = make_url(url)
    embedded = parsed.get_backend_name() == "sqlite"
    if not embedded:
        parsed = parsed.set(drivername="postgresql+psycopg")
    arguments = {"isolation_level": None, "timeout": LOCK_SECONDS} if embedded else {"connect_timeout": 5}
    engine = create_engine(parsed, poolclass=NullPool, connect_args=arguments)
    try:
        with engine.connect() as connection:
            (_lock_file if embedded else _lock_cluster)(connection)
            yield connection
            if embedded and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise Misconfigured(
                    "After the migration some rows would refer to rows that are not there.",
                    "Nothing was changed. Restore a backup, or report this.",
                )
            connection.commit()
    except OperationalError as error:
        raise Unavailable(f"database: {error.orig}") from error
    finally:
        engine.dispose()


def _lock_file(connection: Connection) -> None:
    # Neither can change within a transaction; SQLite alters a table by writing it anew.
    write_ahead(lambda: connection.exec_driver_sql("PRAGMA journal_mode=WAL"), LOCK_SECONDS)
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN EXCLUSIVE")


def _lock_cluster(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('authserver.migrations', 0))")
    # A step that waits for a table stops everybody who comes after it: it gives up instead.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{DDL_SECONDS}s'")
