"""Fetching what clients publish: where it leads, and where it never does."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from authserver.clients.remote import LARGEST, Fetcher, NotFetched, fetch_json, is_public, url_problem
from tests.peers.certificates import issue

ADDRESSES = [
    ("93.184.216.34", True),
    ("2606:2800:220:1:248:1893:25c8:1946", True),
    ("127.0.0.1", False),
    ("10.1.2.3", False),
    ("172.16.0.1", False),
    ("192.168.1.1", False),
    ("100.64.0.1", False),
    ("169.254.169.254", False),
    ("0.0.0.0", False),  # noqa: S104
    ("224.0.0.1", False),
    ("255.255.255.255", False),
    ("192.0.2.1", False),
    ("::1", False),
    ("::", False),
    ("fe80::1", False),
    ("fc00::1", False),
    ("fd00:ec2::254", False),
    ("ff02::1", False),
    ("::ffff:127.0.0.1", False),
    ("::ffff:169.254.169.254", False),
    ("::ffff:10.0.0.1", False),
    ("::ffff:93.184.216.34", True),
    ("::7f00:1", False),
    ("64:ff9b::a9fe:a9fe", False),
    ("64:ff9b:1::a00:1", False),
    ("2002:7f00:1::", False),
    ("2001:0:7f00:1::", False),
]
REFUSED = [
    "",
    "http://app.example/jwks",
    "HTTPS://app.example/jwks",
    "ftp://app.example/jwks",
    "file:///etc/passwd",
    "https://127.0.0.1/jwks",
    "https://2130706433/jwks",
    "https://0x7f000001/jwks",
    "https://127.1/jwks",
    "https://[::1]/jwks",
    "https://[fd00::1]/jwks",
    "https://user@app.example/jwks",
    "https://user:secret@app.example/jwks",
    "https://app.example@127.0.0.1/jwks",
    "https://app.example\\@127.0.0.1/jwks",
    "https://app.example/jwks#x",
    "https://app.example/jw ks",
    "https://app.example/\r\nHost: inside",
    "https://app.example:0/jwks",
    "https://äpp.example/jwks",
    "https:///jwks",
    "https://" + "a" * 2100,
]


@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_only_public_addresses_are_fetched_from(address: str, public: bool) -> None:
    """CL-14, CVE-19: mapped, link-local, metadata and translated addresses too."""
    assert is_public(address) is public


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_could_mislead_is_never_tried(url: str) -> None:
    """CL-14, CVE-19."""
    assert url_problem(url) is not None
    with pytest.raises(NotFetched):
        Fetcher().get(url)


def test_a_plain_https_address_may_be_tried() -> None:
    assert url_problem("https://app.example:8443/keys/jwks.json?v=2") is None


@dataclass(slots=True)
class Peer:
    """A TLS server on loopback that answers every connection with the same bytes."""

    port: int
    trust: ssl.SSLContext
    seen: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/jwks?v=1"

    def fetcher(self, *, seconds: float = 5, trusted: bool = True) -> Fetcher:
        trust = self.trust if trusted else None
        return Fetcher(private=frozenset({"localhost"}), trust=trust, seconds=seconds)


@contextmanager
def peer(folder: Path, *parts: bytes, name: str = "localhost", pause: float = 0) -> Iterator[Peer]:
    certificates = issue(folder, name)
    serving = certificates.server()
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()
    found = Peer(listener.getsockname()[1], certificates.client())

    def answer(plain: socket.socket) -> None:
        with suppress(OSError), plain, serving.wrap_socket(plain, server_side=True) as connection:
            found.seen.append(connection.recv(4096))
            for part in parts:
                connection.sendall(part)
                stopped.wait(pause)

    def serve() -> None:
        while not stopped.is_set():
            with suppress(OSError):
                answer(listener.accept()[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_a_document_is_fetched_from_a_host_that_is_allowed(tmp_path: Path) -> None:
    with peer(tmp_path, ok(b'{"keys": []}')) as there:
        assert fetch_json(there.url, there.fetcher()) == {"keys": []}
    assert there.seen[0].startswith(b"GET /jwks?v=1 HTTP/1.1\r\n")
    assert f"Host: localhost:{there.port}\r\n".encode() in there.seen[0]


def test_a_name_that_leads_inside_is_not_followed(tmp_path: Path) -> None:
    """CL-14, CVE-19."""
    with peer(tmp_path, ok(b"{}")) as there, pytest.raises(NotFetched, match="private network"):
        Fetcher(trust=there.trust).get(there.url)
    assert there.seen == []


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """CL-14, CVE-19."""
    away = b"HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n"
    with peer(tmp_path, away) as there, pytest.raises(NotFetched, match="it answered 302"):
        there.fetcher().get(there.url)
    assert len(there.seen) == 1


def test_a_certificate_of_another_host_or_authority_is_refused(tmp_path: Path) -> None:
    """CL-14."""
    with peer(tmp_path, ok(b"{}"), name="other.example") as there, pytest.raises(NotFetched):
        there.fetcher().get(there.url)
    with peer(tmp_path, ok(b"{}")) as there, pytest.raises(NotFetched):
        there.fetcher(trusted=False).get(there.url)


@pytest.mark.parametrize(
    "answer",
    [ok(b"x" * (LARGEST + 1)), b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LARGEST + 1)],
    ids=["told", "untold"],
)
def test_more_than_64_kilobytes_are_refused(tmp_path: Path, answer: bytes) -> None:
    """CL-14."""
    with peer(tmp_path, answer) as there, pytest.raises(NotFetched, match="larger"):
        there.fetcher().get(there.url)


def test_exactly_64_kilobytes_are_taken(tmp_path: Path) -> None:
    with peer(tmp_path, ok(b"x" * LARGEST)) as there:
        assert len(there.fetcher().get(there.url)) == LARGEST


@pytest.mark.parametrize(
    "parts", [[b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90], [ok(b"x" * 90)[:50], *[b"x"] * 90]]
)
def test_a_host_that_drips_is_cut_at_the_deadline(tmp_path: Path, parts: list[bytes]) -> None:
    """CL-14: each byte comes in time, the whole does not."""
    began = time.monotonic()
    with peer(tmp_path, *parts, pause=0.05) as there, pytest.raises(NotFetched):
        there.fetcher(seconds=0.3).get(there.url)
    assert time.monotonic() - began < 2


def test_a_host_that_stays_silent_is_cut_at_the_deadline(tmp_path: Path) -> None:
    """CL-14."""
    began = time.monotonic()
    with peer(tmp_path, b"", pause=5) as there, pytest.raises(NotFetched):
        there.fetcher(seconds=0.3).get(there.url)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b"\xff", b'"keys"'])
def test_only_a_json_object_is_a_document(tmp_path: Path, body: bytes) -> None:
    with peer(tmp_path, ok(body)) as there, pytest.raises((OSError, ValueError)):
        fetch_json(there.url, there.fetcher())


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 500 Oh\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_a_broken_answer_is_no_document(tmp_path: Path, answer: bytes) -> None:
    with peer(tmp_path, answer) as there, pytest.raises(NotFetched):
        there.fetcher().get(there.url)
