"""References, and what is kept behind them."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from authserver.errors import NotFound, Refusal, Unavailable
from authserver.refusals import batch
from authserver.refusals.batch import Refusals, spelled
from authserver.refusals.explain import read
from authserver.vault import Roots
from tests.flow.world import World

COUNT = "SELECT count(*) FROM refusals"


def refusal(**changed: Any) -> Refusal:
    return Refusal(
        "No.",
        **({"rule": "redirect_uri", "detail": "is not registered", "value": "https://a.example"} | changed),
    )


@pytest.fixture
def another(world: World) -> Iterator[Callable[..., Refusals]]:
    """Makes the refusals of another node on the same database."""
    made: list[Refusals] = []

    def make(roots: Callable[[], Roots] | None = None) -> Refusals:
        made.append(Refusals(world.issuer.database, world.clock, roots or (lambda: world.issuer.roots)))
        return made[-1]

    yield make
    for refusals in made:
        refusals.close()


Another = Callable[..., Refusals]


def kept(world: World) -> int:
    return int(world.rows(COUNT)[0][0])


def test_equal_causes_have_one_reference_and_are_counted(world: World, another: Another) -> None:
    """Two nodes that meet the same cause give the same reference, and the row counts both."""
    one = world.issuer.refusals
    other = another()
    first = one.note(refusal(), step="authorize", client="web")
    world.clock.advance(minutes=1)
    second = other.note(refusal(), step="authorize", client="web")
    assert first == second
    one.flush()
    other.flush()
    found = world.explain(first)
    assert (found.count, found.last_at - found.first_at) == (2, timedelta(minutes=1))
    assert kept(world) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"rule": "client"},
        {"detail": "is another"},
        {"value": "https://b.example"},
        {"nearest": "x"},
        {"code": "y"},
    ],
)
def test_another_cause_is_another_reference(world: World, changed: dict[str, str]) -> None:
    note = world.issuer.refusals.note
    assert note(refusal(), step="authorize") != note(refusal(**changed), step="authorize")


@pytest.mark.parametrize("changed", [{"client": "web"}, {"person": "p1"}, {"step": "consent"}])
def test_whom_it_happened_to_is_part_of_the_cause(world: World, changed: dict[str, str]) -> None:
    note = world.issuer.refusals.note
    assert note(refusal(), step="authorize") != note(refusal(), **({"step": "authorize"} | changed))


def test_times_in_the_detail_do_not_make_another_cause(world: World) -> None:
    note = world.issuer.refusals.note
    assert note(refusal(detail="spent 4 s ago"), step="token") == note(
        refusal(detail="spent 11 s ago"), step="token"
    )


def test_a_reference_says_nothing_without_the_store(world: World) -> None:
    """It is a MAC: whoever knows the cause cannot compute it, nor guess that of somebody else."""
    other = Roots([])
    with pytest.raises(KeyError):
        other.current(batch.PURPOSE)
    made = world.issuer.refusals.note(refusal(), step="authorize")
    assert read(made) == made


def test_noting_asks_nothing_of_the_database(world: World) -> None:
    """A stranger's refusal costs no statement; abandoned sign-ins still write nothing else."""
    world.issuer.refusals.note(refusal(), step="warm")
    with world.statements(0):
        world.issuer.refusals.note(refusal(), step="authorize")
    world.issuer.refusals.flush()


def test_what_was_noted_is_written_by_itself(world: World) -> None:
    """A thread writes within a second or so; `close` writes what is left."""
    refusals = world.issuer.refusals
    written = threading.Event()
    flush = refusals.flush
    refusals.flush = lambda: (flush(), written.set())  # type: ignore[assignment, method-assign, func-returns-value]
    refusals.note(refusal(), step="authorize")
    assert written.wait(5)
    assert kept(world) == 1


def test_closing_writes_what_waits(world: World) -> None:
    world.issuer.refusals.note(refusal(), step="authorize")
    world.issuer.refusals.close()
    assert kept(world) == 1


def test_the_store_forgets_after_a_week(world: World) -> None:
    old = world.issuer.refusals.note(refusal(), step="authorize")
    world.issuer.refusals.flush()
    world.clock.advance(days=7, seconds=1)
    new = world.issuer.refusals.note(refusal(), step="consent")
    world.issuer.refusals.flush()
    assert [row[0] for row in world.rows("SELECT reference FROM refusals")] == [new]
    assert old != new


def test_the_store_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest causes stay (50,000 of them; the statement is tried with its bound made small)."""
    small = batch.FORGET_MOST.sql.replace(str(batch.KEPT_CAUSES), "10")
    monkeypatch.setattr(batch, "FORGET_MOST", batch.Hot(small))
    for n in range(25):
        world.issuer.refusals.note(refusal(value=f"https://{n}.example"), step="authorize")
        world.clock.advance(seconds=1)
    world.issuer.refusals.flush()
    assert kept(world) == 10
    assert world.rows("SELECT detail FROM refusals WHERE detail LIKE '%//24.example%'")


def test_a_flood_of_different_causes_is_cut_and_said(
    world: World, another: Another, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits is bounded; what does not fit is counted in the log and still has its reference."""
    refusals = another()
    refusals.close()  # no thread writes meanwhile
    for n in range(batch.WAITING + 5):
        assert read(refusals.note(refusal(value=f"https://{n}.example"), step="authorize"))
    with caplog.at_level(logging.WARNING):
        refusals.flush()
    assert "5 refusals were not kept" in caplog.text
    assert kept(world) == batch.WAITING


def test_while_the_database_is_away_refusals_wait(
    world: World, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-6: noting never fails, and nothing is lost when the database is back."""
    refusals = another()
    refusals.close()
    reference = refusals.note(refusal(), step="authorize")

    def away(*_: object) -> None:
        raise Unavailable("database: gone")

    with monkeypatch.context() as broken:
        broken.setattr(refusals, "_write", away)
        refusals.flush()
    refusals.note(refusal(), step="authorize")
    refusals.flush()
    assert world.explain(reference).count == 2


def test_without_its_root_a_refusal_still_has_a_reference(another: Another) -> None:
    """OPS-6: the database may be away when the first refusal of a process is noted."""

    def away() -> Roots:
        raise Unavailable("database: gone")

    assert read(another(away).note(refusal(), step="authorize"))


@pytest.mark.parametrize(
    "text", ["", "x", "AAAA-BBBB", "AAAA-BBBB-CCC!", "AAAA-BBBB-CCCC-D", "' OR 1=1 --", "ÄÄÄÄ-BBBB-CCCC"]
)
def test_what_is_no_reference_finds_nothing(text: str) -> None:
    assert read(text) is None


def test_a_reference_may_be_misread() -> None:
    """O for 0, I and L for 1, small letters, spaces for dashes: as people read it out."""
    assert read(" o1il 2x9d hv4r ") == "0111-2X9D-HV4R"
    assert len({spelled(n) for n in range(1000)}) == 1000


def test_an_error_of_ours_is_explained_too(world: World) -> None:
    reference = world.issuer.refusals.note(Unavailable("database: OperationalError"), step="token")
    found = world.explain(reference)
    assert (found.rule, found.detail) == ("unavailable", "database: OperationalError")
    assert world.explain(world.issuer.refusals.note(NotFound("No."), step="x")).code == "not_found"
