"""/healthz and /readyz: what a balancer is told, and what a stranger is not."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.keys import rotation
from authserver.store import Hot, migrating
from authserver.store.health import clock
from authserver.web import health
from tests.flow.conftest import MakeWorld
from tests.flow.world import World


def told(world: World, path: str = "/readyz") -> tuple[int, str]:
    reply = world.get(path)
    assert reply.header("Cache-Control") == "no-store"
    assert list(reply.json()) == ["status"]
    return reply.status, reply.json()["status"]


@pytest.fixture
def ready(make_world: MakeWorld) -> World:
    """A world whose clock agrees with its database's."""
    world = make_world()
    theirs = clock(world.issuer.database)
    if theirs is not None:
        world.clock.time = theirs
    return world


def test_a_sound_server_is_ready(ready: World) -> None:
    """OPS-2."""
    assert told(ready) == (200, "ready")
    assert told(ready, "/healthz") == (200, "alive")


def no_active_key(world: World) -> None:
    with world.writing() as db:
        db.hot(Hot("UPDATE signing_keys SET state = 'retired'"), {})
        db.hot(Hot("UPDATE revisions SET n = n + 1"), {})


def no_schema(world: World) -> None:
    migrating.downgrade(world.issuer.config.database, "base")


def another_master_key(world: World) -> None:
    with world.writing() as db:
        db.hot(Hot("UPDATE signing_keys SET private = :junk"), {"junk": b"\0\1" + bytes(40)})
        db.hot(Hot("UPDATE revisions SET n = n + 1"), {})


@pytest.mark.parametrize("breaks", [no_active_key, no_schema, another_master_key])
def test_what_a_server_needs_to_be_ready(breaks: Callable[[World], None], ready: World) -> None:
    """OPS-2: database, schema and an active key that opens; the process itself lives on."""
    breaks(ready)
    assert told(ready) == (503, "unavailable")
    assert told(ready, "/healthz") == (200, "alive")


def test_a_database_that_is_away_or_slow_is_told_within_a_second(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-2: the limit is a second, whatever the database does."""
    goes_on = Event()

    def waits(_: object) -> None:
        goes_on.wait(30)

    monkeypatch.setattr(health, "WITHIN_SECONDS", 0.05)
    monkeypatch.setattr(health.schema, "current", waits)
    assert told(ready) == (503, "unavailable")
    goes_on.set()


def test_a_clock_that_is_off_is_told(ready: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPS-2, OPS-7: within 2 seconds of the database's clock."""
    now = ready.clock()
    monkeypatch.setattr(health.health, "clock", lambda _: now)
    ready.clock.advance(seconds=2)
    assert told(ready) == (200, "ready")
    ready.clock.advance(seconds=0.001)
    assert told(ready) == (503, "unavailable")


def test_without_redis_it_is_degraded_and_takes_requests(make_world: MakeWorld) -> None:
    """OPS-2, OPS-5."""
    world = make_world(redis_url="redis://127.0.0.1:1/0")
    theirs = clock(world.issuer.database)
    world.clock.time = theirs or world.clock.time
    assert told(world) == (200, "degraded")


def test_readiness_drops_before_the_end(ready: World) -> None:
    """OPS-2: readiness drops before shutdown."""
    health.stage(ready.issuer).complete.clear()
    assert told(ready) == (503, "starting")
    health.stage(ready.issuer).complete.set()
    health.stage(ready.issuer).ends = lambda: True
    assert told(ready) == (503, "ending")
    assert told(ready, "/healthz") == (200, "alive")


def test_a_next_key_alone_is_not_enough(ready: World) -> None:
    with ready.writing() as db:
        by: Any = {"settings": ready.issuer.settings, "now": ready.clock()}
        rotation.publish_next(db, ready.issuer.vault, "ES256", by=SYSTEM, **by)
    no_active_key(ready)
    assert told(ready)[0] == 503
