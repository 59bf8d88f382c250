"""Links to a file of SQLite."""

from pathlib import Path

import pytest

from authserver.errors import Unavailable
from authserver.store import Database, Hot

SYNCHRONOUS = Hot("PRAGMA synchronous")
NORMAL, FULL = (1,), (2,)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.bind(f"sqlite:///{tmp_path / 'authserver.db'}")


def test_a_link_is_durable_for_writing_alone_however_often_it_changes_hands(database: Database) -> None:
    ways = [(database.writing, FULL), (database.writing_fast, NORMAL), (database.writing_alone, NORMAL)] * 3
    for opens, expected in (*ways, *reversed(ways)):
        with opens() as db:
            assert db.one(SYNCHRONOUS, {}) == expected


def test_a_durable_write_that_failed_leaves_a_link_for_others(database: Database) -> None:
    with pytest.raises(Unavailable), database.writing() as db:
        db.hot(Hot("INSERT INTO nowhere VALUES (1)"), {})
    with database.writing_fast() as db:
        assert db.one(SYNCHRONOUS, {}) == NORMAL
    with database.writing() as db:
        assert db.one(SYNCHRONOUS, {}) == FULL
