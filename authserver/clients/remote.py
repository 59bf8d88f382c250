"""Ask an address that a client or a provider names, without being sent anywhere else. CL-14, CVE-19.

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
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from queue import Empty, Queue
from typing import Any, Self
from urllib.parse import urlsplit

SECONDS = 5.0
LARGEST = 64 * 1024
LONGEST = 2_048
HTTPS_PORT, HTTP_PORT = 443, 80
URL = re.compile(r"https://[A-Za-z0-9.\-]+(?::[1-9][0-9]{0,4})?(?:[/?][!-~]*)?")
LOOPBACK = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[1-9][0-9]{0,4})?(?:[/?][!-~]*)?")
# What ipaddress calls global and still leads inside: IPv4 wrapped in IPv6, by translation or by tunnel.
WRAPPED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotFetched(OSError):
    """The document could not be had; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request to send. `largest` is the most that is read of the answer."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    seconds: float = SECONDS
    largest: int = LARGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer of any status but a redirect; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """`private` names hosts that may be on a private network; `trust` is the TLS context, by default the system's.

    `loopback`: also http addresses of this very computer, for development.
    """

    private: frozenset[str] = frozenset()
    trust: ssl.SSLContext | None = None
    seconds: float = SECONDS
    loopback: bool = False

    def get(self, url: str) -> bytes:
        """Give the body of a 200 answer; raises NotFetched for everything else."""
        answered = self.ask(Question(url=url, seconds=self.seconds))
        if answered.status != HTTPStatus.OK:
            raise NotFetched(f"it answered {answered.status}")
        return answered.body

    def ask(self, question: Question) -> Answered:
        """Send one request and give its answer, whole and in time; raises NotFetched."""
        problem = self.problem(question.url)
        if problem:
            raise NotFetched(problem)
        parts = urlsplit(question.url)
        host, is_plain = str(parts.hostname), parts.scheme == "http"
        port = parts.port or (HTTP_PORT if is_plain else HTTPS_PORT)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {"Accept": "application/json", **question.headers, "Connection": "close"}
        began = time.monotonic()
        try:
            address = self._resolve(host, port, question.seconds)
            left = question.seconds - (time.monotonic() - began)
            trust = None if is_plain else self.trust or ssl.create_default_context()
            with Pinned(host, port, address, trust).for_at_most(left) as c:
                c.request(question.method, target, body=question.body or None, headers=headers)
                return _answered(c.getresponse(), question.largest)
        except (OSError, HTTPException, ValueError) as error:
            raise NotFetched(f"{host}: {str(error) or type(error).__name__}") from error

    def problem(self, url: str) -> str | None:
        """Say why this is never asked; None when it may be tried."""
        if self.loopback and LOOPBACK.fullmatch(url) and not _strays(url):
            return None
        return url_problem(url)

    def _resolve(self, host: str, port: int, seconds: float) -> str:
        addresses = _addresses(host, port, seconds)
        near = self.loopback and all(ipaddress.ip_address(each).is_loopback for each in addresses)
        if not near and host not in self.private and not all(map(is_public, addresses)):
            raise NotFetched("it is on a private network")
        return addresses[0]


class Pinned(HTTPConnection):
    """Connects to the address that was checked, and asks there for the host's certificate and name."""

    def __init__(self, host: str, port: int, address: str, trust: ssl.SSLContext | None) -> None:
        # The Host header leaves a usual port out.
        self.default_port = HTTPS_PORT if trust else HTTP_PORT
        super().__init__(host, port, timeout=SECONDS)
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
        self.sock = plain
        if self.trust is not None:
            wrapped = self.trust.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = wrapped
            wrapped.do_handshake()

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
    if _strays(url):
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


def _strays(url: str) -> bool:
    """Whether readers may differ about where this leads."""
    return "#" in url or "@" in url.partition("?")[0] or "\\" in url or len(url) > LONGEST


def _answered(answer: HTTPResponse, largest: int) -> Answered:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        raise NotFetched(f"it answered {answer.status}")
    body = answer.read(largest + 1)
    if len(body) > largest:
        raise NotFetched(f"the answer is larger than {largest} bytes")
    if answer.length:
        raise NotFetched("the answer was cut short")
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answered(status=answer.status, headers=headers, body=body)
