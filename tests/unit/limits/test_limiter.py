"""How often somebody may try."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from redis import Redis as Client
from redis.exceptions import RedisError

from authserver.errors import Unavailable
from authserver.limits.in_database import DatabaseWindows
from authserver.limits.in_redis import RedisWindows
from authserver.limits.limiter import BUCKETS, Limiter, Windows
from authserver.settings.catalogue import Settings
from tests.flow.conftest import MakeWorld
from tests.flow.world import HandClock, World
from tests.peers.redis import Redis

CEILINGS = Settings(
    client_requests=10,
    address_failures=5,
    named_network_failures=50,
    named_networks=("203.0.113.0/24", "2001:db8:cafe::/48"),
)


@dataclass(slots=True)
class Memory:
    """Windows of one process, to see what the limiter asks."""

    counts: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, bucket: str, window: int, now: datetime) -> None:
        self.counts[bucket, window] = self.counts.get((bucket, window), 0) + 1

    def count(self, bucket: str, window: int) -> tuple[int, int]:
        return self.counts.get((bucket, window), 0), self.counts.get((bucket, window - 1), 0)


@dataclass(slots=True)
class Stopwatch:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


def limiter(windows: Windows | None = None, **more: Any) -> Limiter:
    return Limiter(lambda: CEILINGS, windows or Memory(), more.pop("clock", HandClock()), **more)


def test_one_client_cannot_starve_others() -> None:
    """RL-3: a bucket for each client in each worker, and nothing shared is asked or written."""
    memory, watch = Memory(), Stopwatch()
    limits = limiter(memory, monotonic=watch)
    assert [limits.bucket("greedy") for _ in range(12)] == [None] * 10 + [1, 1]
    assert limits.bucket("modest") is None
    watch.at += 0.35
    assert [limits.bucket("greedy") for _ in range(4)] == [None, None, None, 1]
    watch.at += 3600
    assert [limits.bucket("greedy") for _ in range(11)] == [None] * 10 + [1]
    assert not memory.counts


def test_buckets_are_bounded() -> None:
    """RL-3: a million made-up clients cost no memory, and those who were asked lately keep their bucket."""
    limits = limiter(monotonic=Stopwatch())
    for _ in range(10):
        limits.bucket("greedy")
    for n in range(BUCKETS + 100):
        limits.bucket(f"made-up-{n}")
        if n % 1000 == 0:
            assert limits.bucket("greedy") == 1
    assert len(limits._buckets) == BUCKETS


def test_an_address_may_fail_so_often_in_five_minutes() -> None:
    """RL-3: failures are counted, not requests; after them the seconds to wait are said."""
    clock = HandClock()
    limits = limiter(clock=clock)
    for _ in range(5):
        assert limits.failures("192.0.2.1") is None
        limits.failed("192.0.2.1")
    assert limits.failures("192.0.2.1") == 300
    assert limits.failures("192.0.2.2") is None
    clock.advance(minutes=5)
    assert limits.failures("192.0.2.1") == 300, "the window slides: what was just before still counts"
    clock.advance(minutes=2)
    assert limits.failures("192.0.2.1") is None


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two-addresses"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, id="one-subscriber"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:3::1", False, id="two-subscribers"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", True, id="ipv4-in-ipv6-clothes"),
        pytest.param("fe80::1%eth0", "fe80::1", True, id="zone"),
        pytest.param("junk", "more junk", True, id="no-address"),
        pytest.param("203.0.113.1", "203.0.113.200", True, id="named-network"),
        pytest.param("2001:db8:cafe:1::1", "2001:db8:cafe:2::1", True, id="named-ipv6-network"),
    ],
)
def test_who_counts_as_one_address(one: str, other: str, *, together: bool) -> None:
    """RL-1, RL-3: one IPv4 address, one /64, or one named network."""
    limits = limiter()
    for _ in range(60):
        limits.failed(one)
    assert (limits.failures(other) is not None) is together


def test_a_named_network_has_a_ceiling_of_its_own() -> None:
    """RL-3: many people behind one address of a campus are not locked out by five typing errors."""
    limits = limiter()
    for _ in range(49):
        limits.failed("203.0.113.7")
    assert limits.failures("203.0.113.7") is None
    limits.failed("203.0.113.8")
    assert limits.failures("203.0.113.7") is not None


def test_two_nodes_count_together(world: World) -> None:
    """RL-1: the database is shared, and an addition is one statement: nothing is lost in a race."""
    windows = DatabaseWindows(world.issuer.database)
    nodes = [limiter(windows, clock=world.clock) for _ in range(2)]
    threads = [
        threading.Thread(target=lambda node=node: [node.failed("192.0.2.1") for _ in range(8)])
        for node in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (count,) = world.rows("SELECT count FROM rate_windows")
    assert count[0] == 16
    assert all(node.failures("192.0.2.1") for node in nodes)


def test_the_limits_are_settings(world: World) -> None:
    """AD-5: a changed ceiling holds for the next try."""
    world.set(address_failures=5)
    for _ in range(5):
        world.issuer.limiter.failed("192.0.2.1")
    assert world.issuer.limiter.failures("192.0.2.1") is not None
    world.set(address_failures=6)
    assert world.issuer.limiter.failures("192.0.2.1") is None


class Away(Memory):
    def add(self, bucket: str, window: int, now: datetime) -> None:
        raise Unavailable("database: gone")

    def count(self, bucket: str, window: int) -> tuple[int, int]:
        raise Unavailable("database: gone")


def test_a_limiter_that_cannot_count_lets_people_in() -> None:
    """RL-3, OPS-5: locks of accounts and budgets of codes are kept elsewhere; this one only spares the hash."""
    limits = limiter(Away())
    limits.failed("192.0.2.1")
    assert limits.failures("192.0.2.1") is None


def test_redis_counts_where_there_is_one(make_world: MakeWorld, redis_server: Redis) -> None:
    """RL-1: two nodes with one Redis count together, and the database is not asked."""
    nodes = [make_world(redis_url=redis_server.url) for _ in range(2)]
    for world in nodes:
        world.set(address_failures=6)
        for _ in range(3):
            world.issuer.limiter.failed("198.51.100.1")
    assert all(world.issuer.limiter.failures("198.51.100.1") for world in nodes)
    assert not [row for world in nodes for row in world.rows("SELECT * FROM rate_windows")]
    keys = Client.from_url(redis_server.url).keys("authserver:rate:address:198.51.100.1:*")
    assert len(keys) == 1
    assert 0 < Client.from_url(redis_server.url).ttl(keys[0]) <= 600


class Broken:
    """A Redis that answers nothing but errors, and counts how often it was asked."""

    asked = 0

    def get(self, name: str) -> None:
        self.asked += 1
        raise RedisError("Connection refused")

    def pipeline(self, **_: object) -> None:
        self.get("")


def test_without_redis_the_database_counts_and_nobody_waits() -> None:
    """OPS-5: the loss of Redis costs one error in five seconds, not one for each request."""
    memory, broken = Memory(), Broken()
    limits = limiter(RedisWindows(broken, memory))  # type: ignore[arg-type]
    for _ in range(5):
        limits.failed("192.0.2.1")
    assert limits.failures("192.0.2.1") is not None
    assert broken.asked == 1


def test_an_unreachable_redis_keeps_nobody_waiting() -> None:
    """OPS-5: an address that swallows packets is given up within a fraction of a second."""
    limits = limiter(RedisWindows.at("redis://192.0.2.255:6379", Memory()))
    began = time.monotonic()
    limits.failed("192.0.2.1")
    assert limits.failures("192.0.2.1") is None
    assert time.monotonic() - began < 2
