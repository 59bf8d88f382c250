"""By which way SQLite reads what every token asks for, and every mail."""

import pytest

from authserver.once.tickets import FIND_WITH_GRANT
from authserver.store import Database, Hot, migrating
from authserver.store.grants import LOAD, LOAD_TOKEN, LOAD_TOKEN_AND_PERSON, OF_USER, ROTATE
from authserver.store.outbox import ANY_DUE, EXPIRE, LEASE


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    url = f"sqlite:///{tmp_path_factory.mktemp('plans')}/plans.db"
    migrating.upgrade(url)
    return Database.bind(url)


def plan(database: Database, statement: Hot) -> str:
    asked = Hot.__new__(Hot)
    asked.sql, asked.writes = f"EXPLAIN QUERY PLAN {statement.sql}", False
    with database.reading() as db:
        return "\n".join(row[3] for row in db.hot(asked, dict.fromkeys(statement.names)))


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (LOAD, {"users", "sso_sessions"}),
        (LOAD_TOKEN, {"users", "sso_sessions"}),
        (LOAD_TOKEN_AND_PERSON, {"sso_sessions"}),  # the person's row is asked for as a whole
        (OF_USER, {"users", "sso_sessions"}),
        (FIND_WITH_GRANT, {"users", "sso_sessions"}),
        (ROTATE, {"users"}),
    ],
)
def test_how_person_and_session_stand_is_read_from_an_index_alone(
    database: Database, statement: Hot, indexes: set[str]
) -> None:
    """A page less each, which among a million people is not in the cache."""
    said = plan(database, statement)
    found = {table for table in ("users", "sso_sessions") if f"COVERING INDEX ix_{table}_standing" in said}
    assert found == indexes, said


@pytest.mark.parametrize(
    ("statement", "index"),
    [(ANY_DUE, "next_at_waiting"), (LEASE, "next_at_waiting"), (EXPIRE, "expires_at_waiting")],
)
def test_one_mail_costs_the_same_however_many_wait(database: Database, statement: Hot, index: str) -> None:
    """All three are asked for each delivery, while a mail server that was away is given what waited for it."""
    said = plan(database, statement)
    assert f"SEARCH outbox USING INDEX ix_outbox_{index} ({index.removesuffix('_waiting')}<?)" in said
    assert "SCAN" not in said
