"""A worker that keeps to one core: its threads do, and a password's hash goes wherever there is room."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from authserver import cores

HERE = cores.in_turn(os.sched_getaffinity(0))


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
            seen.append(cores.in_turn(os.sched_getaffinity(0)))
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


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_worker_works_where_it_may_not_choose_its_core(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, from_the_start: bool
) -> None:
    """A sandbox may forbid it: that is no reason not to start, nor not to check a password."""

    def forbidden(*_: object) -> None:
        raise PermissionError("not here")

    def allowed(*_: object) -> None:
        pass

    monkeypatch.setattr(os, "sched_setaffinity", forbidden if from_the_start else allowed)
    cores.keep_to_one(0)
    assert ("it cannot keep to one core: not here" in caplog.text) is from_the_start
    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    with cores.anywhere():
        pass


def test_more_workers_than_cores_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    in_a_thread(lambda: kept(len(HERE) - 1))
    assert not caplog.text
    in_a_thread(lambda: kept(len(HERE)))
    assert f"more workers than the {len(HERE)} cores" in caplog.text


def test_all_cores_have_their_turn_before_the_second_half_of_any(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two numbers of one core, next to each other or far apart, do half as much as two cores."""
    for number, core in enumerate("001101"):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "physical_package_id").write_text("0\n")
        (place / "core_id").write_text(f"{core}\n")
    monkeypatch.setattr(cores, "TOPOLOGY", f"{tmp_path}/{{}}")
    assert cores.in_turn(range(6)) == [0, 2, 1, 3, 4, 5]
    assert cores.in_turn([5, 4, 3]) == [3, 4, 5]
    assert cores.in_turn([7, 6]) == [6, 7], "where nothing is told, each is one"
