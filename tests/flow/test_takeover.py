"""On so many devices and no more: whoever comes one too many chooses which one gives way."""

from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.factors.registry import register
from authserver.groups import edit as groups
from authserver.sessions import limits
from authserver.users import edit as users
from tests.agent import Browser, Visit, query_of
from tests.flow.login import count, enter, fill
from tests.flow.second_factor import CODE, FakeCode
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in

PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
    "Mobile Safari/537.36"
)
LIVE = "ended_at IS NULL"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client("web", first_party=True, scope="openid offline_access")


def asked(world: World, person: Resident, rp: RelyingParty | None = None, **browser: Any) -> Browser:
    """A browser in which everything is proved, at the page that asks which device gives way."""
    made = world.browser(**browser)
    made.open(rp.begin().url if rp else "/login", rp.redirect_uri if rp else None)
    visit = fill(made, person.email, person.password)
    assert "/login/takeover" in visit.url, visit.page.words[:300]
    return made


def choose(browser: Browser, session: str = "", choice: str = "") -> Visit:
    assert browser.at is not None
    form = browser.at.page.forms[0]
    button = next((each for each in form.buttons if choice and each.value == choice), None)
    return browser.submit(form, {"session": session} if session else None, button)


def sessions(world: World) -> list[str]:
    found = world.rows("SELECT id FROM sso_sessions WHERE ended_at IS NULL ORDER BY last_seen_at, id")
    return [row[0] for row in found]


class TestTheNumber:
    @pytest.mark.parametrize(
        ("setting", "of_groups", "own", "expected"),
        [
            pytest.param(0, (None,), None, 0, id="nobody-says-one"),
            pytest.param(3, (None,), None, 3, id="the-setting"),
            pytest.param(3, (5,), None, 5, id="a-group-before-the-setting"),
            pytest.param(3, (5, 2, None), None, 2, id="the-strictest-of-the-groups"),
            pytest.param(3, (5, 0), None, 5, id="a-limit-before-none"),
            pytest.param(3, (0,), None, 0, id="a-group-without-limit"),
            pytest.param(3, (2,), 7, 7, id="the-person-before-all"),
            pytest.param(3, (2,), 0, 0, id="a-person-without-limit"),
        ],
    )
    def test_it_is_the_nearest_that_somebody_gave(
        self,
        world: World,
        ada: Resident,
        setting: int,
        of_groups: tuple[int | None, ...],
        own: int | None,
        expected: int,
    ) -> None:
        """SS-4: the person's own, else the strictest of their groups, else the setting; 0 is no limit."""
        world.set(max_sessions=setting)
        with world.writing() as db:
            for number, most in enumerate(of_groups):
                groups.add(db, world.issuer, {"name": f"g{number}", "max_sessions": most}, by=SYSTEM)
                groups.add_members(db, world.issuer, f"g{number}", [ada.id], by=SYSTEM)
            users.edit(db, world.issuer, ada.id, {"max_sessions": own}, by=SYSTEM)
        with world.writing() as db:
            assert limits.hold(db, world.issuer, ada.id) == expected

    def test_there_is_none_by_default(self, world: World, ada: Resident) -> None:
        for _ in range(5):
            enter(world, ada)
        assert count(world, "sso_sessions", LIVE) == 5

    def test_the_same_browser_needs_no_more_room(self, world: World, ada: Resident) -> None:
        """SS-4: signing in again, also after it went idle, or as somebody else, takes the place that there is."""
        world.set(max_sessions=1)
        bob = world.add_user("bob@example.org")
        browser = enter(world, ada)
        world.clock.advance(minutes=11)
        enter(world, ada, browser)
        browser.open("/account/fresh")
        browser.open("/login")
        browser.submit(browser.open("/account").page.form("Sign out"))
        enter(world, bob, browser)
        assert count(world, "sso_sessions", LIVE) == 1

    def test_a_session_without_anybody_counts_while_its_apps_run(
        self, world: World, ada: Resident, web: RelyingParty
    ) -> None:
        """SS-4, RT-10: an idle browser is one of the devices for as long as it has apps that run."""
        world.set(max_sessions=1, refresh_idle_lifetime=3600)
        sign_in(world.browser(), web, ada)
        world.clock.advance(minutes=30)
        assert "nobody there, apps still run" in asked(world, ada).at.page.words  # type: ignore[union-attr]
        world.clock.advance(minutes=31)
        enter(world, ada)

    def test_apps_that_end_with_an_idle_browser_count_no_more(self, world: World, ada: Resident) -> None:
        """SS-4: idle_ends_tokens."""
        world.set(max_sessions=1)
        sign_in(world.browser(), world.add_client("web", first_party=True, idle_ends_tokens=True), ada)
        world.clock.advance(minutes=10)
        enter(world, ada)


