"""What malloc keeps of the 19 MiB that a password's hash works on: them while people sign in, nothing soon after.

Taken anew for each hash, in 5,000 small pages, they cost half as much time again as the hash itself. Kept for good,
they are a fifth of a worker. In huge pages a hash, which jumps all over them, finds its way a twentieth faster.
"""

import ctypes
import mmap
import threading
import time

# Names of malloc.h; only glibc knows them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST = 32 * 1024 * 1024
HUGE = 2 * 1024 * 1024
REST_SECONDS = 5.0


class Kept:
    """Blocks up to 32 MiB are kept when they are free, until nobody used any for some seconds."""

    def __init__(self, rest: float = REST_SECONDS) -> None:
        self._rest = rest
        self._malloc: ctypes.PyDLL | None = None
        self._huge = (0, 0)
        self._lock = threading.Lock()
        self._used_at = 0.0
        self._waits = False

    def begin(self) -> None:
        """Have all threads share one heap that keeps what is free; called once, before there are threads."""
        malloc = ctypes.PyDLL(None)  # nothing here takes as long as letting other threads go first
        if all(hasattr(malloc, name) for name in ("mallopt", "malloc_trim")):
            malloc.mallopt(M_ARENA_MAX, 1)
            malloc.mallopt(M_MMAP_THRESHOLD, LARGEST)
            malloc.mallopt(M_TRIM_THRESHOLD, 2 * LARGEST)
            malloc.malloc.restype, malloc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
            malloc.free.argtypes = [ctypes.c_void_p]
            malloc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
            self._malloc = malloc

    def wanted(self, size: int) -> None:
        """A block of this size is taken next: where it will lie, the kernel uses huge pages if it has any."""
        if self._malloc is None or size > LARGEST:
            return
        # What is free is found by asking for it: malloc gives the same block to whoever asks next.
        block = self._malloc.malloc(size)
        if block is None:
            return
        huge = (-(-block // HUGE) * HUGE, (block + size) // HUGE * HUGE)
        if huge != self._huge and huge[0] < huge[1]:
            self._malloc.madvise(huge[0], huge[1] - huge[0], mmap.MADV_HUGEPAGE)
            self._huge = huge
        self._malloc.free(block)

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
            self._huge = (0, 0)  # what is taken anew has to be said anew


KEPT = Kept()
