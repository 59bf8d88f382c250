"""A worker that keeps to one core: its threads do, and a password's hash goes wherever there is room."""

import os
import threading
from collections.abc import Callable

import pytest

from authserver import cores

HERE = sorted(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def own_globals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker is told once in its life is forgotten after each test."""
    monkeypatch.setattr(cores, "_all", frozenset())
    monkeypatch.setattr(cores, "_own", frozenset())


def in_a_thread(work: Callable[[], object]) -> object:
    """What it gave, in a thread whose core may be chosen without harm to others."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def kept(place: int) -> list[int]:
    cores.keep_to_one(place)
    return sorted(os.sched_getaffinity(0))


def test_each_place_has_a_core_of_its_own_and_they_are_dealt_in_turn() -> None:
    places = range(2 * len(HERE))
    assert [in_a_thread(lambda place=place: kept(place)) for place in places] == [[core] for core in HERE] * 2


def test_what_needs_no_lock_goes_anywhere_and_comes_back() -> None:
    def work() -> list[list[int]]:
        seen = [kept(0)]
        with cores.anywhere():
            seen.append(sorted(os.sched_getaffinity(0)))
        with pytest.raises(KeyError), cores.anywhere():
            raise KeyError
        return [*seen, sorted(os.sched_getaffinity(0))]

    assert in_a_thread(work) == [HERE[:1], HERE, HERE[:1]]


def test_where_nothing_was_chosen_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def untouched(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(os, "sched_setaffinity", untouched)
    with cores.anywhere():
        pass


def test_a_worker_works_where_it_may_not_choose_its_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox may forbid it: that is no reason not to start, nor not to check a password."""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    cores.keep_to_one(0)
    with cores.anywhere():
        pass
