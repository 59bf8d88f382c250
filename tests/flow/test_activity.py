"""What happened in an account and where one is signed in, told to its owner; and what to do when it was not them."""

import pytest

from authserver.audit import SYSTEM
from authserver.users import edit
from tests.flow.login import enter, fill, fill_password
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, sign_in

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def test_it_is_told_in_sentences_the_newest_first(world: World, ada: Resident) -> None:
    """AU-1: sign-ins, refusals, apps and changes, each with its device; the last sign-in on top."""
    world.ip = "198.51.100.7"
    enter(world, ada, world.browser(user_agent=PHONE))
    world.clock.advance(minutes=1)
    world.ip = "192.0.2.1"
    stranger = world.browser()
    stranger.open("/login")
    fill(stranger, ada.email, "not this one at all")
    browser = world.browser()
    sign_in(browser, world.add_client("web"), ada)
    words = browser.open("/account/activity").page.words
    assert "Your last sign-in before this one" in words
    assert "Safari on iPhone" in words
    assert "198.51.100.x" in words
    told = ["Allowed Web access", "Signed in with a password", "A sign-in failed", "The account was made"]
    places = [words.index(sentence) for sentence in told]
    assert places == sorted(places)


def test_it_is_only_ones_own(world: World, ada: Resident) -> None:
    """AD-3."""
    enter(world, world.add_user("bob@example.org"))
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"name": "Ada King"}, by=SYSTEM)
    words = enter(world, ada).open("/account/activity").page.words
    assert words.count("Signed in with a password") == 1
    assert "An administrator changed the account" in words


def test_older_events_are_on_the_next_page(world: World, ada: Resident) -> None:
    browser = enter(world, ada)
    for _ in range(35):
        with world.writing() as db:
            edit.edit(db, world.issuer, ada.id, {"locale": "de"}, by=SYSTEM)
    page = browser.open("/account/activity").page
    assert page.words.count("An administrator changed the account") == 30
    older = next(link for link in page.links if "before=" in link.to)
    assert browser.open(older.to).page.words.count("An administrator changed the account") == 5


def test_who_did_not_do_it_ends_everything_and_chooses_a_new_password(world: World, ada: Resident) -> None:
    """AU-1, SS-7: asked for a fresh sign-in first; every other device and its apps end."""
    web = world.add_client("web", first_party=True, scope="openid offline_access")
    thief, browser = world.browser(), enter(world, ada)
    stolen = sign_in(thief, web, ada)
    world.clock.advance(minutes=6)
    browser.open("/account/not-me")
    visit = browser.submit(browser.at.page.form("Sign out everywhere else and go on"))  # type: ignore[union-attr]
    assert visit.page.heading == "Confirm that it is you"
    fill_password(browser, "", ada.password)
    visit = browser.submit(browser.at.page.form("Sign out everywhere else and go on"))  # type: ignore[union-attr]
    assert visit.url.startswith(f"{world.url}/account/password")
    assert "Signed out everywhere else" in visit.page.words
    assert thief.open("/account").page.heading == "Sign in"
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(stolen)


class TestOneDevice:
    def test_it_is_ended_after_it_was_confirmed(self, world: World, ada: Resident) -> None:
        """SS-8: by a page that says which; with its apps, and no others."""
        web = world.add_client("web", first_party=True, scope="openid offline_access")
        phone, laptop, mine = world.browser(user_agent=PHONE), world.browser(), enter(world, ada)
        lost, kept = sign_in(phone, web, ada), sign_in(laptop, web, ada)
        page = mine.open("/account/devices").page
        assert "Safari on iPhone" in page.words
        link = next(link for link in page.links if f"session={lost.claims['sid']}" in link.to)
        visit = mine.open(link.to)
        assert visit.page.heading == "Sign out Safari on iPhone?"
        visit = mine.submit(visit.page.form("Sign it out"))
        assert "Signed out there" in visit.page.words
        assert "Safari on iPhone" not in visit.page.words
        told = phone.open("/account").page
        assert told.heading == "Sign in"
        assert "ended the sign-in here" in told.words
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(lost)
        assert web.refresh(kept).access_token

    def test_it_asks_for_a_fresh_sign_in(self, world: World, ada: Resident) -> None:
        """SS-8."""
        enter(world, ada)
        mine = enter(world, ada)
        world.clock.advance(minutes=6)
        for path in ("/account/devices/end", "/account/apps/withdraw?app=web"):
            assert mine.open(path).page.heading == "Confirm that it is you"

    def test_only_ones_own_can_be_ended(self, world: World, ada: Resident) -> None:
        """AD-3: a foreign session, an old one and this one are not there."""
        enter(world, world.add_user("bob@example.org"))
        mine = enter(world, ada)
        form = mine.open("/account/devices/end").page.form("Sign out everywhere else")
        for (session,) in world.rows("SELECT id FROM sso_sessions"):
            assert mine.open(f"/account/devices/end?session={session}").status == 404
            sent = {**dict(form.fields()), "session": session}
            assert mine.post_from("/account/devices/end", sent, world.url).status == 404
        assert not world.events("session_ended")
