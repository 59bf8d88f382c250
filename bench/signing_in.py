"""Password sign-in beside the hash alone, on the same core in turns."""

import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from argon2 import PasswordHasher

from bench import processes
from bench.endpoints import FULL_SCOPE, OK, REDIRECTS
from bench.rounds import Pace
from bench.sides import API, APP, PEOPLE, Side
from bench.wire import Flow, Load, Operation, Reply, drive, get, post, send
from tests.oidc import Person

# Few enough that nobody waits for the hash as long as the server lets people wait.
AT_ONCE = 6
HIDDEN = re.compile(rb'<input[^>]*name="(csrf_token|tx)"[^>]*value="([^"]*)"')
SET = re.compile(rb"\r\nset-cookie: ([^=]+)=([^;\r]*)", re.IGNORECASE)
STEP = "/login/totp"
TO = re.compile(rb"\r\nlocation: ([^\r]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIns:
    """Sign-ins a second, from the app's request to its code, beside what the core hashes."""

    loads: list[Load]
    hashes: list[float]

    @property
    def rate(self) -> float:
        return median(load.rate for load in self.loads)

    @property
    def hash_rate(self) -> float:
        return median(self.hashes)

    @property
    def ratio(self) -> float:
        return median(load.rate / alone for load, alone in zip(self.loads, self.hashes, strict=True))


def by_password(side: Side) -> list[Flow]:
    return [sign_in(side, person) for person in PEOPLE[:AT_ONCE]]


def by_app(side: Side) -> list[Flow]:
    return [_in_json(side, person) for person in PEOPLE[:AT_ONCE]]


def measure(side: Side, flows: Sequence[Flow], pace: Pace) -> SignIns:
    """Alternate: people who sign in, then nothing but hashes."""
    loads, hashes = [], []
    with processes.on(processes.CLIENT):
        drive(side.port, flows, pace.warm_up)
        for _ in range(pace.rounds):
            loads.append(drive(side.port, flows, pace.seconds))
            hashes.append(_hashes_alone(pace.seconds))
    return SignIns(loads=loads, hashes=hashes)


def sign_in(side: Side, person: Person, code: Callable[[], str] | None = None) -> Flow:
    """A new browser each time: authorize, the page, the password, maybe a second step, back with the code."""
    target = side.authorize(FULL_SCOPE, API)
    asked = () if code is None else (OK,)

    def one() -> Operation:
        cookies: dict[bytes, bytes] = {}
        page = yield get(side.host, target)
        while page.status in REDIRECTS:
            page = yield get(side.host, _follow(page, cookies), _sent(cookies))
        form = _form(page, cookies) | {"username": person.email, "password": person.password}
        back = yield post(side.host, "/login", form, _sent(cookies))
        while b"code=" not in back.expect(*REDIRECTS, *asked).head:
            if back.status in REDIRECTS:
                back = yield get(side.host, _follow(back, cookies), _sent(cookies))
            elif code is not None:
                form = _form(back, cookies) | {"code": code()}
                back = yield post(side.host, STEP, form, _sent(cookies))

    return one


def _in_json(side: Side, person: Person) -> Flow:
    """A first-party app asks by itself, and is given tokens: one request."""
    members = {"client_id": APP, "username": person.email, "password": person.password}
    request = send(
        side.host, "/api/login", json.dumps(members).encode(), {"Content-Type": "application/json"}
    )

    def one() -> Operation:
        (yield request).expect(OK)

    return one


def _form(page: Reply, cookies: dict[bytes, bytes]) -> dict[str, str]:
    """What the form of a page sends by itself."""
    cookies.update(SET.findall(page.head))
    hidden = HIDDEN.findall(page.expect(OK).body)
    return {name.decode(): html.unescape(value.decode()) for name, value in hidden}


def _follow(reply: Reply, cookies: dict[bytes, bytes]) -> str:
    cookies.update(SET.findall(reply.head))
    found = TO.search(reply.head)
    if found is None:
        raise AssertionError(reply.head.decode())
    parts = urlsplit(found[1].decode())
    return f"{parts.path}?{parts.query}"


def _sent(cookies: dict[bytes, bytes]) -> dict[str, str]:
    return {"Cookie": b"; ".join(b"%b=%b" % pair for pair in cookies.items()).decode()} if cookies else {}


def _hashes_alone(seconds: float) -> float:
    """Hashes a second of a process that does nothing else, on the server's core."""
    with processes.on(processes.SERVER):
        said = subprocess.run(
            [sys.executable, "-m", "bench.signing_in", str(seconds)],
            capture_output=True,
            text=True,
            check=True,
        )
    return float(said.stdout)


def _hash_for(seconds: float) -> float:
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    stored = hasher.hash("Analytical engines weave")
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        hasher.verify(stored, "Analytical engines weave")
        done += 1
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    print(_hash_for(float(sys.argv[1])))
