"""Bodies, received whole before anything is done with them: one that does not come holds no thread for long.

A thread that waits for a body waits in the HTTP server, which knows no limit for that. What ends the wait is the
connection's end, so a watch looks for the connections whose bodies are awaited, and takes no more of them. It knows
them by the kernel's word (web/wires.py); where there is none, a proxy is all that stands between us and slow bodies.
"""

import threading
import time
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from authserver.errors import Refusal
from authserver.web.sizes import Unread
from authserver.web.wires import CAN_SEE, Wire, take_no_more, wires

LOOKS_EVERY = 0.25
BRIEFLY = 0.05
NEAR = 0.1
HURRY = 5  # while most threads wait, each may wait for so much less
SHORTEST_WAIT = 0.5


@dataclass(slots=True, eq=False)
class Awaited:
    """A request whose body is not here yet."""

    since: float
    peer: str
    given_up_at: float = float("-inf")


class Bodies:
    """Receives the bodies of one worker's requests."""

    def __init__(self, *, port: int, seconds: float, threads: int) -> None:
        self._awaited: set[Awaited] = set()
        self._watch = Watch(self._awaited, port=port, seconds=seconds, threads=threads)

    def receive(self, environ: MutableMapping[str, Any], peer: str) -> Refusal | None:
        """Put the whole body in the place of the stream, or say why there is none."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not length:
            environ["wsgi.input"] = BytesIO()
            return None
        awaited = Awaited(time.monotonic(), peer)
        self._awaited.add(awaited)
        self._watch.begin()
        try:
            body: bytes = environ["wsgi.input"].read(length)
        finally:
            self._awaited.discard(awaited)
        environ["wsgi.input"] = BytesIO(body)
        if len(body) == length:
            return None
        if time.monotonic() - awaited.since >= SHORTEST_WAIT:
            return Unread(408, "The request did not arrive in time.", rule="body_slow")
        return Unread(400, "The body is shorter than announced.", rule="body_short")


class Watch:
    """A thread that begins with the first body and looks while there are some that are awaited."""

    def __init__(self, awaited: set[Awaited], *, port: int, seconds: float, threads: int) -> None:
        self._awaited = awaited
        self._port = port
        self._seconds = seconds
        self._many = threads // 2
        self._any = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._owing: dict[int, tuple[float, Wire]] = {}  # by inode: seen first at, and as what
        self._given_up: set[int] = set()

    def begin(self) -> None:
        """See to it that somebody looks."""
        if not self._any.is_set():
            self._any.set()
        if self._thread is None and CAN_SEE:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="bodies", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            if not self._awaited:
                self._any.clear()
                # What came before the line above may have found the event set.
                if not self._awaited:
                    self._any.wait()
                self._owing = {}
            time.sleep(LOOKS_EVERY)
            with suppress(OSError):
                while self._look():
                    time.sleep(BRIEFLY)

    def _look(self) -> bool:
        """Give up on what waits for too long; whether so many wait that it is worth another look at once."""
        now = time.monotonic()
        waiting = [each for each in self._awaited.copy() if now - each.since >= BRIEFLY]
        if not waiting:
            return False
        is_hurried = len(waiting) > self._many
        patience = max(SHORTEST_WAIT, self._seconds / HURRY) if is_hurried else self._seconds
        seen = self._seen(now)
        for each in sorted(waiting, key=lambda each: each.since):
            # Its thread may need a moment to find the end.
            if now - each.given_up_at >= LOOKS_EVERY:
                chosen = self._wire_of(each, seen, now - patience)
                if chosen is not None:
                    seen.remove(chosen)
                    each.given_up_at = now
                    self._given_up.add(chosen.inode)
                    take_no_more(chosen)
        return is_hurried

    def _seen(self, now: float) -> list[Wire]:
        """The connections that were not given up; of those that owe an answer we remember since when."""
        found = list(wires(self._port, now))
        self._given_up &= {wire.inode for wire in found}
        left = [wire for wire in found if wire.inode not in self._given_up]
        owing = {}
        for wire in left:
            if wire.is_owing:
                first, before = self._owing.get(wire.inode, (now, wire))
                owing[wire.inode] = (first if abs(wire.sent - before.sent) < NEAR else now, wire)
        self._owing = owing
        return left

    def _wire_of(self, awaited: Awaited, seen: Sequence[Wire], long_ago: float) -> Wire | None:
        """The connection whose body is awaited, if it has been for too long.

        It fell silent as the wait began, or was told to continue then (RFC 9110 §10.1.1). Else it is one that was heard
        of meanwhile, as its body comes drop by drop, or the oldest, since requests queue for threads in their order.
        """
        theirs = [wire for wire in seen if wire.peer == awaited.peer]
        surely = [wire for wire in theirs if apart(wire, awaited) < NEAR]
        late = [wire for wire in surely or theirs if self._is_late(wire, awaited, long_ago)]
        if surely:
            return min(late, key=lambda wire: apart(wire, awaited), default=None)
        return min(late, key=lambda wire: (wire.received <= long_ago, wire.received), default=None)

    def _is_late(self, wire: Wire, awaited: Awaited, long_ago: float) -> bool:
        if wire.is_owing:
            return self._owing[wire.inode][0] <= long_ago
        return wire.sent <= long_ago and abs(wire.sent - awaited.since) < NEAR


def apart(wire: Wire, awaited: Awaited) -> float:
    return min(abs(wire.received - awaited.since), abs(wire.sent - awaited.since))
