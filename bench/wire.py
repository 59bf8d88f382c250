"""The load client: keep-alive connections on one thread, prepared bytes, no library between us and the socket."""

import gc
import json
import select
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
READ = 64 * 1024
PATIENCE = 30.0


class WrongAnswerError(Exception):
    """A server answered something else than what is measured."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    head: bytes
    body: bytes

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def expect(self, *statuses: int) -> "Reply":
        if self.status not in statuses:
            raise WrongAnswerError(f"{self.head.decode()}\n\n{self.body.decode(errors='replace')[:2000]}")
        return self


# One operation: it yields requests, is sent their answers, and ends when it is done.
Operation = Generator[bytes, Reply, None]
Flow = Callable[[], Operation]


@dataclass(slots=True)
class Load:
    """What one round brought."""

    seconds: float
    client_seconds: float
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Connection:
    """One connection with the operation that is under way on it."""

    wire: socket.socket
    flow: Flow
    operation: Operation | None = None
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        self.operation = self.flow()
        self.began = time.perf_counter()
        self.wire.send(next(self.operation))

    def take(self) -> bool:
        """Read what came; True when the operation has ended by it."""
        octets = self.wire.recv(READ)
        if not octets:
            raise WrongAnswerError("the server closed a connection")
        self.received += octets
        reply = take_reply(self.received)
        if reply is None or self.operation is None:
            return False
        try:
            self.wire.send(self.operation.send(reply))
        except StopIteration:
            return True
        return False


def take_reply(received: bytearray) -> Reply | None:
    """The answer at the beginning of what was received, once it is whole."""
    end = received.find(END_OF_HEAD)
    if end < 0:
        return None
    head = bytes(received[:end])
    at = head.lower().find(LENGTH)
    if at < 0:
        raise WrongAnswerError(f"an answer does not say how long it is:\n{head.decode()}")
    length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
    whole = end + len(END_OF_HEAD) + length
    if len(received) < whole:
        return None
    body = bytes(received[whole - length : whole])
    del received[:whole]
    return Reply(int(head[9:12]), head, body)


def drive(port: int, flows: Sequence[Flow], seconds: float) -> Load:
    """Run each flow on a connection of its own, over and over; what is under way at the end is finished and counts."""
    connections = {each.wire.fileno(): each for each in (Connection(connect(port), flow) for flow in flows)}
    poll = select.epoll()
    gc.disable()
    try:
        for number in connections:
            poll.register(number, select.EPOLLIN)
        spent, began = time.process_time(), time.perf_counter()
        latencies = _run(poll, connections, began + seconds)
        return Load(time.perf_counter() - began, time.process_time() - spent, latencies)
    finally:
        gc.enable()
        poll.close()
        for each in connections.values():
            each.wire.close()


def _run(poll: select.epoll, connections: Mapping[int, Connection], ends: float) -> list[float]:
    latencies: list[float] = []
    for each in connections.values():
        each.begin()
    under_way = len(connections)
    while under_way:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise WrongAnswerError(f"no answer within {PATIENCE:g} s")
        for number, _ in ready:
            connection = connections[number]
            if not connection.take():
                continue
            now = time.perf_counter()
            latencies.append(now - connection.began)
            if now < ends:
                connection.begin()
            else:
                under_way -= 1
    return latencies


def once(asked: Callable[[bytes], Reply], operation: Operation) -> Reply:
    """Run one operation; its last answer."""
    reply = asked(next(operation))
    try:
        while True:
            reply = asked(operation.send(reply))
    except StopIteration:
        return reply


def asking(port: int) -> Callable[[bytes], Reply]:
    """Sends one request at a time, each on a connection of its own."""

    def asked(request: bytes) -> Reply:
        received, reply = bytearray(), None
        with connect(port) as wire:
            wire.settimeout(PATIENCE)
            wire.sendall(request)
            while reply is None:
                received += wire.recv(READ)
                reply = take_reply(received)
        return reply

    return asked


def connect(port: int) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.settimeout(0)
    return wire


def get(host: str, target: str, headers: Mapping[str, str] | None = None) -> bytes:
    return _request("GET", host, target, headers or {}, b"")


def post(host: str, target: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> bytes:
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return _request("POST", host, target, sent, urlencode(form).encode())


def send(host: str, target: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    return _request("POST", host, target, headers, body)


def _request(method: str, host: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
