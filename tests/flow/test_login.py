"""How a person signs in: one page, one answer for every wrong try, a session only for what was proved."""

from urllib.parse import quote

import argon2
import pytest

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.users import edit
from tests.agent import Cookie, Visit
from tests.flow.login import count, enter, fill, fill_password, rows
from tests.flow.world import PASSWORD, World
from tests.oidc import answer_pages, sign_in

WRONG = "do not fit together"


def test_somebody_signs_in_and_sees_their_account(world: World) -> None:
    """WEB-6: the POST with the password is answered by 303."""
    ada = world.add_user()
    browser = world.browser()
    assert browser.open("/account").page.heading == "Sign in"
    visit = fill(browser, ada.email, ada.password)
    assert visit.url == f"{world.url}/account"
    assert [reply.status for reply in visit.trail] == [303, 200]
    assert "ada@example.org" in visit.page.words


def test_the_page_that_was_asked_for_survives_the_sign_in(world: World) -> None:
    """SS-10: a deep link within the account pages."""
    ada = world.add_user()
    browser = world.browser()
    browser.open("/account/apps?done=")
    assert fill(browser, ada.email, ada.password).url == f"{world.url}/account/apps?done="


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%2F%2Fevil.example",
        "javascript:alert(1)",
        "/a%0d%0ab",
        "",
    ],
)
def test_a_sign_in_leads_to_our_own_pages_alone(world: World, target: str) -> None:
    """WEB-3: anything else ends on the account page."""
    ada = world.add_user()
    browser = world.browser()
    browser.open(f"/login?return_to={quote(target, safe='')}")
    visit = fill(browser, ada.email, ada.password)
    assert visit.left_for is None
    assert visit.url == f"{world.url}/account"
    browser.open(f"/account/fresh?return_to={quote(target, safe='')}")
    assert fill_password(browser, "", ada.password).url == f"{world.url}/account"


def test_an_apps_request_survives_the_sign_in(world: World) -> None:
    """SS-10: the app gets its answer, with its state, after wrong tries too."""
    ada, web = world.add_user(), world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    visit = browser.open(request.url, initiator=web.redirect_uri)
    assert "Web" in visit.page.heading
    assert WRONG in fill(browser, ada.email, "not this one at all").page.words
    visit = fill(browser, ada.email, ada.password)
    assert visit.left_for
    tokens = web.redeem(request, web.returned(request, visit.left_for)["code"])
    assert tokens.claims["sub"] == ada.subject


@pytest.mark.parametrize(
    "name",
    ["ada@example.org", "ADA@Example.ORG", "ada.l", "Ada.L", " ada.l ", "\uff41\uff44\uff41.l"],
    ids=["e-mail", "e-mail-in-capitals", "user-name", "another-case", "spaces", "fullwidth"],
)
def test_an_account_is_named_in_many_ways(world: World, name: str) -> None:
    world.add_user(username="ada.l")
    browser = world.browser()
    browser.open("/login")
    assert fill(browser, name, PASSWORD).url.endswith("/account")


def test_what_was_typed_stays_except_the_password(world: World) -> None:
    world.add_user()
    browser = world.browser()
    browser.open("/login")
    form = fill(browser, "ada@example.org", "wrong and long enough").page.form("Sign in")
    assert {entry.name: entry.value for entry in form.inputs}["username"] == "ada@example.org"
    assert {entry.name: entry.value for entry in form.inputs}["password"] == ""


def test_login_hint_fills_the_name_and_ui_locales_choose_the_language(world: World) -> None:
    world.add_user()
    web = world.add_client("web")
    browser = world.browser()
    visit = browser.open(web.begin(login_hint="ada@example.org", ui_locales="de").url, web.redirect_uri)
    assert visit.page.language == "de"
    form = next(form for form in visit.page.forms if form.has("password"))
    assert {entry.name: entry.value for entry in form.inputs}["username"] == "ada@example.org"
    visit = fill_password(browser, "ada@example.org", "wrong and long enough")
    assert visit.page.language == "de"


def test_no_cookie_but_the_browsers_before_everything_is_proved(world: World) -> None:
    """SU-1: a wrong password gives neither a session nor a known device."""
    world.add_user()
    browser = world.browser()
    browser.open("/login")
    fill(browser, "ada@example.org", "wrong and long enough")
    assert browser.jar.get("as_browser")
    assert browser.jar.get("as_session") is None
    assert browser.jar.get("as_device") is None
    assert count(world, "sso_sessions") == count(world, "transactions") == 0


