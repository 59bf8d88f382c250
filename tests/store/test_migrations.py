"""The steps of the schema: forward and back, on both databases, by several at once."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as Alembic
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from authserver.errors import Unavailable
from authserver.store import Database, Hot, database, migrating, schema, tables
from authserver.store.records.grants import GrantRow
from authserver.store.records.sessions import SsoSessionRow
from authserver.store.records.users import UserRow
from tests.serve import Store


@pytest.fixture
def url(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with nothing in it."""
    if store == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server = request.getfixturevalue("postgresql")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A look at it past the product."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed, poolclass=NullPool)
    with engine.connect() as made:
        yield made
    engine.dispose()


def current(url: str) -> str | None:
    database = Database.bind(url)
    try:
        return schema.current(database)
    finally:
        database.dispose()


def steps() -> ScriptDirectory:
    config = Alembic()
    config.set_main_option("script_location", str(migrating.folder()))
    return ScriptDirectory.from_config(config)


def test_the_steps_lead_to_what_this_version_needs() -> None:
    assert steps().get_heads() == [schema.REQUIRED]


def test_every_step_can_be_undone() -> None:
    for step in steps().walk_revisions():
        undone = step.module.downgrade
        assert undone.__code__.co_names or undone.__doc__, (
            f"{step.revision} does not say why nothing is undone"
        )


def test_an_empty_database_has_no_schema(url: str) -> None:
    assert current(url) is None
    assert schema.is_pending(None)


def test_forward_reaches_the_models_exactly(url: str, connection: Connection) -> None:
    """OPS-3: what the steps make is what the code says."""
    migrating.upgrade(url)
    assert current(url) == schema.REQUIRED
    assert not schema.is_pending(schema.REQUIRED)
    here = connection.dialect.name
    options = {
        "compare_type": True,
        "include_object": lambda item, *_: item.info.get("only", here) == here,
    }
    context = MigrationContext.configure(connection, opts=options)
    assert compare_metadata(context, tables.METADATA) == []


def test_back_and_forward_again_one_step_at_a_time(url: str, connection: Connection) -> None:
    """OPS-3: forward and back one step."""
    migrating.upgrade(url)
    made = set(inspect(connection).get_table_names())
    connection.rollback()
    for _ in steps().walk_revisions():
        migrating.downgrade(url)
    assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    connection.rollback()
    for _ in steps().walk_revisions():
        migrating.upgrade(url, "+1")
    assert set(inspect(connection).get_table_names()) == made


@pytest.mark.parametrize(
    ("ended", "offline", "over"),
    [("", False, False), ("ended", False, True), ("gone", False, True), ("gone", True, False)],
)
def test_a_family_of_before_ends_with_its_session(
    url: str,
    ended: str,
    offline: bool,
    over: bool,
    connection: Connection,
) -> None:
    """SS-3, RT-10: what the session's own row said of it before; what outlives its session stays."""
    migrating.upgrade(url, "0017")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    database = Database.bind(url)
    with database.writing() as db:
        person = UserRow(id="u" * 32, subject="s", created_at=now, updated_at=now)
        db.orm.add(person)
        db.orm.flush()
        times = {
            "created_at": now,
            "last_seen_at": now,
            "idle_until": now,
            "expires_at": now + timedelta(hours=1),
        }
        if ended != "gone":
            db.orm.add(
                SsoSessionRow(
                    id="1" * 32,
                    user_id=person.id,
                    user_epoch=0,
                    handle_digest=b"h" * 32,
                    authentication="{}",
                    ended_at=now if ended else None,
                    **times,
                )
            )
        db.orm.add(
            GrantRow(
                id="g" * 32,
                user_id=person.id,
                user_epoch=0,
                client_id="web",
                session_id="1" * 32,
                scope="openid",
                authentication="{}",
                offline=offline,
                granted_at=now,
                refresh_expires_at=now,
                ends_at=now,
            )
        )
    database.dispose()
    migrating.upgrade(url)
    found = connection.execute(text("SELECT revoked_at IS NOT NULL, revoke_reason FROM grants")).one()
    assert tuple(found) == (over, "session_ended" if over else None)


def test_rows_survive_a_step_that_was_made_already(url: str) -> None:
    migrating.upgrade(url)
    database = Database.bind(url)
    with database.writing() as db:
        db.hot(Hot("INSERT INTO facts (name, value) VALUES ('here', 'still')"), {})
    migrating.upgrade(url)
    with database.reading() as db:
        assert db.one(Hot("SELECT value FROM facts"), {}) == ("still",)
    database.dispose()


def test_nodes_that_migrate_at_once_wait_for_each_other(url: str) -> None:
    """OPS-3: under a lock."""
    script = "import sys; from authserver.store import migrating; migrating.upgrade(sys.argv[1])"
    nodes = [
        subprocess.Popen([sys.executable, "-c", script, url], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [node.communicate(timeout=60)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0, 0], told
    assert current(url) == schema.REQUIRED


@pytest.mark.parametrize("comes", [migrating.upgrade, current])
def test_whoever_finds_a_new_file_being_written_to_waits(
    comes: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-3: SQLite itself gives up at once, where a file has no write-ahead log yet."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def ready(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            other.commit()

    monkeypatch.setattr(database.time, "sleep", ready)
    comes(f"sqlite:///{path}")
    assert len(waits) == 3
    other.close()


def test_a_new_file_that_stays_locked_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0)
    with pytest.raises(Unavailable, match="locked"):
        migrating.upgrade(f"sqlite:///{path}")
    other.close()


def test_a_step_that_fails_leaves_everything_as_it_was(
    url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step is one transaction, on both databases."""

    def upgrade_and_fail(config: Alembic, to: str) -> None:
        forward(config, to)
        raise RuntimeError("power cut")

    forward = migrating.command.upgrade
    monkeypatch.setattr(migrating.command, "upgrade", upgrade_and_fail)
    with pytest.raises(RuntimeError):
        migrating.upgrade(url)
    assert inspect(connection).get_table_names() == []


def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        migrating.upgrade("postgresql://nobody@127.0.0.1:1/none")


def test_the_product_serves_while_a_step_waits(url: str) -> None:
    """OPS-3: readers go on while somebody migrates."""
    migrating.upgrade(url)
    database = Database.bind(url)
    thread = threading.Thread(target=migrating.upgrade, args=(url,))
    with database.reading() as db:
        assert db.one(Hot("SELECT count(*) FROM users"), {}) == (0,)
        thread.start()
        thread.join(timeout=30)
        assert not thread.is_alive()
    database.dispose()


def test_every_table_of_the_store_belongs_to_the_schema() -> None:
    modules = (Path(schema.__file__).parent / "records").glob("*.py")
    named = {module.__name__.rpartition(".")[2] for module in tables.GROUPS}
    assert {path.stem for path in modules if "__tablename__" in path.read_text(encoding="utf-8")} == named
