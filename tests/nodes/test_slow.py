"""Clients that take their time: what they hold is taken from them, and others are answered meanwhile."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import RemoteDisconnected

import pytest

from tests.peers.process import wait_until
from tests.serve import Deployment, Node
from tests.wire import FORM

THREADS = 4
HEAD = f"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 400\r\n"
SILENT = f"{HEAD}\r\ngrant".encode()
WAITS_FOR_A_WORD = f"{HEAD}Expect: 100-continue\r\n\r\n".encode()
HALF_A_HEAD = HEAD.encode()


@pytest.fixture
def node(deploy: Callable[..., Deployment]) -> Node:
    """One worker with few threads and little patience."""
    settings = {"AUTHSERVER_THREADS": str(THREADS), "AUTHSERVER_RECEIVE_SECONDS": "2"}
    return deploy("sqlite", workers=1, settings=settings).nodes[0]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def sent(node: Node, opened: ExitStack, part: bytes) -> socket.socket:
    """A connection on which this was sent, and no more is."""
    made = opened.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=30))
    made.sendall(part)
    return made


def dripping(node: Node, opened: ExitStack) -> socket.socket:
    """A connection on which a byte comes now and then."""
    made, ends = sent(node, opened, SILENT), threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not ends.wait(0.1):
                made.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    opened.callback(thread.join)
    opened.callback(ends.set)
    return made


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection; it has to."""
    found = b""
    with suppress(ConnectionResetError):
        while data := connection.recv(4096):
            found += data
    return found.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")


def is_well(node: Node) -> bool:
    """Whether it answers. Who comes from the same address at the same moment may be taken for one of the slow ones."""
    with suppress(RemoteDisconnected):
        return node.get("/healthz")[0] == 200
    return False


def test_slow_bodies_time_out_and_others_are_answered_meanwhile(node: Node, opened: ExitStack) -> None:
    """WEB-8: more slow bodies than threads, silent, dripping or waiting for a word, stop nobody else for long."""
    slow = [sent(node, opened, SILENT) for _ in range(THREADS)]
    slow += [sent(node, opened, WAITS_FOR_A_WORD) for _ in range(THREADS)]
    slow += [dripping(node, opened) for _ in range(THREADS)]
    wait_until(lambda: is_well(node), "others are answered")
    told = [answer(connection) for connection in slow]
    assert {text[:12] for text in told} <= {b"HTTP/1.1 408", b"HTTP/1.1 400", b""}
    assert any(text.startswith(b"HTTP/1.1 408") and b'"reference"' in text for text in told)


def test_one_slow_body_among_many_requests_is_the_one_that_ends(node: Node, opened: ExitStack) -> None:
    """WEB-8: connections that are used and kept are left alone while a body is given up."""
    kept = [sent(node, opened, b"") for _ in range(3)]
    slow = sent(node, opened, SILENT)
    body = b"grant_type=password"
    asked = HEAD.replace("400", str(len(body))).encode() + b"\r\n" + body
    slow.setblocking(False)
    for _ in range(200):
        for connection in kept:
            connection.sendall(asked)
            assert connection.recv(4096).startswith(b"HTTP/1.1 40")
        with suppress(BlockingIOError):
            assert slow.recv(12) == b"HTTP/1.1 408"
            break
        threading.Event().wait(0.1)
    else:
        raise AssertionError("it was not given up")


def test_slow_heads_time_out(node: Node, opened: ExitStack) -> None:
    """WEB-8: half a head, or nothing at all, holds no connection for longer than a body would."""
    assert [answer(sent(node, opened, part)) for part in (HALF_A_HEAD, b"")] == [b"", b""]


def test_a_body_in_two_parts_is_one(node: Node, opened: ExitStack) -> None:
    body = b"grant_type=password"
    head = HEAD.replace("400", str(len(body))).encode() + b"Connection: close\r\n\r\n"
    connection = sent(node, opened, head + body[:5])
    assert node.get("/healthz")[0] == 200
    connection.sendall(body[5:])
    assert b'"error"' in answer(connection)
