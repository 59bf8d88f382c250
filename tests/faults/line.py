"""The way from the clients to the balancer: every request is counted, and a lost one is known as lost."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests import wire
from tests.wire import Reply

TIMEOUT = 20.0


class LostError(Exception):
    """No answer came, or one that says "not now": the client does not know what happened."""

    def __init__(self, what: str, retry_after: float) -> None:
        super().__init__(what)
        self.retry_after = retry_after


@dataclass(slots=True)
class Line:
    """Requests to one origin."""

    origin: str
    requests: int = 0
    errors: int = 0
    unanswered: int = 0
    slowest: float = 0.0
    said: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def open(self) -> Iterator["Line"]:
        """All that is sent to this origin goes this way."""
        wire.INSIDE[self.origin] = self.send
        try:
            yield self
        finally:
            del wire.INSIDE[self.origin]

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """One request on a connection of its own; a LostError for a 5xx and for no answer."""
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", parts.port, timeout=TIMEOUT)
        try:
            connection.request(method, target, body, {"Host": parts.netloc, **headers})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self._count(began, unanswered=1, said=f"{method} {parts.path}: {error!r}")
            raise LostError(repr(error), 0.1) from error
        finally:
            connection.close()
        if answer.status >= 500:
            self._count(began, errors=1, said=f"{method} {parts.path}: {answer.status} {content[:80]!r}")
            # Impatient beside Retry-After: what comes back at once is the harder case.
            raise LostError(f"{answer.status}", 0.2)
        self._count(began)
        return Reply(url=url, status=answer.status, headers=tuple(answer.getheaders()), body=content)

    def _count(self, began: float, *, errors: int = 0, unanswered: int = 0, said: str = "") -> None:
        with self._lock:
            self.requests += 1
            self.errors += errors
            self.unanswered += unanswered
            self.slowest = max(self.slowest, time.monotonic() - began)
            if said:
                self.said.append(said)
