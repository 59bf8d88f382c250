"""Gives the product a clock that tests move: Python imports this when it starts with the folder on its path.

The file that TESTS_CLOCK_FILE names holds "+86400", seconds ahead of the machine's clock, or "=1893456000",
the moment at which time stands. Every process reads it, so that all nodes and workers agree.
"""

import os
from datetime import UTC, datetime, timedelta

from authserver.clock import SystemClock

FILE = os.environ.get("TESTS_CLOCK_FILE", "")


class ClockFromFile:
    """Looks at the file's stamp at every call, and reads it when that has changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stamp = (0, 0)
        self.offset = timedelta()
        self.stands: datetime | None = None

    def __call__(self) -> datetime:
        status = os.stat(self.path)  # noqa: PTH116 - this is called for every token
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self.stamp:
            self.read()
            self.stamp = stamp
        return self.stands or datetime.now(UTC) + self.offset  # noqa: TID251

    def read(self) -> None:
        with open(self.path, encoding="ascii") as file:  # noqa: PTH123
            text = file.read()
        self.stands = datetime.fromtimestamp(float(text[1:]), UTC) if text[0] == "=" else None
        self.offset = timedelta() if self.stands else timedelta(seconds=float(text))


if FILE:
    clock = ClockFromFile(FILE)
    SystemClock.__call__ = lambda self: clock()  # type: ignore[method-assign]  # noqa: ARG005
