"""Fetch what a client publishes at an address of its own, without being sent anywhere else. CL-14, CVE-19.

https alone, to a public address that was resolved once and is then connected to; no redirects, 5 s, 64 KB.
"""

import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from queue import Empty, Queue
from typing import Any, Self
from urllib.parse import urlsplit

SECONDS = 5.0
LARGEST = 64 * 1024
LONGEST = 2_048
HTTPS_PORT = 443
URL = re.compile(r"https://[A-Za-z0-9.\-]+(?::[1-9][0-9]{0,4})?(?:[/?][!-~]*)?")
# What ipaddress calls global and still leads inside: IPv4 wrapped in IPv6, by translation or by tunnel.
WRAPPED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotFetched(OSError):
    """The document could not be had; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """`private` names hosts that may be on a private network; `trust` is the TLS context, by default the system's."""

    private: frozenset[str] = frozenset()
    trust: ssl.SSLContext | None = None
    seconds: float = SECONDS

    def get(self, url: str) -> bytes:
        """Give the body of a 200 answer; raises NotFetched for everything else."""
        problem = url_problem(url)
        if problem:
            raise NotFetched(problem)
        parts = urlsplit(url)
        host, port = str(parts.hostname), parts.port or HTTPS_PORT
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        began = time.monotonic()
        try:
            address = self._resolve(host, port)
            left = self.seconds - (time.monotonic() - began)
            with Pinned(host, port, address, self.trust or ssl.create_default_context()).for_at_most(
                left
            ) as c:
                c.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
                return _body(c.getresponse())
        except (OSError, HTTPException, ValueError) as error:
            raise NotFetched(f"{host}: {str(error) or type(error).__name__}") from error

    def _resolve(self, host: str, port: int) -> str:
        addresses = _addresses(host, port, self.seconds)
        if host not in self.private and not all(map(is_public, addresses)):
            raise NotFetched("it is on a private network")
        return addresses[0]


class Pinned(HTTPSConnection):
    """Connects to the address that was checked, and asks there for the host's certificate and name."""

    def __init__(self, host: str, port: int, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=SECONDS, context=trust)
        self.address = address
        self.trust = trust
        self.late = False

    @contextmanager
    def for_at_most(self, seconds: float) -> Iterator[Self]:
        """Cut the connection at the deadline, however slowly the bytes drip, and in any case at the end."""
        self.timeout = max(seconds, 0.001)
        deadline = threading.Timer(seconds, self._cut)
        deadline.daemon = True
        deadline.start()
        try:
            yield self
            # A cut in the middle of headers or of an open-ended body reads like their end.
            if self.late:
                raise NotFetched("it took too long")
        finally:
            deadline.cancel()
            self.close()

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()

    def _cut(self) -> None:
        self.late = True
        if self.sock is not None:
            with suppress(OSError):
                # The plain socket's own: it wakes the reader without touching the TLS state under its hands.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def fetch_json(url: str, fetcher: Fetcher | None = None) -> dict[str, Any]:
    """Give the JSON object at an address; raises OSError or ValueError."""
    found = json.loads((fetcher or Fetcher()).get(url))
    if not isinstance(found, Mapping):
        raise ValueError(f"{url} holds no JSON object")  # noqa: TRY004
    return dict(found)


def url_problem(url: str) -> str | None:
    """Say why we would never fetch from this address; None when it may be tried."""
    if not URL.fullmatch(url) or len(url) > LONGEST:
        return (
            "An address to fetch from is an https URL with a plain host name, without user name or fragment."
        )
    if "#" in url or "@" in url.partition("?")[0] or "\\" in url:
        return "An address to fetch from has no fragment, user name or backslash."
    host = str(urlsplit(url).hostname)
    if host.rpartition(".")[2].isdigit() or host.rpartition(".")[2].startswith("0x"):
        return "An address to fetch from names a host, not an IP address."
    return None


def is_public(text: str) -> bool:
    """Whether this address is on the public internet, also when it is wrapped in another."""
    address: Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in network for network in WRAPPED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Resolve a name; a resolver that hangs is left behind, it must not hold this thread."""
    found: Queue[list[str]] = Queue()

    def look() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            entries = []
        found.put([str(entry[4][0]) for entry in entries])

    threading.Thread(target=look, daemon=True, name="resolve").start()
    try:
        addresses = found.get(timeout=seconds)
    except Empty as error:
        raise NotFetched("its name is not resolved in time") from error
    if not addresses:
        raise NotFetched("its name cannot be resolved")
    return addresses


def _body(answer: HTTPResponse) -> bytes:
    if answer.status != HTTPStatus.OK:
        raise NotFetched(f"it answered {answer.status}")
    body = answer.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise NotFetched(f"the answer is larger than {LARGEST} bytes")
    if answer.length:
        raise NotFetched("the answer was cut short")
    return body
