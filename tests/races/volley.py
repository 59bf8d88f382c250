"""Many requests at the same moment: each is sent up to its last byte, then the last bytes go together."""

import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPResponse
from itertools import cycle
from urllib.parse import urlsplit

from tests.agent import Browser
from tests.oidc import RelyingParty
from tests.pages import Form
from tests.serve import Deployment
from tests.wire import FORM, Fields, Reply, encoded

THREADS = 32
ROUNDS = 20
TIMEOUT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A request as it will be sent."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def over_the_wire(self, host: str) -> bytes:
        headers = {"Host": host, "Connection": "close", **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def form_to(path: str, form: Fields, headers: Mapping[str, str] | None = None) -> Shot:
    return Shot(
        method="POST", path=path, headers={"Content-Type": FORM, **(headers or {})}, body=encoded(form)
    )


def of_client(party: RelyingParty, path: str, form: Mapping[str, str]) -> Shot:
    """A form with the client's own authentication."""
    more, credentials = party.credentials()
    return form_to(path, [*form.items(), *more], credentials)


def of_browser(browser: Browser, form: Form, filled: dict[str, str] | None = None) -> Shot:
    """A form of a page of ours, as this browser would send it."""
    to = form.address(form.buttons[0])
    headers = browser._headers("POST", to, [form.page, to], form.page, "null")
    return form_to(target(to), form.fields(filled, form.buttons[0]), headers)


def opening(browser: Browser, url: str, initiator: str) -> Shot:
    """A link or redirect of another site, followed in this browser."""
    headers = browser._headers("GET", url, [initiator, url], initiator, None)
    return Shot(method="GET", path=target(url), headers=headers)


def target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def volley(deployment: Deployment, shots: Sequence[Shot]) -> list[Reply]:
    """Send them at once, over all nodes in turn; the answers in the order of the shots."""
    barrier = threading.Barrier(len(shots), timeout=TIMEOUT)
    host = urlsplit(deployment.issuer).netloc

    def fire(aimed: tuple[Shot, int]) -> Reply:
        shot, port = aimed
        raw = shot.over_the_wire(host)
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(raw[:-1])
            barrier.wait()
            connection.sendall(raw[-1:])
            with HTTPResponse(connection, method=shot.method) as answer:
                answer.begin()
                return Reply(
                    url=deployment.issuer + shot.path,
                    status=answer.status,
                    headers=tuple(answer.getheaders()),
                    body=answer.read(),
                )

    with ThreadPoolExecutor(len(shots)) as threads:
        return list(threads.map(fire, zip(shots, cycle(deployment.ports), strict=False)))


def winners(replies: Sequence[Reply], *, losing: tuple[int, str]) -> list[Reply]:
    """Those that succeeded; every other one lost in the specified way."""
    won = [reply for reply in replies if reply.status == 200]
    lost = [(reply.status, reply.json()["error"]) for reply in replies if reply.status != 200]
    assert lost == [losing] * len(lost), lost
    return won
