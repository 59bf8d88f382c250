"""On which cores a worker runs: on all, or on one of its own where that was asked for.

Threads that hand the interpreter's lock on from core to core carry all they work on with it, which costs as much as
what they do. A password's hash does without the lock, so that it may go wherever there is room.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)
TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology"
_all: frozenset[int] = frozenset()  # known where this worker keeps to one
_own: frozenset[int] = frozenset()


def keep_to_one(place: int) -> None:
    """Keep this thread, and each that is begun from here on, to one core: another for each place of a worker."""
    global _all, _own
    try:
        found = in_turn(os.sched_getaffinity(0))
        own = frozenset({found[place % len(found)]})
        os.sched_setaffinity(0, own)
    except (OSError, AttributeError) as error:
        # A sandbox may forbid it, and not every system knows it.
        log.warning("pin_workers: this worker goes on everywhere, it cannot keep to one core: %s", error)
        return
    _all, _own = frozenset(found), own
    if place >= len(found):
        log.warning("pin_workers: there are more workers than the %s cores they may run on", len(found))


def in_turn(numbers: Iterable[int]) -> list[int]:
    """In which order they are dealt: of two that are one core's, the second comes after every core had its turn."""
    met: Counter[tuple[str, ...]] = Counter()
    turns = {}
    for number in sorted(numbers):
        place = Path(TOPOLOGY.format(number))
        try:
            core = tuple((place / name).read_text() for name in ("physical_package_id", "core_id"))
        except OSError:
            core = (str(number),)
        turns[number] = met[core]
        met[core] += 1
    return sorted(turns, key=lambda number: (turns[number], number))


@contextmanager
def anywhere() -> Iterator[None]:
    """Let this thread run on any core meanwhile; a thread that it begins here may do so for good."""
    if len(_all) <= len(_own):
        yield
        return
    with suppress(OSError):
        os.sched_setaffinity(0, _all)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, _own)