class TestWrong:
    """PW-4: whoever is named, the answer is the same."""

    NAMES = (
        "ada@example.org",
        "nobody@example.org",
        "locked@example.org",
        "off@example.org",
        "bare@example.org",
    )

    @pytest.fixture
    def people(self, world: World) -> World:
        world.add_user()
        locked = world.add_user("locked@example.org")
        off = world.add_user("off@example.org")
        with world.writing() as db:
            edit.lock(db, world.issuer, locked.id, by=SYSTEM)
            edit.disable(db, world.issuer, off.id, by=SYSTEM)
            edit.add(db, world.issuer, {"email": "bare@example.org", "email_verified": True}, by=SYSTEM)
        return world

    def tried(self, world: World, name: str, password: str) -> Visit:
        browser = world.browser()
        browser.open("/login")
        return fill(browser, name, password)

    def test_same_status_headers_and_words(self, people: World) -> None:
        """PW-4: known, unknown, locked, disabled and without a password."""
        seen = set()
        for name in self.NAMES:
            # A locked person's own password is refused in the same words.
            password = "wrong and long enough" if name.startswith("ada") else PASSWORD
            visit = self.tried(people, name, password)
            headers = frozenset(header for header, _ in visit.reply.headers)
            seen.add((visit.status, visit.page.words.replace(name, "NAME"), headers))
        assert len(seen) == 1
        assert WRONG in seen.pop()[1]

    def test_same_number_of_statements_and_hashes(
        self, people: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PW-4: the same work is done for everybody, and for nobody."""
        hashes: list[str] = []
        verify = people_hasher(monkeypatch, hashes)
        assert verify
        seen = set()
        for name in self.NAMES:
            browser = people.browser()
            browser.open("/login")
            hashes.clear()
            with people.statements(60) as asked:
                fill(browser, name, "wrong and long enough")
            seen.add((len(asked), tuple(hashes)))
        assert len(seen) == 1
        assert seen.pop()[1] == ("verify",)

    def test_the_reason_is_kept_for_those_who_may_know(self, people: World) -> None:
        for name in self.NAMES:
            self.tried(people, name, "wrong and long enough")
        reasons = [row.data["reason"] for row in people.events("sign_in_failed")]
        assert reasons == [
            "the password is wrong",
            "nobody has this name",
            "the person is locked",
            "the person is disabled",
            "the person has no password",
        ]
        assert all("example" not in str(row.data) for row in people.events("sign_in_failed"))


def people_hasher(monkeypatch: pytest.MonkeyPatch, into: list[str]) -> bool:
    """Note each hash that is made or compared."""
    for name in ("hash", "verify"):
        original = getattr(argon2.PasswordHasher, name)

        def noted(*given: object, original: object = original, name: str = name, **more: object) -> object:
            into.append(name)
            return original(*given, **more)  # type: ignore[operator]

        monkeypatch.setattr(argon2.PasswordHasher, name, noted)
    return True


@pytest.mark.parametrize(
    ("password", "status"),
    [("x" * 256, 200), ("x" * 257, 400), ("a\0b", 400)],
    ids=["256", "257", "nul"],
)
def test_a_password_that_cannot_be_one_is_refused_before_hashing(
    world: World, password: str, status: int
) -> None:
    """PW-1: 256 characters are taken in full, more are refused with 400."""
    world.add_user()
    browser = world.browser()
    browser.open("/login")
    assert fill(browser, "ada@example.org", password).status == status
    assert count(world, "failures") == (1 if status == 200 else 0)


def test_a_password_is_the_same_from_every_keyboard(world: World) -> None:
    """PW-1: NFC and NFD of one password are one password."""
    world.add_user(password="Größere Straßencafés")
    browser = world.browser()
    browser.open("/login")
    assert fill(browser, "ada@example.org", "Größere Straßencafés").url.endswith("/account")


def test_a_weak_hash_is_made_anew_at_sign_in(world: World) -> None:
    """PW-3: a rehash when the parameters have grown, none when they have shrunk."""
    ada = world.add_user()
    before = count(world, "passwords", "hash LIKE '%m=8,t=1%'")
    world.set(argon2_memory=16, argon2_time=2)
    enter(world, ada)
    assert (before, count(world, "passwords", "hash LIKE '%m=16,t=2%'")) == (1, 1)
    world.set(argon2_memory=8, argon2_time=1)
    enter(world, ada)
    assert count(world, "passwords", "hash LIKE '%m=16,t=2%'") == 1


class TestTransactions:
    def test_a_hundred_knocks_leave_no_row(self, world: World) -> None:
        """AZ-14: showing the page writes nothing."""
        web = world.add_client("web")
        for _ in range(100):
            world.browser().open(web.begin().url, web.redirect_uri)
        assert count(world, "transactions") == count(world, "sso_sessions") == 0

    def test_another_browser_cannot_take_a_login_over(self, world: World) -> None:
        """AZ-14, CVE-21: knowing the transaction is of no use without the browser's cookie."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        mine = world.browser()
        mine.open(web.begin().url, web.redirect_uri)
        assert mine.at is not None
        form = mine.at.page.form("Sign in")
        tx = {entry.name: entry.value for entry in form.inputs}["tx"]
        thief = world.browser()
        visit = thief.open(f"/login?tx={tx}")
        assert visit.status == 400
        thief.open("/login")
        assert thief.at is not None
        other = thief.at.page.form("Sign in")
        visit = thief.submit(other, {"username": ada.email, "password": ada.password, "tx": tx})
        assert visit.status == 400
        assert count(world, "sso_sessions") == 0

    @pytest.mark.parametrize(
        "change", [lambda tx: tx[:-2] + "AA", lambda tx: "x" + tx, lambda tx: tx[:40], str.upper]
    )
    def test_a_login_that_was_changed_is_none(self, world: World, change: object) -> None:
        """AZ-14: the sealed request cannot be changed by the browser."""
        web = world.add_client("web")
        browser = world.browser()
        visit = browser.open(web.begin().url, web.redirect_uri)
        tx = {entry.name: entry.value for entry in visit.page.form("Sign in").inputs}["tx"]
        assert browser.open(f"/login?tx={change(tx)}").status == 400  # type: ignore[operator]

    def test_two_tabs_do_not_disturb_each_other(self, world: World) -> None:
        """AZ-14, SS-10: each tab comes back to its own app with its own state, in one session."""
        ada = world.add_user()
        one, two = (world.add_client(name, first_party=True) for name in ("one", "two"))
        browser = world.browser()
        first, second = one.begin(), two.begin()
        page_one = browser.open(first.url, one.redirect_uri).page.form("Sign in")
        page_two = browser.open(second.url, two.redirect_uri).page.form("Sign in")
        answers = {"username": ada.email, "password": ada.password}
        back_two = browser.submit(page_two, answers)
        back_one = browser.submit(page_one, answers)
        assert back_one.left_for
        assert back_two.left_for
        sid = one.redeem(first, one.returned(first, back_one.left_for)["code"]).claims["sid"]
        assert two.redeem(second, two.returned(second, back_two.left_for)["code"]).claims["sid"] == sid
        assert count(world, "sso_sessions") == 1

    def test_a_session_that_appeared_meanwhile_is_enough(self, world: World) -> None:
        """AZ-14: a sealed request met with a newer session is decided as a new one."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        request = web.begin()
        waiting = browser.open(request.url, web.redirect_uri).url
        world.clock.advance(seconds=5)
        enter(world, ada, browser)
        visit = browser.open(waiting)
        assert visit.left_for
        assert web.returned(request, visit.left_for)["code"]

    def test_an_app_that_went_meanwhile_takes_no_session_along(self, world: World) -> None:
        """SS-1: whoever signed in for it is signed in, and their browser knows."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        browser.open(web.begin().url, web.redirect_uri)
        with world.writing() as db:
            clients.edit(db, world.issuer, "web", {"active": False}, by=SYSTEM)
        fill(browser, ada.email, ada.password)
        assert count(world, "sso_sessions") == 1
        assert browser.open("/account").url.endswith("/account")

    def test_a_double_submit_gives_one_session(self, world: World) -> None:
        """AZ-14: the second half of a double click ends in the first one's session."""
        ada = world.add_user()
        browser = world.browser()
        form = browser.open("/login").page.form("Sign in")
        answers = {"username": ada.email, "password": ada.password}
        browser.submit(form, answers)
        first = browser.jar.get("as_session")
        del browser.jar.cookies[("localhost", "/", "as_session")]
        assert browser.submit(form, answers).url.endswith("/account")
        second = browser.jar.get("as_session")
        assert first is not None
        assert second is not None
        assert first.value == second.value
        assert count(world, "sso_sessions") == 1

    def test_a_double_submit_for_an_app_reaches_the_app(self, world: World) -> None:
        """AZ-14: also when the browser dropped the first answer, and with it the cookie."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        request = web.begin()
        form = browser.open(request.url, web.redirect_uri).page.form("Sign in")
        fields = form.fields({"username": ada.email, "password": ada.password})
        cookie = browser.jar.get("as_browser")
        assert cookie is not None
        headers = {"Cookie": f"{cookie.name}={cookie.value}", "Sec-Fetch-Site": "same-origin"}
        dropped = world.post("/login", fields, headers)
        assert dropped.status == 303
        visit = browser.submit(form, {"username": ada.email, "password": ada.password})
        assert visit.left_for
        assert web.returned(request, visit.left_for)["code"]
        assert count(world, "sso_sessions") == 1

    def test_somebody_elses_half_of_a_double_submit_gets_nothing(self, world: World) -> None:
        """AZ-14, CVE-4: a page that one person sent gives another nobody's session."""
        ada, bob = world.add_user(), world.add_user("bob@example.org")
        browser = world.browser()
        form = browser.open("/login").page.form("Sign in")
        browser.submit(form, {"username": ada.email, "password": ada.password})
        del browser.jar.cookies[("localhost", "/", "as_session")]
        browser.submit(form, {"username": bob.email, "password": bob.password})
        assert browser.jar.get("as_session") is None

    def test_a_login_that_was_used_and_left_cannot_be_used_again(self, world: World) -> None:
        ada = world.add_user()
        browser = world.browser()
        form = browser.open("/login").page.form("Sign in")
        answers = {"username": ada.email, "password": ada.password}
        visit = browser.submit(form, answers)
        browser.submit(visit.page.form("Sign out"))
        before = count(world, "sso_sessions")
        assert browser.jar.get("as_session") is None
        kept = form
        visit = browser.submit(kept, answers)
        assert browser.jar.get("as_session") is None
        assert count(world, "sso_sessions") == before

    def test_a_page_that_was_open_for_too_long_keeps_the_request(self, world: World) -> None:
        """SS-10: nothing was sent, and the app's request is still there."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        request = web.begin()
        browser.open(request.url, web.redirect_uri)
        world.clock.advance(minutes=31)
        visit = fill(browser, ada.email, ada.password)
        assert "open for too long" in visit.page.words
        visit = fill(browser, ada.email, ada.password)
        assert visit.left_for
        assert web.returned(request, visit.left_for)["code"]


class TestSessions:
    def test_ten_minutes_away_end_it_and_say_so(self, world: World) -> None:
        """SS-2: the next page says why, and leads back to where one was."""
        ada = world.add_user()
        browser = enter(world, ada)
        world.clock.advance(minutes=9, seconds=59)
        assert browser.open("/account/apps").page.heading != "Sign in"
        world.clock.advance(minutes=10, seconds=1)
        visit = browser.open("/account/apps")
        assert visit.page.heading == "Sign in"
        assert "away for 10 minutes" in visit.page.words
        assert fill(browser, ada.email, ada.password).url.endswith("/account/apps")

    def test_twelve_hours_are_the_end_however_busy_one_is(self, world: World) -> None:
        """SS-2: the absolute limit."""
        browser = enter(world, world.add_user())
        for _ in range(12 * 60 // 9 - 1):
            world.clock.advance(minutes=9)
            assert browser.open("/account").page.heading != "Sign in"
        world.clock.advance(minutes=9)
        assert browser.open("/account").page.heading == "Sign in"

    def test_keep_me_signed_in_lasts_a_week_of_absence_and_a_month_at_most(self, world: World) -> None:
        """SS-2: the cookie never lives longer than what is left."""
        browser = enter(world, world.add_user(), keep="yes")
        cookie = browser.jar.get("as_session")
        assert cookie is not None
        assert cookie.expires == world.clock.now() + 7 * 86_400
        for _ in range(4):
            world.clock.advance(days=6, hours=23)
            assert browser.open("/account").page.heading != "Sign in"
            cookie = browser.jar.get("as_session")
            assert cookie is not None
            assert cookie.expires is not None
            assert cookie.expires <= world.clock.now() + 7 * 86_400
        assert cookie is not None
        assert cookie.expires is not None
        assert cookie.expires - world.clock.now() < 3 * 86_400
        world.clock.advance(days=3)
        assert browser.open("/account").page.heading == "Sign in"

    def test_only_people_keep_a_session_awake_and_once_a_minute(self, world: World) -> None:
        """SS-2: at most one write a minute."""
        browser = enter(world, world.add_user())
        seen = "SELECT last_seen_at FROM sso_sessions"
        at = rows(world, seen)
        world.clock.advance(seconds=59)
        browser.open("/account")
        assert rows(world, seen) == at
        world.clock.advance(seconds=1)
        browser.open("/account")
        assert rows(world, seen) != at

    def test_the_cookie_is_256_bits_and_not_the_sid(self, world: World) -> None:
        """SS-1: only a digest is stored."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        tokens = sign_in(browser, web, ada)
        cookie = browser.jar.get("as_session")
        assert cookie is not None
        assert len(cookie.value) >= 43
        assert cookie.http_only
        assert cookie.same_site == "Lax"
        held = str(rows(world, "SELECT * FROM sso_sessions"))
        assert cookie.value not in held
        assert tokens.claims["sid"] in held
        assert tokens.claims["sid"] not in cookie.value

    def test_each_sign_in_has_a_cookie_of_its_own(self, world: World) -> None:
        """SS-1, CVE-4: what a browser brings is never adopted."""
        ada = world.add_user()
        browser = world.browser()
        browser.open("/login")
        planted = Cookie(
            name="as_session", value="planted" * 7, host="localhost", path="/", expires=None, same_site="Lax"
        )
        browser.jar.cookies[("localhost", "/", "as_session")] = planted
        enter(world, ada, browser)
        first = browser.jar.get("as_session")
        assert first is not None
        assert first.value != planted.value
        browser.open("/logout")
        assert browser.at is not None
        browser.submit(browser.at.page.form("Sign out"))
        enter(world, ada, browser)
        second = browser.jar.get("as_session")
        assert second is not None
        assert second.value != first.value
        assert count(world, "sso_sessions") == 2

    def test_another_person_replaces_the_session_wholly(self, world: World) -> None:
        """SS-9, CVE-4: no token and no data carry over."""
        ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob Turing")
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        tokens = sign_in(browser, web, ada)
        request = web.begin(prompt="login")
        visit = answer_pages(browser, browser.open(request.url, web.redirect_uri), bob)
        assert visit.left_for
        others = web.redeem(request, web.returned(request, visit.left_for)["code"])
        assert others.claims["sub"] == bob.subject
        assert others.claims["sid"] != tokens.claims["sid"]
        assert count(world, "sso_sessions", "ended_at IS NOT NULL AND end_reason = 'replaced'") == 1
        with pytest.raises(Exception, match="invalid_grant"):
            web.refresh(tokens)
        assert "bob@example.org" in browser.open("/account").page.words

    def test_signing_in_again_keeps_the_sid_and_changes_the_cookie(self, world: World) -> None:
        """SU-4: prompt=login replaces the proofs; tokens that were issued stay as they were."""
        ada, web = world.add_user(), world.add_client("web", first_party=True)
        browser = world.browser()
        before = sign_in(browser, web, ada)
        handle = browser.jar.get("as_session")
        world.clock.advance(minutes=3)
        after = sign_in(browser, web, ada, prompt="login")
        assert after.claims["sid"] == before.claims["sid"]
        assert after.claims["auth_time"] == before.claims["auth_time"] + 180
        changed = browser.jar.get("as_session")
        assert handle is not None
        assert changed is not None
        assert handle.value != changed.value
        assert web.refresh(before).claims["auth_time"] == before.claims["auth_time"]

    def test_the_old_cookie_reads_for_ten_seconds(self, world: World) -> None:
        """SU-4: for tabs that were on their way, and no longer."""
        ada = world.add_user()
        browser = enter(world, ada)
        old = browser.jar.cookies[("localhost", "/", "as_session")]
        browser.open("/account/fresh?return_to=/account")
        fill_password(browser, "", ada.password)
        tab = world.browser()
        tab.jar.cookies[("localhost", "/", "as_session")] = old
        world.clock.advance(seconds=9)
        assert tab.open("/account").page.heading != "Sign in"
        world.clock.advance(seconds=2)
        assert tab.open("/account").page.heading == "Sign in"

    @pytest.mark.parametrize("act", [edit.lock, edit.disable])
    def test_whoever_is_locked_out_is_out_at_once(self, world: World, act: object) -> None:
        """SS-3, SS-7: the very next request."""
        ada = world.add_user()
        browser = enter(world, ada)
        with world.writing() as db:
            act(db, world.issuer, ada.id, by=SYSTEM)  # type: ignore[operator]
        assert browser.open("/account").page.heading == "Sign in"

    def test_nothing_signed_in_is_kept_by_the_browser(self, world: World) -> None:
        """LO-7: no-store on every signed-in page."""
        browser = enter(world, world.add_user())
        for path in ("/account", "/account/apps", "/account/devices", "/account/password"):
            assert browser.open(path).reply.header("Cache-Control") == "no-store"
