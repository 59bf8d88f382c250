"""Fixtures of the flow tests: a world for each, on SQLite or, by TEST_STORE=postgresql, on PostgreSQL."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import argon2
import pytest

from authserver.config import PREFIX, Config
from authserver.store import Session, schema
from authserver.store.database import InTurn, Writing
from tests import outlived
from tests.flow.world import World, copied, inhabited, prepared
from tests.peers.postgresql import PostgreSQL

MakeWorld = Callable[..., World]
STORE = os.environ.get("TEST_STORE", "sqlite")


@pytest.fixture(scope="session")
def store_server(request: pytest.FixtureRequest) -> PostgreSQL | None:
    server: PostgreSQL | None = request.getfixturevalue("postgresql") if STORE == "postgresql" else None
    return server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, store_server: PostgreSQL | None) -> tuple[Path, str]:
    """A prepared data folder, and the name of its database on a server."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    folder = tmp_path_factory.mktemp("template") / "data"
    database = store_server.create() if store_server else ""
    prepared(Config(data_dir=folder, **at(store_server, database)))
    if store_server:
        store_server.freeze(database)
    return folder, database


def _left_well(world: World) -> None:
    if schema.current(world.issuer.database):  # a test may take that away
        outlived.check(world.rows)


@pytest.fixture
def make_world(
    tmp_path: Path, template: tuple[Path, str], store_server: PostgreSQL | None
) -> Iterator[MakeWorld]:
    """Makes a world with a configuration of its own: `make_world(trusted_proxies=1)`; one at a time for a URL."""
    folder, original = template
    with ExitStack() as stack:

        def make(**given: Any) -> World:
            database = ""
            if store_server:
                database = store_server.create(original)
                stack.callback(store_server.drop, database)
            to = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
            made = stack.enter_context(inhabited(copied(folder, to, **at(store_server, database), **given)))
            stack.callback(_left_well, made)
            return made

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def _leaving(here: threading.local, leave: Callable[..., None]) -> Callable[..., None]:
    def left(self: Session, *error: Any) -> None:
        try:
            leave(self, *error)
        finally:
            here.depth -= isinstance(self, InTurn)

    return left


@pytest.fixture(autouse=True)
def nothing_slow_while_writing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fails a test in which something opens a socket or hashes a password inside writing()."""
    here = threading.local()
    caught: list[str] = []
    enter = Session.__enter__

    def entered(self: Session) -> Session:
        here.depth = getattr(here, "depth", 0) + isinstance(self, InTurn)
        return enter(self)

    def forbidden(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def checked(*given: Any, **named: Any) -> Any:
            if getattr(here, "depth", 0):
                caught.append(f"{owner.__name__}.{name}")
                raise AssertionError(f"{name} inside writing()")
            return original(*given, **named)

        monkeypatch.setattr(owner, name, checked)

    monkeypatch.setattr(Session, "__enter__", entered)
    for kind in (Session, Writing):
        monkeypatch.setattr(kind, "__exit__", _leaving(here, kind.__exit__))
    for owner, name in (
        (socket.socket, "connect"),
        (socket, "getaddrinfo"),
        (argon2.PasswordHasher, "hash"),
        (argon2.PasswordHasher, "verify"),
    ):
        forbidden(owner, name)
    yield caught
    assert not caught, f"inside writing(): {caught}"


def at(server: PostgreSQL | None, database: str) -> dict[str, Any]:
    return {"database_url": server.url(database)} if server else {}
