"""Talking with a provider so that a slow or dead one costs others nothing. UP-12, OI-6.

At most two exchanges with one provider are under way in a worker, and half of its threads with all of them; the
next is told so at once. After five failures in a row nobody waits for it any more; every half minute one may try.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from authserver import metrics
from authserver.clients.remote import Fetcher, NotFetched
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.upstream.contract import Declined, Distrusted, Down
from authserver.upstream.http import SECONDS, Http
from authserver.upstream.provider import Provider

AT_ONCE = 2
FAILURES = 5
OPEN_FOR = 30.0
COME_AGAIN = 5
Told = Callable[[str], None]


class Busy(Down):
    """Others are asking this provider right now."""


class Resting(Down):
    """It failed again and again, so it is not asked for a while."""


@dataclass(slots=True)
class Health:
    """How a provider did lately, as this worker saw it."""

    under_way: int = 0
    failed: int = 0
    rests_until: float = float("-inf")
    trying: bool = False


@dataclass(slots=True)
class Exchanges:
    """What is under way with which provider."""

    most: int
    now: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: dict[str, Health] = field(default_factory=dict)
    _under_way: int = 0

    def begin(self, provider_id: str) -> None:
        """Take a place; raises Busy or Resting at once where there is none."""
        with self._lock:
            health = self._held.setdefault(provider_id, Health())
            now = self.now()
            if health.failed >= FAILURES:
                if now < health.rests_until or health.trying:
                    left = max(1, int(health.rests_until - now))
                    raise Resting("the provider failed again and again", retry_after=left)
                health.trying = True
            elif health.under_way >= AT_ONCE or self._under_way >= self.most:
                raise Busy("the provider is being asked by others", retry_after=COME_AGAIN)
            health.under_way += 1
            self._under_way += 1

    def end(self, provider_id: str, *, failed: bool) -> None:
        with self._lock:
            health = self._held[provider_id]
            health.under_way -= 1
            self._under_way -= 1
            health.trying = False
            health.failed = health.failed + 1 if failed else 0
            if health.failed >= FAILURES:
                health.rests_until = self.now() + OPEN_FOR

    def is_resting(self, provider_id: str) -> bool:
        """Whether people should be told beforehand that it cannot be reached."""
        health = self._held.get(provider_id)
        return health is not None and health.failed >= FAILURES and self.now() < health.rests_until


class Free:
    """Of a kind that asks nobody while people wait: nobody has to stand aside for anybody."""

    def begin(self, provider_id: str) -> None:
        """There is always a place."""

    def end(self, provider_id: str, *, failed: bool) -> None:
        """Nothing was taken."""


def exchanges(issuer: Issuer) -> Exchanges:
    most = max(1, issuer.config.threads // 2)
    return issuer.kept("upstream-exchanges", lambda: Exchanges(most=most))


def http_of(issuer: Issuer, *, seconds: float = SECONDS) -> Http:
    """What one exchange is made by: the guarded client, and private hosts only where an admin lists them. OI-3."""
    private = frozenset(host.lower() for host in issuer.settings.private_hosts)
    return Http(Fetcher(private=private, loopback=issuer.config.is_development), seconds=seconds)


@contextmanager
def exchange(issuer: Issuer, provider: Provider) -> Iterator[Http]:
    """One exchange: what it raises is Declined, Distrusted or Down, each counted."""
    result, failed = "ok", False
    held = Free() if getattr(provider.kind, "asks_nobody", False) else exchanges(issuer)
    try:
        held.begin(provider.id)
    except Down as down:
        _count(provider, "busy" if isinstance(down, Busy) else "resting")
        raise
    try:
        yield http_of(issuer)
    except NotFetched as error:
        result, failed = "down", True
        raise Down(f"{provider.slug}: {error}", retry_after=COME_AGAIN) from error
    except Down:
        result, failed = "down", True
        raise
    except Declined:
        result = "declined"
        raise
    except Distrusted:
        result = "distrusted"
        raise
    except Refusal:
        result = "refused"
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
        # A provider's bytes have reached code that did not expect them: no reason to answer 500.
        result = "distrusted"
        raise Distrusted(
            f"cannot be read: {type(error).__name__}: {str(error)[:200]}", rule="upstream.unreadable"
        ) from error
    finally:
        held.end(provider.id, failed=failed)
        _count(provider, result)


def _count(provider: Provider, result: str) -> None:
    metrics.count("upstream_exchanges", provider=provider.slug, result=result)
