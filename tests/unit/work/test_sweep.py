"""What the sweep deletes, and what it must not."""

from datetime import datetime, timedelta

import pytest

from authserver.once import remember
from authserver.store import Hot, sweep
from authserver.store.sweep import TABLES, Expiring
from authserver.work.sweep import sweep as sweep_all
from tests.flow.test_code import tokens_of
from tests.flow.world import World
from tests.oidc import OAuthError

MICROSECOND = timedelta(microseconds=1)
TICKET = """INSERT INTO tickets (kind, key, answer, attempts_left, created_at, expires_at)
            VALUES ('k', :key, :answer, 1, :at, :at)"""


def memory(world: World) -> list[str]:
    return [kind for (kind,) in world.rows("SELECT kind FROM used_once ORDER BY kind")]


def tickets(world: World, count: int, at: datetime) -> None:
    with world.writing() as db:
        for number in range(count):
            values = {"key": f"{int(at.timestamp())}-{number}", "answer": b"a" * 32, "at": db.time(at)}
            db.hot(Hot(TICKET), values).close()


def left(world: World) -> int:
    return len(world.rows("SELECT key FROM tickets"))


def test_replay_memory_stays_to_its_end(world: World) -> None:
    """OPS-8: never before its end, also for a node whose clock is behind that of the one that sweeps."""
    with world.writing() as db:
        remember(db, "ends", "a", world.clock())
        remember(db, "lasts", "a", world.clock() + MICROSECOND)
    world.clock.advance(minutes=1)
    world.clock.time += MICROSECOND
    sweep_all(world.issuer)
    assert memory(world) == ["lasts"]


@pytest.mark.parametrize("expiring", TABLES, ids=lambda table: table.table)
def test_each_table_has_its_column_and_an_index_on_it(expiring: Expiring, world: World) -> None:
    assert sum(sweep.sweep(world.issuer.database, expiring, world.clock())) == 0


def test_a_spent_ticket_stays_for_an_hour(world: World) -> None:
    """A code seen again must still be known to be spent."""
    tickets(world, 1, world.clock())
    world.clock.advance(hours=1)
    sweep_all(world.issuer)
    assert left(world) == 1
    world.clock.time += MICROSECOND
    assert sweep_all(world.issuer)["tickets"] == 1
    assert left(world) == 0


def test_a_session_that_nobody_ended_is_ended_before_it_goes(world: World) -> None:
    """RT-10, LO-4: also where nothing ran for a hundred days, and its family would have lived on."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    with world.writing() as db:
        far = db.time(world.clock() + timedelta(days=365))
        db.hot(Hot("UPDATE grants SET ends_at = :far, refresh_expires_at = :far"), {"far": far}).close()
    world.clock.advance(days=100)
    gone = sweep_all(world.issuer)
    assert gone["sso_sessions"] == 1
    assert len(world.events("session_ended")) == 1
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)


def test_rows_go_a_thousand_at_a_time(world: World) -> None:
    """OPS-8: in batches, each a transaction of its own."""
    tickets(world, 2_500, world.clock())
    tickets(world, 3, world.clock() + timedelta(days=1))
    world.clock.advance(hours=2)
    batches = list(sweep.sweep(world.issuer.database, TABLES[0], world.clock()))
    assert batches == [1_000, 1_000, 500]
    assert left(world) == 3


def test_old_counters_go(world: World) -> None:
    now = int(world.clock().timestamp()) // 300
    with world.writing() as db:
        for window in (now - 2, now - 1, now):
            add = """INSERT INTO rate_windows (bucket, "window", count) VALUES ('b', :number, 1)"""
            db.hot(Hot(add), {"number": window}).close()
    assert sweep_all(world.issuer)["rate_windows"] == 1


def test_audit_events_stay_as_long_as_the_setting_says(world: World) -> None:
    world.add_user()
    before = len(world.events())
    world.clock.advance(days=364)
    sweep_all(world.issuer)
    assert len(world.events()) == before
    world.set(audit_retention_days=30)
    sweep_all(world.issuer)
    assert not [event for event in world.events() if event.event == "changed"]
