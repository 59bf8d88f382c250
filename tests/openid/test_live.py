"""Providers are switched off, on and to new settings while others sign in: within a second, on every node."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from authserver.audit import SYSTEM
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.upstream import configure, find
from tests.agent import query_of
from tests.live import soon_everywhere
from tests.oidc import OAuthError
from tests.openid.house import SCOPES, House
from tests.wire import Reply, send

SIGN_INS = 2  # at any time


def changed(house: House, act: Callable[[Session, Issuer], object]) -> float:
    """Change something as a node does that takes no requests; the moment at which it was committed."""
    with house.deployment.opened() as issuer:
        with issuer.database.writing() as db:
            act(db, issuer)
        return time.monotonic()


def switched(house: House, status: Any) -> float:
    return changed(house, lambda db, issuer: configure.switch(db, issuer, "there", status, by=SYSTEM))


def edited(house: House, **changes: Any) -> float:
    with house.deployment.opened() as issuer:
        with issuer.database.reading() as db:
            before = find.load(db, issuer, "there")
        draft = configure.redrafted(issuer, before, changes)
        with issuer.database.writing() as db:
            configure.edit(db, issuer, draft, by=SYSTEM)
        return time.monotonic()


def soon(house: House, since: float, *, shows: str = "", hides: str = "") -> None:
    """Every worker of every node shows this on its sign-in page, or does not any more."""
    host = urlsplit(house.deployment.issuer).netloc

    def ask(address: str) -> Reply:
        return send("GET", f"{address}/login", {"Host": host, "Accept": "text/html"})

    def told(reply: Reply) -> bool:
        text = reply.text
        return shows in text and not (hides and hides in text)

    soon_everywhere(house.deployment, ask, told, since=since)


@dataclass(slots=True)
class Load:
    """People who sign in by the other provider meanwhile."""

    house: House
    done: int = 0
    failed: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, who: str) -> None:
        while not self.stopped.is_set():
            try:
                claims = self.house.sign_in(self.house.browser(), self.house.steady, who).claims
                assert claims["amr"] == ["upstream"]
                self.done += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody could not sign in
                self.failed.append(repr(error)[:500])


@contextmanager
def load(house: House) -> Iterator[Load]:
    made = Load(house)
    threads = [threading.Thread(target=made.run, args=(f"somebody-{30 + n}",)) for n in range(SIGN_INS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stopped.set()
        for thread in threads:
            thread.join(30)


def test_switching_a_provider_disturbs_nobody_elses_sign_in(house: House) -> None:
    """UP-6, AD-5: off, on and to other settings, each on every worker within a second; and nothing was restarted."""
    workers = [node.workers() for node in house.deployment.nodes]
    with load(house) as others:
        soon(house, switched(house, "disabled"), shows=">Steady<", hides=">There<")
        soon(house, switched(house, "active"), shows=">There<")
        since = edited(house, title="Renamed", config={"scopes": ["openid", "email"]})
        soon(house, since, shows=">Renamed<", hides=">There<")
        for _ in range(2 * len(house.deployment.nodes)):
            _, url = house.leave(house.browser(), replace(house.there, title="Renamed"))
            assert query_of(url)["scope"] == "openid email", "never half: title and scopes are of one change"
        soon(house, edited(house, title="There", config={"scopes": SCOPES}), shows=">There<")
    assert others.failed == []
    assert others.done >= SIGN_INS
    assert [node.workers() for node in house.deployment.nodes] == workers


def test_a_disabled_provider_takes_nobody_in_and_its_sessions_end_in_one_action(house: House) -> None:
    """UP-6, SS-3, CVE-15: who is on the way is turned back by either node; who is in is out, with offline tokens."""
    inside, party = house.browser(), house.party(scope="openid offline_access")
    request = party.begin()
    inside.open(request.url, initiator=party.redirect_uri)
    house.come_back(inside, house.there, house.prove(house.again(inside, house.there), "somebody-20"))
    tokens = house.finish(inside, request)
    other = house.browser()
    house.sign_in(other, house.steady, "somebody-21")
    on_the_way = []
    for _ in house.deployment.nodes:
        browser = house.browser()
        _, url = house.leave(browser, house.there)
        on_the_way.append((browser, house.prove(url, "somebody-22")))
    said = house.deployment.cli("providers", "disable", "there", "--end-sessions")
    since = time.monotonic()
    try:
        assert "sessions ended" in said
        soon(house, since, shows=">Steady<", hides=">There<")
        for node, (browser, back) in enumerate(on_the_way):
            with house.at_node(node):
                assert "trouble=off" in house.come_back(browser, house.there, back).url
                assert inside.open("/account").page.heading == "Sign in"
                assert other.open("/account").page.heading == "Profile"
                with pytest.raises(OAuthError, match="invalid_grant"):
                    party.refresh(tokens)
                assert party.introspect(tokens.access_token) == {"active": False}
    finally:
        soon(house, switched(house, "active"), shows=">There<")
