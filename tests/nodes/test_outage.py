"""The database away for some seconds, Redis away, and a server that ends: nothing is lost, nothing is doubled."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from authserver.limits.in_redis import LEFT_ALONE
from authserver.limits.limiter import WINDOW
from tests import live, outlived
from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in
from tests.peers.postgresql import PostgreSQL
from tests.peers.process import wait_until
from tests.peers.redis import Redis
from tests.races.volley import of_browser, of_client, opening, volley
from tests.seeds import ADA, BOB, browser, party
from tests.serve import Deployment
from tests.wire import Reply, send

APPS = 6
RunAs = Callable[[str, str], Deployment]


@pytest.fixture
def two_nodes(run_as: RunAs) -> Iterator[Deployment]:
    """Of these tests alone: they ask how many families ended, and whether the clocks agree."""
    running = run_as("outage", "postgresql-2-nodes")
    yield running
    outlived.check(running.rows)


@pytest.fixture
def one_file(run_as: RunAs) -> Deployment:
    return run_as("playground", "sqlite-2-workers")


def come_again(reply: Reply) -> bool:
    """Whether this is the specified answer while something is away."""
    if reply.status != 503:
        return False
    assert int(reply.header("Retry-After") or 0) >= 1
    assert "no-store" in (reply.header("Cache-Control") or "")
    assert "Traceback" not in reply.text
    return True


@dataclass(slots=True, kw_only=True)
class App:
    """An app that keeps refreshing, remembers every answer, and comes again when it was told to."""

    rp: RelyingParty
    tokens: Tokens
    answers: list[int] = field(default_factory=list)
    ends: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ends.is_set():
            assert self.tokens.refresh_token
            form = {"grant_type": "refresh_token", "refresh_token": self.tokens.refresh_token}
            reply = self.rp.token(form)
            self.answers.append(reply.status)
            if not come_again(reply):
                # A 400 would be a grant that was lost, and raises.
                self.tokens = self.rp.tokens(reply)


@dataclass(slots=True, kw_only=True)
class SingleSignOn(App):
    """An app that gets a new code by single sign-on again and again, and redeems each once.

    `lost` are the keys of codes that were spent by the request that the outage took the answer of.
    """

    visitor: Browser
    lost: list[str] = field(default_factory=list)

    def run(self) -> None:
        while not self.ends.is_set():
            asked = self.rp.begin(prompt="none")
            visit = self.visitor.open(asked.url, initiator=self.rp.redirect_uri)
            while come_again(visit.reply):
                visit = self.visitor.open(asked.url, initiator=self.rp.redirect_uri)
            assert visit.left_for is not None
            code = self.rp.returned(asked, visit.left_for)["code"]
            form = {"grant_type": "authorization_code", "code": code, "code_verifier": asked.verifier}
            asks = 1
            while come_again(reply := self.rp.token(form | {"redirect_uri": self.rp.redirect_uri})):
                self.answers.append(reply.status)
                asks += 1
            if reply.status == 400 and asks > 1:
                self.lost.append(code.partition(".")[0])
                continue
            self.answers.append(reply.status)
            # A 400 would be a code that was spent for nobody, and raises.
            self.tokens = self.rp.tokens(reply, nonce=asked.nonce)


@contextmanager
def apps_at_work(deployment: Deployment) -> Iterator[list[App]]:
    """Meanwhile these apps work, each with a family of its own."""
    apps: list[App] = []
    for number in range(APPS):
        visitor, rp = browser(deployment), party(deployment, "portal", scope="openid")
        tokens = sign_in(visitor, rp, ADA)
        apps.append(
            App(rp=rp, tokens=tokens) if number % 3 else SingleSignOn(rp=rp, tokens=tokens, visitor=visitor)
        )
    with ThreadPoolExecutor(APPS) as threads:
        running = [threads.submit(app.run) for app in apps]
        try:
            yield apps
        finally:
            for app in apps:
                app.ends.set()
            # Also where the test gave up: what an app met says why it was not at work.
            for each in running:
                each.result()


def back(deployment: Deployment) -> None:
    wait_until(lambda: all(node.is_ready() for node in deployment.nodes), "all nodes are ready again")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_no_grant_is_lost_or_doubled_while_postgresql_is_away(
    two_nodes: Deployment, postgresql: PostgreSQL, mode: str
) -> None:
    """OPS-5, OPS-6, RT-3: stopped in order or crashed, apps are told to come again, and then go on where they were."""
    with apps_at_work(two_nodes) as apps:
        wait_until(lambda: all(len(app.answers) > 5 for app in apps), "apps are at work")
        with postgresql.away(mode):
            refreshing = [app for app in apps if type(app) is App]
            wait_until(lambda: all(app.answers[-3:] == [503] * 3 for app in refreshing), "apps were told")
        back(two_nodes)
        known = [len(app.answers) for app in apps]
        wait_until(
            lambda: all(len(app.answers) > many + 5 for app, many in zip(apps, known, strict=True)),
            "apps are at work again, without a restart",
        )
    for app in apps:
        assert set(app.answers) <= {200, 503}
        assert app.answers[-1] == 200
        assert app.rp.userinfo(app.tokens.access_token)["sub"] == app.tokens.claims["sub"]
    # The server may die between a commit and its answer: the code is spent then, and the app has one answer less.
    lost = [app.lost for app in apps if isinstance(app, SingleSignOn)]
    spent = two_nodes.rows("SELECT key FROM tickets WHERE kind = 'code' AND consumed_at IS NOT NULL")
    assert all(len(keys) <= 1 for keys in lost)
    assert {key for keys in lost for key in keys} <= {key for (key,) in spent}
    reused = two_nodes.rows("SELECT count(*) FROM grants WHERE revoke_reason = 'refresh_reused'")
    assert reused == two_nodes.rows("SELECT count(*) FROM audit_events WHERE event = 'refresh_reused'")


def requests_of_every_kind(deployment: Deployment) -> Iterator[tuple[str, Callable[[], Reply]]]:
    """What people and programs ask for, each with what it needs to get as far as the database."""
    rp, visitor = party(deployment, "portal", scope="openid"), browser(deployment)
    tokens = sign_in(visitor, rp, BOB)
    assert tokens.refresh_token
    asked = rp.begin(prompt="none")
    left_for = visitor.open(asked.url, initiator=rp.redirect_uri).left_for
    assert left_for is not None
    redeeming = {
        "grant_type": "authorization_code",
        "code": rp.returned(asked, left_for)["code"],
        "redirect_uri": rp.redirect_uri,
        "code_verifier": asked.verifier,
    }
    newcomer = browser(deployment)
    signing_in = newcomer.open("/login").page.form("Sign in")
    signing_out = visitor.open("/logout").page.form("Sign out")
    shots = {
        "redeem": of_client(rp, "/oauth/token", redeeming),
        "refresh": of_client(
            rp, "/oauth/token", {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        ),
        "introspect": of_client(rp, "/oauth/introspect", {"token": tokens.access_token}),
        "revoke": of_client(rp, "/oauth/revoke", {"token": tokens.refresh_token}),
        "revoke an access token": of_client(rp, "/oauth/revoke", {"token": tokens.access_token}),
        "authorize": opening(visitor, rp.begin().url, rp.redirect_uri),
        "sign in": of_browser(newcomer, signing_in, {"username": BOB.email, "password": BOB.password}),
        "sign out": of_browser(visitor, signing_out),
        "account": opening(visitor, f"{deployment.issuer}/account", deployment.issuer),
    }
    for name, shot in shots.items():
        yield name, lambda shot=shot: volley(deployment, [shot])[0]  # type: ignore[misc]
    bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    yield "userinfo", lambda: send("GET", f"{deployment.issuer}/oauth/userinfo", bearer)
    yield "ready", lambda: send("GET", f"{deployment.issuer}/readyz")


WRITES = {"redeem", "refresh", "revoke", "revoke an access token", "sign in", "sign out"}


def test_everything_says_come_again_while_postgresql_is_away_and_then_works(
    two_nodes: Deployment, postgresql: PostgreSQL
) -> None:
    """OPS-5, OPS-6, OPS-2, CVE-22: 503 with Retry-After, never a success; afterwards each request does what it asks."""
    asked = dict(requests_of_every_kind(two_nodes))
    with postgresql.away():
        answers = {name: ask() for name, ask in asked.items()}
        assert [name for name, reply in answers.items() if not is_unavailable(name, reply)] == []
        assert [node.get("/healthz")[0] for node in two_nodes.nodes] == [200, 200]
    back(two_nodes)
    assert {name: ask().status for name, ask in asked.items()} == {
        "redeem": 200,
        "refresh": 200,
        "introspect": 200,
        # It revokes the family, so that whoever comes after it is refused.
        "revoke": 200,
        "revoke an access token": 200,
        "authorize": 303,
        "sign in": 303,
        "sign out": 303,
        "account": 303,
        "userinfo": 401,
        "ready": 200,
    }


def is_unavailable(name: str, reply: Reply) -> bool:
    if name == "ready":
        return reply.status == 503 and reply.json() == {"status": "unavailable"}
    return come_again(reply)


@contextmanager
def locked(deployment: Deployment) -> Iterator[None]:
    """Another process writes to the file, and takes its time."""
    with sqlite3.connect(deployment.data / "authserver.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
    other.close()


def test_what_writes_says_come_again_while_the_file_is_locked(one_file: Deployment) -> None:
    """OPS-6: after the time that SQLite waits it is 503; what only reads goes on; afterwards all works."""
    asked = dict(requests_of_every_kind(one_file))
    with locked(one_file), ThreadPoolExecutor(len(WRITES)) as threads:
        began = time.monotonic()
        writing = {name: threads.submit(asked[name]) for name in WRITES}
        assert {asked[name]().status for name in ("introspect", "userinfo", "account", "ready")} == {200}
        assert [name for name, reply in writing.items() if not come_again(reply.result())] == []
        assert time.monotonic() - began < 12
    assert asked["redeem"]().status == 200
    assert asked["refresh"]().status == 200
    assert asked["sign in"]().status == 303
    assert asked["revoke an access token"]().status == 200
    assert asked["userinfo"]().status == 401


def test_while_redis_is_away_only_throttles_differ(two_nodes: Deployment, redis_server: Redis) -> None:
    """OPS-5, OPS-2: single use, budgets and revocation hold, the database counts, and every node stays in service."""
    rp, visitor = party(two_nodes, "portal", scope="openid"), browser(two_nodes)
    with redis_server.away():
        tokens = sign_in(visitor, rp, BOB)
        assert rp.refresh(tokens)
        rp.revoke(tokens.access_token)
        with pytest.raises(OAuthError, match="invalid_token"):
            rp.userinfo(tokens.access_token)
        stranger = browser(two_nodes)
        form = stranger.open("/login").page.form("Sign in")
        wrong = of_browser(
            stranger, form, {"username": "away@example.org", "password": "not this one at all"}
        )
        assert sorted(reply.status for reply in volley(two_nodes, [wrong] * 16)) == [200] * 10 + [429] * 6
        for node in two_nodes.nodes:
            status, body = node.get("/readyz")
            assert (status, body) == (200, b'{"status":"degraded"}')
    let_alone = time.monotonic() + LEFT_ALONE
    wait_until(
        lambda: all(node.get("/readyz")[1] == b'{"status":"ready"}' for node in two_nodes.nodes),
        "Redis is seen again",
    )
    # Until then some workers count beside the others, which the next test would take for theirs.
    wait_until(lambda: time.monotonic() > let_alone, "every worker asks Redis again")


def test_an_address_that_fails_too_often_waits_at_every_node(two_nodes: Deployment) -> None:
    """RL-1: the nodes count together: five fail, the sixth try waits wherever it is made."""
    # What failed before in this run is more than five minutes ago, and all that fails now is in one window.
    two_nodes.clock.advance(3 * WINDOW - two_nodes.clock.now() % WINDOW)
    with live.settings(two_nodes, party(two_nodes, "robot"), address_failures=5):
        visitor = browser(two_nodes)
        form = visitor.open("/login").page.form("Sign in")
        wrong = [
            {"username": f"stranger-{number}@example.org", "password": "not this one at all"}
            for number in range(5)
        ]
        assert [visitor.submit(form, filled).status for filled in wrong] == [200] * 5
        right = of_browser(visitor, form, {"username": BOB.email, "password": BOB.password})
        assert [reply.status for reply in volley(two_nodes, [right] * 4)] == [429] * 4


def test_a_server_that_ends_finishes_what_it_began(deploy: Callable[..., Deployment]) -> None:
    """OPS-2: readiness drops first, requests under way are answered, and it ends with 0."""
    running = deploy("sqlite", settings={"AUTHSERVER_DRAIN_SECONDS": "1"})
    node, robot = running.nodes[0], party(running, "robot")
    shot = of_client(robot, "/oauth/token", {"grant_type": "client_credentials"})
    raw = shot.over_the_wire(urlsplit(running.issuer).netloc)
    with socket.create_connection(("127.0.0.1", node.port)) as under_way:
        under_way.sendall(raw[:-1])
        assert node.process is not None
        node.process.terminate()
        wait_until(lambda: node.get("/readyz") == (503, b'{"status":"ending"}'), "readiness drops")
        assert live.token_for(robot)(f"http://127.0.0.1:{node.port}").status == 200
        wait_until(lambda: not node.is_listening(), "it takes no more connections")
        under_way.sendall(raw[-1:])
        answer = under_way.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert b'"access_token"' in answer
    assert node.process.wait(30) == 0
    node.process = None
