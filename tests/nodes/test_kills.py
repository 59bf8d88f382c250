"""OPS-4: nothing that matters lives in a process. Workers and nodes die in the middle of each flow."""

import os
import signal
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Tokens
from tests.peers.process import wait_until
from tests.seeds import ADA, browser, party
from tests.serve import Deployment, Node

Step = Callable[[], object]


class Killer:
    """Before each step another worker, or another whole node, is killed with -9."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._turns = cycle(deployment.nodes)

    def worker(self) -> None:
        """One worker of two; the other one answers at once, and soon there are two again."""
        node = next(self._turns)
        # The older one: a worker that dies just after its start is no longer replaced.
        node.kill_worker(min(node.workers(), key=started))
        wait_until(lambda: len(node.workers()) == 2, "the worker is replaced")

    def node(self) -> Iterator[Node]:
        """One node of two, for one step."""
        while True:
            node = next(self._turns)
            node.kill()
            yield node
            node.start()


def started(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().rpartition(")")[2].split()[19])


def walk(visitor: Browser, rp: RelyingParty) -> Iterator[str]:
    """A person signs in, allows, and the app works with its tokens: a stop after each step."""
    asked = rp.begin(prompt="consent")
    visit = visitor.open(asked.url, initiator=rp.redirect_uri)
    yield "the sign-in page is shown"
    visit = visitor.submit(visit.page.form("Sign in"), {"username": ADA.email, "password": ADA.password})
    yield "the password was right"
    visit = visitor.submit(visit.page.form("Allow"))
    assert visit.left_for is not None, visit.page.words
    yield "the app has a code"
    tokens = rp.redeem(asked, rp.returned(asked, visit.left_for)["code"])
    yield "the app has tokens"
    assert rp.userinfo(tokens.access_token)["email"] == ADA.email
    with pytest.raises(OAuthError, match="invalid_grant"):
        rp.redeem(asked, rp.returned(asked, visit.left_for)["code"])
    refreshed: Tokens = rp.refresh(tokens)
    yield "the app has refreshed"
    assert rp.introspect(refreshed.access_token)["active"] is True
    rp.revoke(refreshed.access_token)
    yield "a token is revoked"
    assert rp.introspect(refreshed.access_token) == {"active": False}
    visitor.submit(visitor.open("/logout").page.form("Sign out"))
    yield "the person has signed out"
    with pytest.raises(OAuthError, match="invalid_grant"):
        rp.refresh(refreshed)


def test_a_worker_is_killed_between_all_steps(playground: Deployment) -> None:
    """OPS-4: the flow goes on in another worker, and nothing spent is fresh again."""
    killer = Killer(playground)
    for _ in walk(browser(playground), party(playground, "web", scope="openid email")):
        killer.worker()


def test_a_killed_worker_takes_no_connection_with_it(playground: Deployment) -> None:
    """OPS-4: who connects while a worker dies is answered by one that lives: all take from one queue."""
    node = playground.nodes[0]
    for _ in range(5):
        os.kill(min(node.workers(), key=started), signal.SIGKILL)
        for _ in range(5):
            assert node.get("/healthz")[0] == 200
        wait_until(lambda: len(node.workers()) == 2, "the worker is replaced")


def test_a_node_is_away_during_each_step(
    run_as: Callable[[str, str], Deployment],
) -> None:
    """OPS-4: one of two nodes is killed before each step, and started after it."""
    playground = run_as("playground", "postgresql-2-nodes")
    away = Killer(playground).node()
    for _ in walk(browser(playground), party(playground, "web", scope="openid email")):
        next(away)
    for node in playground.nodes:
        if node.process is None:
            node.start()


def test_all_is_restarted_between_the_steps(playground: Deployment) -> None:
    """OPS-4, OPS-2: a rolling restart ends nobody's sign-in."""
    for number, _ in enumerate(walk(browser(playground), party(playground, "web", scope="openid email"))):
        if number == 1:
            playground.restart()
