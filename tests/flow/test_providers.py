"""Signing in by a provider: the way there and back, who is let in, and what is said of it afterwards."""

from collections.abc import Iterator

import pytest

from tests.flow.login import count, rows
from tests.flow.providers import add_provider, press, through
from tests.flow.world import World
from tests.peers.openid import OpenId


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def test_somebody_new_gets_an_account_and_signs_in_by_it_from_then_on(world: World, there: OpenId) -> None:
    """UP-1, UP-8, UP-9: the second time nobody is asked anything, whatever name and address are said then."""
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    visit = through(browser, there)
    assert "New here" in visit.page.heading, visit.page.words
    assert "Ada Lovelace" in visit.page.words
    visit = press(browser, "Make my account")
    assert visit.url.endswith("/account"), visit.page.words
    assert count(world, "upstream_links") == 1
    there.person |= {"name": "Ada Byron", "email": "ada@elsewhere.example"}
    again = world.browser()
    again.open("/login")
    visit = through(again, there)
    assert visit.url.endswith("/account"), visit.page.words
    assert count(world, "users") == 1
    assert rows(world, "SELECT name FROM users") == [("Ada Byron",)]
