"""On which cores a worker runs: on all, or on one of its own where that was asked for.

Threads that hand the interpreter's lock on from core to core carry all they work on with it, which costs as much as
what they do. A password's hash does without the lock, so that it may go wherever there is room.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_all: frozenset[int] = frozenset()  # known where this worker keeps to one
_own: frozenset[int] = frozenset()


def keep_to_one(place: int) -> None:
    """Keep every thread that is begun from here on to one core, another for each place of a worker."""
    global _all, _own
    # A sandbox may forbid it, and not every system knows it: there it goes on everywhere.
    with suppress(OSError, AttributeError):
        found = sorted(os.sched_getaffinity(0))
        own = frozenset({found[place % len(found)]})
        os.sched_setaffinity(0, own)
        _all, _own = frozenset(found), own


@contextmanager
def anywhere() -> Iterator[None]:
    """Let this thread run on any core meanwhile."""
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