class TestTheChoice:
    def test_it_shows_the_real_devices_the_one_unused_for_longest_first(
        self, world: World, ada: Resident, web: RelyingParty
    ) -> None:
        """SS-5: device, network, since when, last seen, apps."""
        world.set(max_sessions=2)
        world.ip = "198.51.100.7"
        sign_in(world.browser(user_agent=PHONE), web, ada)
        world.clock.advance(minutes=2)
        world.ip = "192.0.2.1"
        enter(world, ada)
        at = asked(world, ada, web).at
        assert at is not None
        assert at.page.heading == "You are signed in on 2 devices"
        words = at.page.words
        assert words.index("Chrome on an Android phone") < words.index("Firefox on Linux")
        assert "network 198.51.100.x" in words
        assert "this network" in words
        assert "new device" in words
        first = next(entry for entry in at.page.forms[0].inputs if entry.name == "session")
        assert first.value == sessions(world)[0]

    def test_the_chosen_one_ends_and_is_told(self, world: World, ada: Resident, web: RelyingParty) -> None:
        """SS-5, SS-6, RT-10: with its offline tokens; here it goes on to the app; there it says why and by what."""
        world.set(max_sessions=2)
        there, kept = world.browser(), world.browser()
        lost, stays = sign_in(there, web, ada), sign_in(kept, web, ada)
        browser = asked(world, ada, web, user_agent=PHONE)
        assert count(world, "sso_sessions") == 2
        assert browser.jar.get("as_session") is None
        visit = choose(browser, str(lost.claims["sid"]))
        assert "code" in query_of(visit.left_for or "")
        assert count(world, "sso_sessions", LIVE) == 2
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(lost)
        assert web.introspect(lost.access_token) == {"active": False}
        assert web.refresh(stays).access_token
        told = there.open("/account/apps").page
        assert told.heading == "Sign in"
        assert "Chrome on an Android phone" in told.words
        assert "chose to end the sign-in here" in told.words
        ended = world.events("session_ended")[-1]
        assert (ended.data["reason"], ended.actor) == ("taken_over", f"user:{ada.id}")

    def test_nothing_is_shown_before_everything_is_proved(self, world: World, ada: Resident) -> None:
        """SS-5: neither that it is full, nor where."""
        world.set(max_sessions=1)
        enter(world, ada)
        register(world.issuer, FakeCode.of([ada.id]))
        browser = world.browser()
        browser.open("/login")
        visit = fill(browser, ada.email, ada.password)
        assert "/login/fake" in visit.url
        tx = query_of(visit.url)["tx"]
        for path in (f"/login/takeover?tx={tx}", "/login/takeover"):
            assert "Firefox on Linux" not in browser.open(path).page.words
        form = browser.open(f"/login/fake?tx={tx}").page.forms[0]
        browser.post_from(
            "/login/takeover", {**dict(form.fields()), "session": sessions(world)[0]}, world.url
        )
        assert count(world, "sso_sessions", LIVE) == 1
        assert not world.events("session_ended")
        visit = browser.submit(form, {"code": CODE})
        assert "/login/takeover" in visit.url

    def test_who_cancels_changes_nothing(self, world: World, ada: Resident, web: RelyingParty) -> None:
        """SS-5: and the app is told."""
        world.set(max_sessions=1)
        enter(world, ada)
        browser = asked(world, ada, web)
        visit = choose(browser, choice="cancel")
        assert query_of(visit.left_for or "")["error"] == "access_denied"
        assert choose(asked(world, ada), choice="cancel").url == f"{world.url}/"
        assert count(world, "sso_sessions") == 1
        assert not world.events("session_ended")

    def test_it_is_open_for_five_minutes(self, world: World, ada: Resident) -> None:
        """SS-5: then everything is proved again."""
        world.set(max_sessions=1, session_idle=3600)
        enter(world, ada)
        browser = asked(world, ada)
        world.clock.advance(minutes=4, seconds=59)
        assert browser.at is not None
        assert browser.open(browser.at.url).page.heading == "You are signed in on 1 device"
        page = browser.at
        world.clock.advance(seconds=1)
        browser.at = page
        assert choose(browser).page.heading == "Sign in"
        assert browser.open(page.url).page.heading == "Sign in"
        assert not world.events("session_ended")

    def test_it_counts_once(self, world: World, ada: Resident) -> None:
        """SS-5, AZ-14: of a double press both halves lead to the one session."""
        world.set(max_sessions=1)
        enter(world, ada)
        browser = asked(world, ada)
        page = browser.at
        first = choose(browser)
        browser.at = page
        again = choose(browser)
        assert first.url == again.url == f"{world.url}/account"
        assert count(world, "sso_sessions") == 2
        assert len(world.events("session_ended")) == 1

    def test_another_persons_session_is_not_there_to_choose(self, world: World, ada: Resident) -> None:
        """AD-3, SS-5: a foreign id ends nothing."""
        world.set(max_sessions=1)
        enter(world, world.add_user("bob@example.org"))
        enter(world, ada)
        foreign = [
            row[0] for row in world.rows("SELECT id FROM sso_sessions WHERE user_id <> :own", own=ada.id)
        ]
        visit = choose(asked(world, ada), foreign[0])
        assert visit.page.heading == "You are signed in on 1 device"
        assert not world.events("session_ended")

    def test_only_our_own_page_chooses(self, world: World, ada: Resident) -> None:
        """WEB-2, SS-5."""
        world.set(max_sessions=1)
        enter(world, ada)
        browser = asked(world, ada)
        assert browser.at is not None
        tx = query_of(browser.at.url)["tx"]
        for site in ("https://evil.example", world.url):
            browser.post_from("/login/takeover", {"tx": tx, "session": sessions(world)[0]}, site)
        assert not world.events("session_ended")

    def test_when_there_is_room_again_nothing_ends(self, world: World, ada: Resident) -> None:
        """SS-5: the page says so, and a press goes on."""
        world.set(max_sessions=1)
        other = enter(world, ada)
        browser = asked(world, ada)
        other.submit(other.open("/account").page.form("Sign out"))
        assert browser.at is not None
        assert browser.open(browser.at.url).page.heading == "There is room for this device now"
        assert choose(browser).url.endswith("/account")
        assert [row.data["reason"] for row in world.events("session_ended")] == ["signed_out"]

    def test_a_number_that_became_smaller_asks_until_there_is_room(self, world: World, ada: Resident) -> None:
        """SS-4."""
        for _ in range(3):
            enter(world, ada)
        world.set(max_sessions=2)
        browser = asked(world, ada)
        assert browser.at is not None
        assert "more than your account allows" in browser.at.page.words
        assert choose(browser).page.heading == "You are signed in on 2 devices"
        assert choose(browser).url.endswith("/account")
        assert count(world, "sso_sessions", LIVE) == 2

    def test_one_of_these_is_not_mine(self, world: World, ada: Resident, web: RelyingParty) -> None:
        """AU-1: all of them end, and a new password comes next."""
        world.set(max_sessions=2)
        elsewhere = [sign_in(world.browser(), web, ada) for _ in range(2)]
        browser = asked(world, ada)
        assert choose(browser, choice="every").page.heading.startswith("This wasn")
        assert count(world, "sso_sessions", LIVE) == 1
        assert browser.at is not None
        form = next(form for form in browser.at.page.forms if form.action.endswith("/not-me"))
        assert browser.submit(form).url.startswith(f"{world.url}/account/password")
        for tokens in elsewhere:
            with pytest.raises(OAuthError, match="invalid_grant"):
                web.refresh(tokens)

    def test_silence_is_told_that_somebody_must_act(
        self, world: World, ada: Resident, web: RelyingParty
    ) -> None:
        """AZ-10: the device that gave way cannot come back by itself."""
        world.set(max_sessions=1)
        there = world.browser()
        lost: Tokens = sign_in(there, web, ada)
        choose(asked(world, ada), str(lost.claims["sid"]))
        request = web.begin(prompt="none")
        with pytest.raises(OAuthError, match="interaction_required"):
            web.returned(request, there.open(request.url, web.redirect_uri).left_for or "")
