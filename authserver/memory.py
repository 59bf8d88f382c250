"""What malloc keeps of the 19 MiB that a password's hash works on: them while people sign in, nothing soon after.

Taken anew for each hash, in 5,000 small pages, they cost half as much time again as the hash itself. Kept for good,
they are a fifth of a worker.
"""

import ctypes
import threading
import time

# Names of malloc.h; only glibc knows them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST = 32 * 1024 * 1024
REST_SECONDS = 5.0


class Kept:
    """Blocks up to 32 MiB are kept when they are free, until nobody used any for some seconds."""

    def __init__(self, rest: float = REST_SECONDS) -> None:
        self._rest = rest
        self._malloc: ctypes.CDLL | None = None
        self._lock = threading.Lock()
        self._used_at = 0.0
        self._waits = False

    def begin(self) -> None:
        """Have all threads share one heap that keeps what is free; called once, before there are threads."""
        malloc = ctypes.CDLL(None)
        if all(hasattr(malloc, name) for name in ("mallopt", "malloc_trim")):
            malloc.mallopt(M_ARENA_MAX, 1)
            malloc.mallopt(M_MMAP_THRESHOLD, LARGEST)
            malloc.mallopt(M_TRIM_THRESHOLD, 2 * LARGEST)
            self._malloc = malloc

    def used(self) -> None:
        """A large block was just freed: it is given back when no other is wanted for a while."""
        if self._malloc is None:
            return
        self._used_at = time.monotonic()
        with self._lock:
            if not self._waits:
                self._waits = True
                self._after(self._rest)

    def _after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        with self._lock:
            left = self._used_at + self._rest - time.monotonic()
            self._waits = left > 0
        if left > 0:
            self._after(left)
        elif self._malloc is not None:
            self._malloc.malloc_trim(0)


KEPT = Kept()
