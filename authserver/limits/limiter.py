"""How often somebody may try: a bucket in this process for machines, counted failures for addresses.

Addresses are counted in windows that all nodes share: in Redis where there is one, else in the database. Neither is
asked on the machine endpoints, and a limiter that cannot count lets people in: locks of accounts and
budgets of codes are kept elsewhere, in the database always.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from authserver.clock import Clock, seconds
from authserver.errors import Unavailable

log = logging.getLogger(__name__)
WINDOW = 300
BUCKETS = 10_000
IPV6_SUBSCRIBER = 64
LONGEST_ADDRESS = 45


class Ceilings(Protocol):
    """The settings in force: requests a second for a client, failures in five minutes for an address."""

    @property
    def client_requests(self) -> int: ...
    @property
    def address_failures(self) -> int: ...
    @property
    def named_network_failures(self) -> int: ...
    @property
    def named_networks(self) -> tuple[str, ...]: ...


class Windows(Protocol):
    """Counts by name and window, shared by all nodes."""

    def add(self, bucket: str, window: int, now: datetime) -> None: ...

    def count(self, bucket: str, window: int) -> tuple[int, int]:
        """What was counted in this window, and in the one before."""
        ...


class Limiter:
    def __init__(
        self,
        ceilings: Callable[[], Ceilings],
        windows: Windows,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ceilings = ceilings
        self._windows = windows
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def bucket(self, key: str) -> int | None:
        """Take one request from a client's bucket: None, or the seconds after which to come again."""
        rate = self._ceilings().client_requests
        buckets, now = self._buckets, self._monotonic()
        with self._lock:
            left, at = buckets.pop(key, (rate, now))
            left = min(left + (now - at) * rate, rate)
            allowed = left >= 1
            # Put back at the end: the one that was asked longest ago is the first to be forgotten.
            buckets[key] = (left - 1 if allowed else left, now)
            if len(buckets) > BUCKETS:
                del buckets[next(iter(buckets))]
        return None if allowed else max(1, math.ceil((1 - left) / rate))

    def failures(self, address: str) -> int | None:
        """None while this address may try, else the seconds after which to come again.

        Ask before the password is looked at, outside any open transaction.
        """
        name, ceiling = self._bucket_of(address)
        now = seconds(self._clock())
        window, into = divmod(now, WINDOW)
        try:
            count, before = self._windows.count(name, window)
            # The window before counts for the part of it that is still within five minutes.
            counted = count + before * (WINDOW - into) / WINDOW
        except Unavailable as error:
            log.warning("address limits cannot be read: %s", error)
            return None
        return None if counted < ceiling else WINDOW - into

    def spend(self, what: str, address: str) -> int | None:
        """Count what an address may do as often as fail: None, or the seconds to wait; outside any transaction."""
        name, ceiling = self._bucket_of(address)
        now = self._clock()
        window, into = divmod(seconds(now), WINDOW)
        bucket = f"{what}:{name}"
        try:
            if self._windows.count(bucket, window)[0] >= ceiling:
                return WINDOW - into
            self._windows.add(bucket, window, now)
        except Unavailable as error:
            log.warning("a %s could not be counted: %s", what, error)
        return None

    def failed(self, address: str) -> None:
        """Count one failed try of this address; outside any open transaction."""
        name, _ = self._bucket_of(address)
        now = self._clock()
        try:
            self._windows.add(name, seconds(now) // WINDOW, now)
        except Unavailable as error:
            log.warning("a failure could not be counted: %s", error)

    def _bucket_of(self, address: str) -> tuple[str, int]:
        ceilings = self._ceilings()
        found = read_address(address)
        if found is None:
            return "address:unknown", ceilings.address_failures
        for name in ceilings.named_networks:
            network = ip_network(name, strict=False)
            if found.version == network.version and found in network:
                return f"network:{network}", ceilings.named_network_failures
        return f"address:{subscriber(found)}", ceilings.address_failures


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as it is counted: IPv4 in IPv6 clothes is IPv4, a zone is dropped."""
    plain = text.partition("%")[0]
    return _read(plain) if len(plain) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=1_000)
def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def subscriber(address: IPv4Address | IPv6Address) -> str:
    """Who holds an address: one IPv4 address, or the /64 that an IPv6 subscriber moves in freely."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_SUBSCRIBER), strict=False))
    return str(address)
