"""By which way SQLite reads what is asked of it: no way leads through a table that grows with the people."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from authserver import audit, limits, once, refusals, store
from authserver.once.tickets import FIND_WITH_GRANT
from authserver.refusals import batch
from authserver.store import Database, Hot, api_tokens, keys, migrating, outbox, sweep
from authserver.store.grants import LOAD, LOAD_TOKEN, LOAD_TOKEN_AND_PERSON, OF_USER, ROTATE

# Tables of a handful of rows, however many people there are.
SMALL = frozenset({
    "alembic_version", "apis", "attributes", "clients", "client_secrets", "exemptions", "groups", "mail_templates",
    "revisions", "root_secrets", "settings", "signing_keys", "sqlite_master", "upstreams",
})  # fmt: skip
# What reads all of a table even so, and why it may.
WHOLE = {
    api_tokens.REVOKE: "an admin's tokens, and those made with them",
    batch.FORGET_MOST: "an index of the newest fifty thousand, once a second at most",
    keys.PURGE_ROOTS: "reads recovery codes while a root that was replaced months ago is due",
    outbox.COUNTS: "an operator's question",
    outbox.KEPT_OF: "an operator's question, answered by the first fifty",
    outbox.KEPT_IN: "an operator's question",
}
OF_SERVER = re.compile("clock_timestamp|to_regclass|pg_advisory")


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


def statements() -> Iterator[tuple[str, Hot]]:
    """Every statement that stands in a module, and those that sweep."""
    for package in (store, audit, limits, once, refusals):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(import_module(found.name)).items():
                if isinstance(value, Hot) and not OF_SERVER.search(value.sql):
                    yield f"{found.name.rpartition('.')[2]}.{name}", value
    for each in (*sweep.TABLES, sweep.audit(1)):
        yield f"sweep of {each.table}", sweep.deleting(each, "rowid")


@pytest.mark.parametrize(("name", "statement"), [pytest.param(*each, id=each[0]) for each in statements()])
def test_no_statement_reads_a_table_that_grows(database: Database, name: str, statement: Hot) -> None:
    """A sweep does so while every other writer waits; a mail's delivery, for each of all that wait."""
    said = plan(database, statement)
    read = {table for table in re.findall(r"^SCAN (\w+)", said, re.MULTILINE) if table != "CONSTANT"}
    assert statement in WHOLE or read <= SMALL, f"{name}: {statement.sql}\n{said}"


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
