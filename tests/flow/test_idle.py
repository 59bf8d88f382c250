"""Nobody was there for a while: the browser's sign-in ends, the apps run on, and whoever comes back takes it up."""

import pytest

from authserver.opaque import digest
from tests.agent import Browser
from tests.flow.login import enter, fill
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in
from tests.wire import FORM, Reply


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client("web", first_party=True)


def ask(world: World, browser: Browser, path: str = "", method: str = "GET", token: str = "") -> Reply:
    """What a page asks of its own session by its script."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.jar.cookies.values())
    headers = {"Cookie": cookies, "X-CSRF-Token": token, "Content-Type": FORM}
    return world.send(method, f"{world.url}/api/session{path}", headers, b"" if method == "POST" else None)


def token_on(browser: Browser, path: str = "/account") -> str:
    return browser.open(path).reply.text.partition('data-token="')[2].partition('"')[0]


def came_back(browser: Browser, web: RelyingParty, person: Resident, **wanted: str) -> Tokens:
    """An app sends somebody here who must sign in again."""
    asked = web.begin(**wanted)
    assert browser.open(asked.url, web.redirect_uri).page.heading == "Sign in to Web"
    there = fill(browser, person.email, person.password)
    return web.redeem(asked, web.returned(asked, there.left_for or "")["code"])


def test_pages_ask_again_say_why_and_lead_back(world: World, ada: Resident) -> None:
    """SS-2, SS-10: after ten idle minutes, in a clear sentence, and back to where one was going."""
    browser = enter(world, ada)
    world.clock.advance(minutes=10)
    visit = browser.open("/account/apps")
    assert visit.page.heading == "Sign in"
    assert "away for 10 minutes" in visit.page.words
    assert fill(browser, ada.email, ada.password).url.endswith("/account/apps")


def test_a_session_that_lasted_as_long_as_it_may_says_so(world: World, ada: Resident) -> None:
    """SS-2: twelve hours, whatever was done meanwhile."""
    browser = enter(world, ada)
    for _ in range(12 * 8):
        world.clock.advance(minutes=7, seconds=29)
        assert browser.open("/account").page.heading != "Sign in"
    world.clock.advance(minutes=2)
    assert "as long as it may" in browser.open("/account").page.words


def test_apps_run_on_and_new_authorizations_ask(world: World, ada: Resident, web: RelyingParty) -> None:
    """SS-2, RT-10: an idle browser is asked again, in silence too; the app is not disturbed."""
    browser = world.browser()
    tokens = sign_in(browser, web, ada)
    world.clock.advance(minutes=10)
    asked = web.begin(prompt="none")
    with pytest.raises(OAuthError, match="login_required"):
        web.returned(asked, browser.open(asked.url, web.redirect_uri).left_for or "")
    assert web.refresh(tokens).access_token


def test_whoever_comes_back_goes_on_in_the_same_session(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    """SS-1, SS-2: one session under a new handle, so that signing out later ends what ran on, too."""
    browser = world.browser()
    before = sign_in(browser, web, ada)
    old = browser.jar.get("as_session")
    world.clock.advance(minutes=30)
    after = came_back(browser, web, ada)
    assert after.claims["sid"] == before.claims["sid"]
    assert after.claims["auth_time"] == int(world.clock.now())
    assert not world.events("session_ended")
    assert old is not None
    held = world.rows("SELECT handle_digest, previous_digest, previous_until FROM sso_sessions")
    assert digest(old.value) != bytes(held[0][0])
    thief = world.browser()
    thief.jar.cookies[("localhost", "/", "as_session")] = old
    assert thief.open("/account").page.heading == "Sign in"
    browser.submit(browser.open("/account").page.form("Sign out"))
    for tokens in (before, after):
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(tokens)


def test_somebody_else_ends_what_ran_on(world: World, ada: Resident, web: RelyingParty) -> None:
    """SS-9: on a computer that people share, nothing of the one before is left."""
    bob = world.add_user("bob@example.org")
    browser = world.browser()
    tokens = sign_in(browser, web, ada)
    world.clock.advance(hours=1)
    assert came_back(browser, web, bob).claims["sub"] == bob.subject
    assert [row.data["reason"] for row in world.events("session_ended")] == ["replaced"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)


def test_to_be_kept_signed_in_is_chosen_each_time(world: World, ada: Resident) -> None:
    """SS-2: limits of its own, until somebody signs in without it."""
    browser = enter(world, ada, keep="yes")
    world.clock.advance(days=6)
    assert browser.open("/account").page.heading != "Sign in"
    world.clock.advance(days=7)
    assert browser.open("/account").page.heading == "Sign in"
    fill(browser, ada.email, ada.password)
    world.clock.advance(minutes=11)
    assert browser.open("/account").page.heading == "Sign in"


class TestAnOpenPage:
    def test_it_knows_how_long_is_left(self, world: World, ada: Resident) -> None:
        """SS-2: to the second, and for a new touch anew."""
        browser = enter(world, ada)
        world.clock.advance(minutes=4)
        assert 'data-idle="600"' in browser.open("/account").reply.text
        assert 'data-idle="' not in world.browser().open("/login").reply.text

    def test_asking_is_nobodys_input(self, world: World, ada: Resident) -> None:
        """SS-2: polling keeps nobody signed in."""
        browser = enter(world, ada)
        token = token_on(browser)
        for minute in range(1, 10):
            world.clock.advance(minutes=1)
            told = ask(world, browser, token=token).json()
            assert (told["idle_in"], told["ends_in"]) == (600 - 60 * minute, 43_200 - 60 * minute)
        world.clock.advance(minutes=1)
        refused = ask(world, browser, token=token)
        assert (refused.status, refused.json()["error"]) == (401, "session_expired")

    def test_one_press_stays(self, world: World, ada: Resident) -> None:
        """SS-2: a minute before the end, for as long again; but not beyond the absolute end."""
        browser = enter(world, ada)
        token = token_on(browser)
        for _ in range(80):
            world.clock.advance(minutes=9)
            left = ask(world, browser, "/touch", "POST", token)
            if left.status != 200:
                break
            assert left.json()["idle_in"] == min(600, left.json()["ends_in"])
        assert 43_200 - 600 < (world.clock() - world.events("sign_in")[0].at).total_seconds() <= 43_200 + 540

    def test_only_our_own_page_may_press(self, world: World, ada: Resident) -> None:
        """WEB-2: without the session's token nothing is touched; a stranger is told that nobody is signed in."""
        browser, other = enter(world, ada), enter(world, world.add_user("bob@example.org"))
        world.clock.advance(minutes=5)
        for token in ("", "k.x", token_on(other)):
            assert ask(world, browser, "/touch", "POST", token).status == 403
            assert ask(world, browser, token=token).status == 403
        assert ask(world, world.browser(), "/touch", "POST").status == 401

    def test_activity_costs_one_write_a_minute(self, world: World, ada: Resident) -> None:
        """SS-2."""
        browser = enter(world, ada)
        for seconds in (30, 29):
            world.clock.advance(seconds=seconds)
            with world.statements(100) as asked:
                browser.open("/account")
            assert not [text for text in asked if not text.lstrip().startswith("SELECT")]
        world.clock.advance(seconds=1)
        with world.statements(100) as asked:
            browser.open("/account")
        assert [text[:6] for text in asked if not text.lstrip().startswith("SELECT")] == ["UPDATE"]
