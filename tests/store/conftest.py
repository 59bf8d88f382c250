"""Records on each database: a small installation for each test, and what it takes to look at it."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from authserver.config import Config
from tests.flow.world import World, copied, inhabited, prepared
from tests.serve import Store

Template = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="session")
def template_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Store], Template]:
    """The prepared data folder of a store, and how to name a copy of its database."""

    @cache
    def made(store: Store) -> Template:
        folder = tmp_path_factory.mktemp(f"records-{store}") / "data"
        if store == "sqlite":
            prepared(Config(data_dir=folder))
            return folder, {}
        server = request.getfixturevalue("postgresql")
        database = server.create()
        prepared(Config(data_dir=folder, database_url=server.url(database)))
        server.freeze(database)
        return folder, {"server": server, "database": database}

    return made


@pytest.fixture
def world(store: Store, template_of: Callable[[Store], Template], tmp_path: Path) -> Iterator[World]:
    """A whole installation on one of the databases; each test that asks for it runs on both."""
    folder, there = template_of(store)
    if not there:
        with inhabited(copied(folder, tmp_path / "data")) as made:
            yield made
        return
    server = there["server"]
    database = server.create(there["database"])
    with inhabited(copied(folder, tmp_path / "data", database_url=server.url(database))) as made:
        yield made
    server.drop(database)
