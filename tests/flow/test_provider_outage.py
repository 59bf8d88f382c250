"""Providers that are away, slow or broken: a sentence, other ways in, and nobody else waits."""

import threading
from collections.abc import Iterator, Mapping

import pytest

from authserver import metrics
from authserver.upstream import exchange
from tests.flow.login import count, fill
from tests.flow.providers import add_provider, back, leave, press, through
from tests.flow.world import World
from tests.peers.openid import OpenId, dead_port
from tests.peers.process import wait_until


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def away(world: World) -> None:
    """A provider whose server is down."""
    config = {"issuer": f"http://localhost:{dead_port()}", "client_id": "us", "client_secret": "x"}
    add_provider(world, None, "away", config=config)


def test_one_that_is_away_is_told_with_other_ways_in(world: World) -> None:
    """OI-6, UP-12: the app's request is kept, the audit knows, and after five failures nobody waits for it."""
    away(world)
    ada = world.add_user()
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    for _ in range(exchange.FAILURES):
        visit = press(browser, "Away")
        assert visit.status == 200
        assert "cannot be reached right now" in visit.page.words
    assert {event.data["provider"] for event in world.events("provider_down")} == {"away"}
    visit = browser.open(visit.url)
    (button,) = (b for form in visit.page.forms for b in form.buttons if "Away" in b.words)
    assert "cannot be reached right now" in button.words, "its button says so beforehand"
    visit = fill(browser, ada.email, ada.password)
    assert web.redeem(request, web.returned(request, visit.left_for or "")["code"]).claims["amr"] == ["pwd"]


BROKEN: list[tuple[str, dict[str, tuple[int, bytes]], str, str]] = [
    ("token-503", {"/token": (503, b"{}")}, "cannot be reached", "provider_down"),
    ("token-500-html", {"/token": (500, b"<html>")}, "cannot be reached", "provider_down"),
    ("userinfo-502", {"/userinfo": (502, b"")}, "cannot be reached", "provider_down"),
    ("userinfo-403", {"/userinfo": (403, b"{}")}, "cannot be trusted", "provider_refused"),
    ("userinfo-of-another", {"/userinfo": (200, b'{"sub": "s2"}')}, "cannot be trusted", "provider_refused"),
    ("userinfo-of-nobody", {"/userinfo": (200, b"{}")}, "cannot be trusted", "provider_refused"),
    ("userinfo-is-a-list", {"/userinfo": (200, b"[]")}, "cannot be trusted", "provider_refused"),
    ("token-endless", {"/token": (200, b" " * 300_000)}, "cannot be", "provider_down"),
    ("deep-json", {"/token": (200, b"[" * 20_000)}, "cannot be trusted", "provider_refused"),
]


@pytest.mark.parametrize(
    ("broken", "words", "event"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_what_breaks_on_the_way_back_is_no_fault_of_ours(
    world: World, there: OpenId, broken: dict[str, tuple[int, bytes]], words: str, event: str
) -> None:
    """OI-1, OI-6: a page with other ways in, never a 500, and nobody is let in."""
    add_provider(world, there, config={"userinfo": True})
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    there.broken = broken
    visit = back(browser, there, asked)
    assert visit.status == 200
    assert words in visit.page.words
    assert "Password" in visit.page.words
    assert len(world.events(event)) == 1
    assert count(world, "sso_sessions") == 0


def test_a_silent_one_holds_two_places_and_nobody_elses(world: World, there: OpenId) -> None:
    """UP-12, OI-6: while two wait for it the third is told at once, and other sign-ins do not wait at all."""
    quick = OpenId.on_loopback(world.clock.now)
    add_provider(world, there, "slow")
    add_provider(world, quick, "quick")
    there.silent = True
    waiting = [world.browser() for _ in range(exchange.AT_ONCE)]
    for browser in waiting:
        browser.open("/login")
    threads = [threading.Thread(target=press, args=(browser, "Slow")) for browser in waiting]
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: sum(there.asked.values()) == exchange.AT_ONCE, "both wait")
        third = world.browser()
        third.open("/login")
        assert "Many people are signing in by" in press(third, "Slow").page.words
        other = world.browser()
        other.open("/login")
        assert "New here" in through(other, quick, "Quick").page.heading
        ada, enter = world.add_user(), world.browser()
        enter.open("/login")
        assert fill(enter, ada.email, ada.password).url.endswith("/account")
        assert all(thread.is_alive() for thread in threads), "they wait still"
    finally:
        there.released.set()
        for thread in threads:
            thread.join(10)
        quick.close()
    assert len(world.events("provider_down")) == exchange.AT_ONCE + 1


class Counting:
    """An exporter that keeps what it was told of providers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def count(self, name: str, labels: Mapping[str, str]) -> None:
        if name == "upstream_exchanges":
            self.told.append((labels["provider"], labels["result"]))

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Requests are another test's matter."""


def test_each_exchange_is_counted_by_provider_and_result(
    world: World, there: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UP-12: what an operator watches."""
    counted = Counting()
    monkeypatch.setattr(metrics, "_exporter", counted)
    away(world)
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    press(browser, "Away")
    browser.open("/login")
    back(browser, there, leave(browser), code=None, error="access_denied")
    assert counted.told == [("away", "down"), ("there", "ok"), ("there", "declined")]
