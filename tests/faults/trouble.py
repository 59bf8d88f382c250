"""What is done to the product while clients work: each goes on until its time is over, and mends what it broke."""

import secrets
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from alembic import command
from psycopg import sql

from authserver.store import migrating
from tests.faults.ground import Ground, signal_all, wake
from tests.serve import cli

Fault = Callable[[Ground, float], None]
ADDED_DELAY = 0.2
CLOCK_SECONDS = 3.0
PAUSE_SECONDS = 5.0
AWAY_SECONDS = 1.0
# Less than the grace, by far: who is refused again and again for longer than that has to sign in once more.
FEW_SECONDS = 4.0


def left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def some_time(until: float) -> None:
    """A random moment, up to most of a second from now."""
    time.sleep(min(left(until), 0.2 + secrets.randbelow(600) / 1000))


def nothing(ground: Ground, until: float) -> None:
    time.sleep(left(until))


def kill_a_node(ground: Ground, until: float) -> None:
    """kill -9 for a node and its workers."""
    while left(until):
        some_time(until)
        node = secrets.choice(ground.nodes)
        node.kill()
        node.start()


def kill_a_worker(ground: Ground, until: float) -> None:
    while left(until):
        some_time(until)
        secrets.choice(ground.nodes).kill_worker()


def restart_the_database(ground: Ground, until: float) -> None:
    """In order and by a crash, in turn."""
    assert ground.server
    for mode in ("immediate", "fast", "immediate", "fast", "immediate", "fast"):
        some_time(until)
        with ground.server.away(mode):
            time.sleep(AWAY_SECONDS)
        time.sleep(min(left(until), 1.0))
        if not left(until):
            return
    time.sleep(left(until))


def restart_redis(ground: Ground, until: float) -> None:
    assert ground.redis
    while left(until):
        some_time(until)
        with ground.redis.away():
            time.sleep(AWAY_SECONDS)


def take_the_connections(ground: Ground, until: float) -> None:
    """The database has no more than a few connections for the product, and ends the others; for a while, and again."""
    assert ground.server
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    name = sql.Identifier(ground.database)
    while left(until):
        with ground.server.connect() as connection:
            connection.execute(limit.format(name, sql.Literal(3)))
            try:
                ground.server.freeze(ground.database)
                time.sleep(min(left(until), FEW_SECONDS))
            finally:
                connection.execute(limit.format(name, sql.Literal(-1)))
        some_time(until)


def fill_the_pool(ground: Ground, until: float) -> None:
    """Somebody holds what every request writes, so that each connection of the pool waits for it."""
    while left(until):
        some_time(until)
        hold = min(2.0, 0.5 + left(until))
        if ground.server:
            with ground.server.connect(ground.database) as connection, connection.transaction():
                connection.execute("LOCK TABLE grants IN ACCESS EXCLUSIVE MODE")
                time.sleep(hold)
        else:
            path = ground.deployment.data / "authserver.db"
            with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                time.sleep(hold)
                file.execute("ROLLBACK")


def slow_statements(ground: Ground, until: float) -> None:
    """200 ms more for each round trip to the database."""
    assert ground.way
    ground.way.delay = ADDED_DELAY
    try:
        time.sleep(left(until))
    finally:
        ground.way.delay = 0.0


def pause_a_node(ground: Ground, until: float) -> None:
    """SIGSTOP for a node and its workers; at least once."""
    while True:
        some_time(until)
        node = secrets.choice(ground.nodes)
        signal_all(node, signal.SIGSTOP)
        time.sleep(min(PAUSE_SECONDS, 1.0 + left(until)))
        wake(node)
        if not left(until):
            return


def move_a_clock(ground: Ground, until: float) -> None:
    """One node is 3 s ahead, then behind; the balancer goes on sending requests to it."""
    ground.balancer.minds = False
    clock = ground.nodes[0].clock
    assert clock
    try:
        for offset in (CLOCK_SECONDS, -CLOCK_SECONDS):
            clock.set(offset)
            time.sleep(left(until) / 2 if offset > 0 else left(until))
    finally:
        clock.set(0)
        ground.balancer.minds = True


def upgrade_the_schema(ground: Ground, until: float) -> None:
    """`db upgrade`, and a step that comes and goes, on a table that every request needs."""
    while left(until):
        cli(ground.deployment.data, "db", "upgrade", settings=ground.deployment.settings)
        step(ground.url, command.upgrade, "head")
        some_time(until)
        step(ground.url, command.downgrade, "-1")


def step(url: str, way: Callable[..., None], to: str) -> None:
    with migrating._locked(url) as connection:
        config = migrating._alembic(connection)
        folders = (migrating.folder() / "versions", Path(__file__).parent / "versions")
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", "\n".join(map(str, folders)))
        way(config, to)


def restart_one_by_one(ground: Ground, until: float) -> None:
    """A rolling restart: each node ends in order, and is back before the next one ends."""
    while True:
        for node in ground.nodes:
            # No request takes so long: who needs more hangs, and would be killed in the end.
            status = node.stop(within=15)
            assert status == 0, f"the node ended with {status}"
            node.start()
            # As a deployment does it: a new node counts once the balancer has seen that it is ready.
            time.sleep(0.5)
        if not left(until):
            return


ROLLING = "rolling restart"
EVERYWHERE: Mapping[str, Fault] = {
    "nothing": nothing,
    "kill -9 of a node": kill_a_node,
    "kill -9 of a worker": kill_a_worker,
    "what all write is locked for 2 s": fill_the_pool,
    "a node pauses for 5 s (SIGSTOP)": pause_a_node,
    "a clock moves by 3 s": move_a_clock,
    "schema changes": upgrade_the_schema,
}
ON_ONE_NODE: Mapping[str, Fault] = {"the one node restarts": restart_one_by_one}
ON_SERVERS: Mapping[str, Fault] = {
    ROLLING: restart_one_by_one,
    "PostgreSQL stops and starts": restart_the_database,
    "Redis stops and starts": restart_redis,
    "3 connections left": take_the_connections,
    "200 ms more for each statement": slow_statements,
}
