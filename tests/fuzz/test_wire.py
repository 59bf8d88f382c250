"""T-2, WEB-8: bytes that are no request, or a dishonest one, sent to a real server."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.live import token_for
from tests.seeds import party
from tests.serve import Deployment

HEAD = b"Host: localhost\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /oauth/token HTTP/1.1\r\n" + HEAD + FORM
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
PATIENCE = 5.0


def get(target: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"GET " + target + b" HTTP/1.1\r\n" + HEAD + lines + b"\r\n"


def posted(*headers: bytes, body: bytes = b"a=b") -> bytes:
    return POST + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


DISHONEST: dict[str, tuple[bytes, set[int]]] = {
    "negative length": (posted(b"Content-Length: -1"), {400}),
    "length is no number": (posted(b"Content-Length: abc"), {400}),
    "two lengths": (posted(b"Content-Length: 3", b"Content-Length: 5"), {400}),
    "a list of lengths": (posted(b"Content-Length: 3, 3"), {400}),
    "huge length": (posted(b"Content-Length: " + b"9" * 30), {400, 413}),
    "length over the limit": (posted(b"Content-Length: 70000"), {413}),
    "no length": (posted(body=b""), {400}),
    "length and chunks": (POST + b"Content-Length: 3\r\n" + CHUNKED + b"3\r\na=b\r\n0\r\n\r\n", {400, 411}),
    "chunks": (POST + CHUNKED + b"3\r\na=b\r\n0\r\n\r\n", {411}),
    "a bad chunk": (POST + CHUNKED + b"zz\r\na=b\r\n0\r\n\r\n", {400, 411}),
    "another coding": (posted(b"Transfer-Encoding: gzip"), {400, 411, 501}),
    "two types": (posted(FORM.strip(), b"Content-Length: 3"), {400}),
    "two credentials": (posted(*[b"Authorization: Basic YTpi"] * 2, b"Content-Length: 3"), {400, 401}),
    "90 headers": (get(b"/healthz", *(b"X-%d: a" % number for number in range(90))), {431}),
    "900 headers": (get(b"/healthz", *(b"X-%d: a" % number for number in range(900))), {431}),
    "a header of 100 kB": (get(b"/healthz", b"X: " + b"a" * 100_000), {431}),
    "a header of 900 kB": (get(b"/healthz", b"X: " + b"a" * 900_000), {431}),
    "an address of 100 kB": (get(b"/healthz?" + b"a" * 100_000), {414}),
    "NUL in a header": (get(b"/login", b"X: a\x00b"), {400}),
    "CR in a header": (get(b"/login", b"X: a\rSet-Cookie: a=b"), {400}),
    "a space before the colon": (get(b"/login", b"X : a"), {400}),
    "a folded header": (get(b"/login", b"X: a\r\n b"), {400}),
    "bytes beyond ASCII in headers": (
        get(b"/login", b"User-Agent: \xff\xfe", b"Cookie: as_session=\xff", b"Accept-Language: \xff"),
        {200},
    ),
    "two hosts": (get(b"/login", b"Host: evil.example"), {200, 400}),
    "a host that is none": (
        b"GET /login HTTP/1.1\r\nHost: a b<>\xff\r\nConnection: close\r\n\r\n",
        {200, 400},
    ),
    "bytes in the path": (get(b"/login\xff\xfe"), {400, 404}),
    "bytes in the query": (get(b"/oauth/authorize?client_id=\xff"), {400}),
    "NUL in the path": (get(b"/%00"), {400, 404}),
    "CRLF in a redirect": (get(b"/language?to=de&return=/%0d%0aSet-Cookie:%20a=b"), {303, 400}),
    "absolute form": (get(b"http://evil.example/login"), {200, 400}),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HEAD + b"\r\n", {400, 404}),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\n" + HEAD + b"\r\n", {400, 404, 405}),
    "a WebSocket": (get(b"/login", b"Upgrade: websocket", b"Connection: Upgrade"), {200, 400, 405}),
    "an unknown method": (b"BREW /login HTTP/1.1\r\n" + HEAD + b"\r\n", {405}),
    "an unknown version": (b"GET /login HTTP/3.0\r\n" + HEAD + b"\r\n", {400, 505}),
    "HTTP/0.9": (b"GET /login\r\n\r\n", {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    "noise": (b"\r\n\r\n\r\n\x00\xff\r\n\r\n", {400}),
}


@pytest.fixture
def server(run_as: Callable[[str, str], Deployment]) -> Deployment:
    return run_as("shared", "sqlite-2-workers")


def exchange(port: int, raw: bytes) -> bytes:
    """What came back until the server closed, or was silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        found = b""
        try:
            connection.sendall(raw)
            while more := connection.recv(65_536):
                found += more
        except (ConnectionError, TimeoutError):
            # Cut while we were still sending, or kept open for another request: what came is the answer.
            pass
        return found


@pytest.mark.parametrize(("raw", "statuses"), DISHONEST.values(), ids=DISHONEST)
def test_a_dishonest_request_is_refused_and_the_server_stays(
    server: Deployment, raw: bytes, statuses: set[int]
) -> None:
    """T-2, WEB-8: one answer with the specified status, nothing of ours in it, and the next request is served."""
    (node,) = server.nodes
    workers = node.workers()
    began = time.monotonic()
    answer = exchange(node.port, raw)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1."), answer
    assert int(head.split(b" ", 2)[1]) in statuses, answer[:300]
    assert answer.count(b"HTTP/1.1 ") <= 1, "there are two answers to one request"
    assert b"Traceback" not in body
    assert b"\r\nset-cookie: a=b" not in head.lower()
    assert time.monotonic() - began < PATIENCE
    assert node.get("/healthz")[0] == 200
    assert node.workers() == workers


def test_slow_bodies_do_not_hold_up_the_others(server: Deployment) -> None:
    """WEB-8: while some clients send a byte now and then, everybody else is served."""
    (node,) = server.nodes
    with ExitStack() as stack:
        for _ in range(8):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", node.port)))
            slow.sendall(POST + b"Content-Length: 30\r\n\r\ngrant")
        for _ in range(16):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", node.port)))
            slow.sendall(b"POST /oauth/token HTTP/1.1\r\nHost:")
        ask = token_for(party(server, "robot"))
        began = time.monotonic()
        assert [ask(f"http://127.0.0.1:{node.port}").status for _ in range(16)] == [200] * 16
        assert time.monotonic() - began < PATIENCE
