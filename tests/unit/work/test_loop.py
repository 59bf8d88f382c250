"""Background work: one node at a time, and none is forgotten."""

import threading
from datetime import timedelta

from authserver.errors import Unavailable
from authserver.issuer import Issuer
from authserver.store.locks import end_lease, take_lease
from authserver.work.loop import Job, Loop
from tests.flow.world import World

MINUTE = timedelta(minutes=1)


def counting(done: list[str], name: str = "job") -> Job:
    return Job(name=name, every=10 * MINUTE, run=lambda _: done.append(name))


def test_a_job_is_done_by_one_node_and_again_when_its_time_has_come(world: World) -> None:
    """OPS-8: on one node at a time."""
    done: list[str] = []
    job = counting(done)
    assert [Loop(issuer=world.issuer).attempt(job) for _ in range(3)] == [True, False, False]
    world.clock.advance(minutes=10)
    assert Loop(issuer=world.issuer).attempt(job)
    assert done == ["job", "job"]


def test_a_setting_says_how_soon_a_job_is_done_again(world: World) -> None:
    """LD-5: such as how often directories are asked who may stay."""
    done: list[str] = []
    job = Job(name="job", every=10 * MINUTE, run=lambda _: done.append("job"), setting="directory_check")
    world.set(directory_check=60)
    world.issuer.revisions.forget()
    assert Loop(issuer=world.issuer).attempt(job)
    world.clock.advance(seconds=59)
    assert not Loop(issuer=world.issuer).attempt(job)
    world.clock.advance(seconds=1)
    assert Loop(issuer=world.issuer).attempt(job)
    assert done == ["job", "job"]


def test_nodes_that_come_at_once_do_it_once(world: World) -> None:
    """OPS-8."""
    done: list[str] = []
    job = counting(done)
    start = threading.Barrier(6)

    def node() -> None:
        loop = Loop(issuer=world.issuer)
        start.wait()
        loop.attempt(job)

    threads = [threading.Thread(target=node) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == ["job"]


def test_a_node_does_not_ask_before_its_time(world: World) -> None:
    done: list[str] = []
    loop, job = Loop(issuer=world.issuer), counting(done)
    loop.attempt(job)
    with world.statements(0):
        loop.attempt(job)


def test_a_job_that_fails_is_tried_again_and_stops_no_other(world: World) -> None:
    def fails(_: Issuer) -> None:
        raise RuntimeError("full disk")

    def waits(_: Issuer) -> None:
        raise Unavailable("database")

    done: list[str] = []
    jobs = (
        Job(name="fails", every=MINUTE, run=fails),
        Job(name="waits", every=MINUTE, run=waits),
        counting(done),
    )
    loop = Loop(issuer=world.issuer, jobs=jobs)
    assert [loop.attempt(job) for job in jobs] == [False, False, True]
    world.clock.advance(minutes=1)
    assert not Loop(issuer=world.issuer).attempt(jobs[0])
    assert done == ["job"]


def test_a_stopped_loop_ends(world: World) -> None:
    done: list[str] = []
    loop = Loop(issuer=world.issuer, jobs=(counting(done),))
    thread = threading.Thread(target=loop.run)
    thread.start()
    loop.stop()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_lease_is_for_one_until_it_ends(world: World) -> None:
    now = world.clock()

    def take(holder: str, *, after: timedelta = timedelta()) -> bool:
        with world.writing() as db:
            return take_lease(db, "l", holder, now=now + after, until=now + after + MINUTE)

    assert take("a")
    assert not take("b")
    assert take("a", after=MINUTE / 2), "its holder renews it"
    assert not take("b", after=MINUTE)
    assert take("b", after=2 * MINUTE)
    with world.writing() as db:
        end_lease(db, "l", "b", now=now + 2 * MINUTE)
    assert take("a", after=2 * MINUTE)
