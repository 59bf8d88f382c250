"""A slow or dead provider costs others nothing: its places, and the breaker that opens and closes by itself."""

import pytest

from authserver.upstream.exchange import AT_ONCE, FAILURES, OPEN_FOR, Busy, Exchanges, Resting


class Hand:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def made(most: int = 8) -> tuple[Exchanges, Hand]:
    hand = Hand()
    return Exchanges(most=most, now=hand), hand


def fail(exchanges: Exchanges, times: int, provider: str = "p") -> None:
    for _ in range(times):
        exchanges.begin(provider)
        exchanges.end(provider, failed=True)


def test_two_at_once_and_the_next_is_told_at_once() -> None:
    """UP-12: and another provider's people do not notice."""
    exchanges, _ = made()
    for _ in range(AT_ONCE):
        exchanges.begin("p")
    with pytest.raises(Busy) as busy:
        exchanges.begin("p")
    assert busy.value.retry_after
    exchanges.begin("q")
    exchanges.end("p", failed=False)
    exchanges.begin("p")


def test_all_together_hold_half_of_the_threads() -> None:
    """UP-12: whoever signs in by a password finds a thread, however many providers are slow."""
    exchanges, _ = made(most=3)
    for name in ("a", "b", "c"):
        exchanges.begin(name)
    with pytest.raises(Busy):
        exchanges.begin("d")


def test_after_five_failures_in_a_row_nobody_waits_for_it() -> None:
    """UP-12: for half a minute; then one may try, and its success opens it to all."""
    exchanges, hand = made()
    fail(exchanges, FAILURES)
    assert exchanges.is_resting("p")
    with pytest.raises(Resting) as resting:
        exchanges.begin("p")
    assert resting.value.retry_after == int(OPEN_FOR)
    hand.time = OPEN_FOR
    assert not exchanges.is_resting("p")
    exchanges.begin("p")
    with pytest.raises(Resting):
        exchanges.begin("p")
    exchanges.end("p", failed=False)
    for _ in range(AT_ONCE):
        exchanges.begin("p")


def test_one_try_that_fails_makes_it_rest_again() -> None:
    """UP-12."""
    exchanges, hand = made()
    fail(exchanges, FAILURES)
    hand.time = OPEN_FOR
    fail(exchanges, 1)
    assert exchanges.is_resting("p")
    with pytest.raises(Resting):
        exchanges.begin("p")


def test_failures_between_successes_rest_nobody() -> None:
    """UP-12: in a row is what counts; refusals of people there are none."""
    exchanges, _ = made()
    for _ in range(FAILURES):
        fail(exchanges, FAILURES - 1)
        exchanges.begin("p")
        exchanges.end("p", failed=False)
    assert not exchanges.is_resting("p")
