"""A PostgreSQL server of our own: durable commits, a role without rights, databases copied from templates."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.peers.process import Home, answers, free_port, program, run, unprivileged

ROLE = "authserver"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "log_min_messages": "warning",
}


@dataclass(slots=True)
class PostgreSQL:
    """A running server; `stop` and `start` take it away from the product and give it back, with its data."""

    home: Home
    programs: Path
    port: int = field(default_factory=free_port)

    @classmethod
    def install(cls) -> "PostgreSQL":
        """Make the data folder and start."""
        programs = program("initdb", "usr/lib/postgresql/*/bin/initdb", package="postgresql").parent
        home = Home(name="postgresql", user=unprivileged("postgres"))
        server = cls(home, programs)
        options = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
        run([programs / "initdb", *options, server.data], home.user, home.path)
        server.start()
        with server.connect() as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
        return server

    @property
    def data(self) -> Path:
        return self.home.path / "data"

    @property
    def is_up(self) -> bool:
        return answers(self.port)

    def start(self) -> None:
        """Start, and come back when it takes connections."""
        # Without -l the server would hold our pipe open, and we would wait for its end.
        settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._control("start", "-l", self.home.path / "log", "-o", f"-p {self.port} {settings}")

    def stop(self, mode: str = "fast") -> None:
        """Take it away: "fast" ends connections in order, "immediate" is a crash."""
        self._control("stop", "-m", mode)

    @contextmanager
    def away(self, mode: str = "fast") -> Iterator[None]:
        """The database is away for as long as this lasts."""
        self.stop(mode)
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        try:
            if self.is_up:
                self.stop("immediate")
        finally:
            self.home.remove()

    @property
    def log(self) -> str:
        """What the server complained about."""
        file = self.home.path / "log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def connect(self, database: str = "postgres", role: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=role, autocommit=True, connect_timeout=5
        )

    def url(self, database: str) -> str:
        """What AUTHSERVER_DATABASE_URL takes."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """A new database, empty or a copy of another, that the product's role owns; its name."""
        name = f"t_{uuid4().hex}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ENCODING 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template)
                )
            )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def freeze(self, name: str) -> None:
        """End all connections to a database, so that it can be copied; comes back when they have ended."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )

    def _control(self, *arguments: str | Path) -> None:
        run(
            [self.programs / "pg_ctl", "-D", self.data, "-w", "-s", *arguments],
            self.home.user,
            self.home.path,
        )
