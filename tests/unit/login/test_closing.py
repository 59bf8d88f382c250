"""When an account takes no more tries: a function of the times of the wrong ones."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from authserver.limits.passwords import LONGEST, Budget, closed_until

START = datetime(2027, 1, 1, tzinfo=UTC)
BUDGET = Budget(failures=10, first=timedelta(minutes=15), ever=100)
GAPS = st.lists(st.integers(0, 7200), max_size=60)


def times(gaps: list[int]) -> list[datetime]:
    at, found = START, []
    for gap in gaps:
        at += timedelta(seconds=gap)
        found.append(at)
    return found


def minutes(wrong: list[datetime], now: datetime) -> float | None:
    until = closed_until(wrong, BUDGET, now)
    return None if until is None else (until - now).total_seconds() / 60


def test_nine_in_an_hour_close_nothing_and_the_tenth_closes_for_a_quarter() -> None:
    """PW-6: 10 failures an hour."""
    nine = [START + timedelta(minutes=n) for n in range(9)]
    assert minutes(nine, nine[-1]) is None
    ten = [*nine, nine[-1]]
    assert minutes(ten, ten[-1]) == 15
    assert minutes(ten, ten[-1] + timedelta(minutes=15)) is None


def test_ten_over_more_than_an_hour_close_nothing() -> None:
    """PW-6: sliding times, not fixed windows."""
    slow = [START + timedelta(minutes=7 * n) for n in range(60)]
    assert minutes(slow, slow[-1]) is None


def test_each_further_one_closes_for_twice_as_long() -> None:
    """PW-6: growing to 24 hours."""
    wrong = [START] * 10
    lasting = []
    for _ in range(9):
        now = wrong[-1]
        lasting.append(minutes(wrong, now))
        wrong = [*wrong, *[now] * 1]
    assert lasting == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


@given(gaps=GAPS)
def test_a_wrong_try_never_opens(gaps: list[int]) -> None:
    """PW-6: whatever came before, one more failure closes for at least as long."""
    wrong = times(gaps)
    for size in range(1, len(wrong)):
        now = wrong[size]
        before = closed_until(wrong[:size], BUDGET, now)
        after = closed_until(wrong[: size + 1], BUDGET, now)
        assert before is None or (after is not None and after >= before)


@given(gaps=GAPS, wait=st.integers(0, 200_000))
def test_it_opens_within_a_day_until_the_hundredth(gaps: list[int], wait: int) -> None:
    """PW-6: nobody is shut out for longer than a day by fewer than a hundred."""
    wrong = times(gaps)
    now = (wrong[-1] if wrong else START) + timedelta(seconds=wait)
    until = closed_until(wrong, BUDGET, now)
    assert until is None or now < until <= now + LONGEST


@given(days=st.integers(0, 10_000))
def test_a_hundred_in_a_row_stay_closed(days: int) -> None:
    """PW-6: only an administrator or the owner opens it."""
    wrong = [START + timedelta(hours=2 * n) for n in range(100)]
    assert closed_until(wrong[:99], BUDGET, wrong[98]) is None
    assert closed_until(wrong, BUDGET, wrong[-1] + timedelta(days=days)) is not None
