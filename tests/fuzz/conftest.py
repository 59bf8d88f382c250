"""Bad input is sent to the same worlds as good input in the flow tests; a module shares one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.conftest import at, store_server, template
from tests.flow.world import copied, inhabited
from tests.fuzz.samples import House, furnished
from tests.peers.postgresql import PostgreSQL

__all__ = ["house", "store_server", "template"]


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory,
    template: tuple[Path, str],
    store_server: PostgreSQL | None,
) -> Iterator[House]:
    """A world with people, clients, tokens and an administrator in it, which no example takes away."""
    folder, original = template
    database = store_server.create(original) if store_server else ""
    config = copied(folder, tmp_path_factory.mktemp("fuzz") / "data", **at(store_server, database))
    with inhabited(config) as world:
        yield furnished(world)
    if store_server:
        store_server.drop(database)
