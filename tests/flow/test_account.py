"""One's own account: name, password, connected apps, devices, signing out, and the first owner."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from authserver.once import open_ticket
from authserver.users import first
from tests.agent import Browser, Visit
from tests.flow.login import count, enter, fill, fill_password, rows
from tests.flow.world import PASSWORD, Resident, World
from tests.oidc import OAuthError, sign_in

NEW = "Another engine altogether"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


class TestProfile:
    def test_the_name_can_be_changed(self, world: World, ada: Resident) -> None:
        browser = enter(world, ada)
        visit = browser.submit(browser.open("/account").page.form("Save"), {"name": "Ada King"})
        assert visit.trail[0].status == 303
        assert visit.page.form("Save").fields()[1] == ("name", "Ada King")
        assert rows(world, "SELECT name FROM users") == [("Ada King",)]

    def test_what_cannot_be_a_name_is_said_beside_the_field(self, world: World, ada: Resident) -> None:
        browser = enter(world, ada)
        visit = browser.submit(browser.open("/account").page.form("Save"), {"name": "x" * 2000})
        assert visit.status == 422
        assert rows(world, "SELECT name FROM users") == [("Ada Lovelace",)]

    def test_nothing_else_can_be_changed(self, world: World, ada: Resident) -> None:
        """AD-2: fields that are not for the person to change are not read."""
        browser = enter(world, ada)
        form = browser.open("/account").page.form("Save")
        given = dict(form.fields({"name": "Ada"}))
        browser.post_from("/account", given | {"role": "owner", "email": "x@example.org"}, world.url)
        assert rows(world, "SELECT name, role FROM users") == [("Ada", None)]

    @pytest.mark.parametrize(
        "path",
        [
            "/account",
            "/account/password",
            "/account/apps",
            "/account/apps/withdraw?app=web",
            "/account/devices",
            "/account/devices/end",
            "/account/activity",
            "/account/not-me",
        ],
    )
    def test_a_stranger_is_asked_to_sign_in_first(self, world: World, ada: Resident, path: str) -> None:
        """SS-10: and comes to the page that was asked for."""
        web = world.add_client("web")
        sign_in(world.browser(), web, ada)
        browser = world.browser()
        assert browser.open(path).page.heading == "Sign in"
        assert fill(browser, ada.email, ada.password).url == world.url + path

    @pytest.mark.parametrize(
        "path",
        [
            "/account",
            "/account/password",
            "/account/apps/withdraw?app=web",
            "/account/devices/end",
            "/logout",
        ],
    )
    def test_another_site_can_change_nothing(self, world: World, ada: Resident, path: str) -> None:
        """WEB-2: a form from elsewhere comes without our cookies; with them it lacks the token."""
        browser = enter(world, ada)
        browser.post_from(path, {"name": "Mallory", "new": NEW}, "https://evil.example")
        browser.post_from(path, {"name": "Mallory", "new": NEW}, world.url)
        assert browser.open("/account").page.heading != "Sign in"
        assert rows(world, "SELECT name FROM users") == [("Ada Lovelace",)]


class TestPassword:
    def change(self, browser: Browser, new: str = NEW) -> Visit:
        browser.open("/account/password")
        assert browser.at is not None
        return browser.submit(browser.at.page.form("Change the password"), {"new": new})

    def test_it_is_changed_after_a_fresh_sign_in(self, world: World, ada: Resident) -> None:
        """PW-9: at most five minutes old; an older one is asked again, and the page is kept."""
        browser = enter(world, ada)
        world.clock.advance(minutes=5, seconds=1)
        assert browser.open("/account/password").page.heading == "Confirm that it is you"
        assert fill_password(browser, "", ada.password).url.endswith("/account/password")
        visit = self.change(browser)
        assert visit.trail[0].status == 303
        assert visit.url.startswith(f"{world.url}/account/password")
        other = world.browser()
        other.open("/login")
        assert fill(other, ada.email, PASSWORD).page.heading == "Sign in"
        assert fill(other, ada.email, NEW).url.endswith("/account")

    def test_a_form_that_got_old_changes_nothing(self, world: World, ada: Resident) -> None:
        """PW-9: the POST is judged as the page was."""
        browser = enter(world, ada)
        form = browser.open("/account/password").page.form("Change the password")
        world.clock.advance(minutes=6)
        visit = browser.submit(form, {"new": NEW})
        assert visit.page.heading == "Confirm that it is you"
        assert len(world.events("password_changed")) == 1

    @pytest.mark.parametrize(("new", "status"), [("short", 422), ("x" * 257, 400)])
    def test_one_that_will_not_do_is_refused(
        self, world: World, ada: Resident, new: str, status: int
    ) -> None:
        """PW-1: at least 15 characters, at most 256."""
        browser = enter(world, ada)
        assert self.change(browser, new).status == status
        assert len(world.events("password_changed")) == 1

    def test_the_acting_session_stays_with_its_apps_and_all_others_end(
        self, world: World, ada: Resident
    ) -> None:
        """SS-7: under a new cookie; the old one reads nothing."""
        web = world.add_client("web", first_party=True, scope="openid offline_access")
        mine, other = world.browser(), world.browser()
        kept, lost = sign_in(mine, web, ada), sign_in(other, web, ada)
        before = mine.jar.cookies[("localhost", "/", "as_session")]
        self.change(mine)
        after = mine.jar.cookies[("localhost", "/", "as_session")]
        assert before.value != after.value
        assert mine.open("/account").page.heading != "Sign in"
        assert web.refresh(kept).claims["sid"] == kept.claims["sid"]
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(lost)
        assert other.open("/account").page.heading == "Sign in"
        stale = world.browser()
        stale.jar.cookies[("localhost", "/", "as_session")] = before
        assert stale.open("/account").page.heading == "Sign in"


class TestApps:
    def test_each_app_is_listed_with_what_it_gets(self, world: World, ada: Resident) -> None:
        web = world.add_client("web", scope="openid email offline_access")
        browser = world.browser()
        sign_in(browser, web, ada)
        words = browser.open("/account/apps").page.words
        assert "Web" in words
        assert "e-mail address" in words
        assert "app.example" in words

    def test_a_withdrawn_app_is_out_at_once(self, world: World, ada: Resident) -> None:
        """RT-9, SS-8: asked once more, then its tokens end and it must ask again."""
        web = world.add_client("web", scope="openid email offline_access")
        spared = world.add_client("spared", scope="openid email offline_access")
        browser = world.browser()
        tokens, others = sign_in(browser, web, ada), sign_in(browser, spared, ada)
        page = browser.open("/account/apps").page
        browser.open(next(link.to for link in page.links if "app=web" in link.to))
        assert browser.at is not None
        form = next(form for form in browser.at.page.forms if "withdraw" in form.action)
        visit = browser.submit(form)
        assert visit.trail[0].status == 303
        assert visit.url.startswith(f"{world.url}/account/apps")
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(tokens)
        assert spared.refresh(others).access_token
        assert web.introspect(tokens.access_token)["active"] is False
        visit = browser.open(web.begin().url, web.redirect_uri)
        assert visit.left_for is None
        assert any("allow" in button.words.lower() for form in visit.page.forms for button in form.buttons)

    def test_an_app_that_has_nothing_cannot_be_withdrawn(self, world: World, ada: Resident) -> None:
        browser = enter(world, ada)
        assert browser.open("/account/apps/withdraw?app=nothing").status == 404

    def test_only_ones_own_apps_are_there(self, world: World, ada: Resident) -> None:
        web = world.add_client("web")
        sign_in(world.browser(), web, world.add_user("bob@example.org"))
        browser = enter(world, ada)
        assert browser.open("/account/apps/withdraw?app=web").status == 404


class TestDevices:
    def test_sign_out_everywhere_else(self, world: World, ada: Resident) -> None:
        """SS-8, RT-10: all others end, with their offline tokens; this one stays."""
        web = world.add_client("web", first_party=True, scope="openid offline_access")
        mine, other = world.browser(), world.browser()
        kept, lost = sign_in(mine, web, ada), sign_in(other, web, ada)
        assert "Firefox on Linux" in mine.open("/account/devices").page.words
        page = mine.open("/account/devices/end").page
        visit = mine.submit(page.form("Sign out everywhere else"))
        assert visit.trail[0].status == 303
        assert mine.open("/account").page.heading != "Sign in"
        visit = other.open("/account")
        assert visit.page.heading == "Sign in"
        assert "ended the sign-in here" in visit.page.words
        assert web.refresh(kept).access_token
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(lost)


class TestSignOut:
    def leave(self, browser: Browser) -> Visit:
        page = browser.open("/account").page
        return browser.submit(page.form("Sign out"))

    def test_it_ends_the_session_on_the_server(self, world: World, ada: Resident) -> None:
        """LO-7, SS-3: our cookies go by name, the device cookie stays, and the handle reads nowhere."""
        browser = enter(world, ada)
        handle = browser.jar.cookies[("localhost", "/", "as_session")]
        visit = self.leave(browser)
        assert [reply.status for reply in visit.trail] == [303, 200]
        assert browser.jar.get("as_session") is None
        assert browser.jar.get("as_device") is not None
        assert all(reply.header("Clear-Site-Data") in {None, '"cache"'} for reply in visit.trail)
        thief = world.browser()
        thief.jar.cookies[("localhost", "/", "as_session")] = handle
        assert thief.open("/account").page.heading == "Sign in"
        assert [row.data["reason"] for row in world.events("session_ended")] == ["signed_out"]

    def test_apps_end_with_it_unless_they_may_stay(self, world: World, ada: Resident) -> None:
        """RT-10: offline_access outlives a plain sign-out."""
        plain = world.add_client("plain", first_party=True, scope="openid")
        offline = world.add_client("offline", first_party=True, scope="openid offline_access")
        browser = world.browser()
        ends, stays = sign_in(browser, plain, ada), sign_in(browser, offline, ada)
        self.leave(browser)
        assert offline.refresh(stays).access_token
        with pytest.raises(OAuthError, match="invalid_grant"):
            plain.refresh(ends)

    def test_a_link_signs_nobody_out(self, world: World, ada: Resident) -> None:
        """WEB-2: it asks first."""
        browser = enter(world, ada)
        visit = browser.open("/logout", "https://evil.example")
        assert visit.page.heading == "Sign out?"
        assert browser.open("/account").page.heading != "Sign in"
        stay = browser.open("/logout").page
        button = stay.form("Stay signed in").button("Stay")
        assert browser.submit(stay.form("Stay"), button=button).url.endswith("/account")
        assert browser.open("/account").page.heading != "Sign in"


class TestFirstOwner:
    def link(self, world: World) -> str:
        now = world.clock()
        with world.writing() as db:
            ticket = open_ticket(
                db,
                world.issuer.roots,
                first.KIND,
                key="first-owner",
                now=now,
                expires_at=now + timedelta(hours=1),
            )
        return f"/setup/{ticket}"

    def answer(self, browser: Browser, **changed: str) -> Visit:
        assert browser.at is not None
        form = browser.at.page.form()
        given = {"email": "owner@example.org", "name": "Olga Owner", "password": NEW}
        return browser.submit(form, given | changed)

    def test_the_link_makes_one_owner_who_then_signs_in(self, world: World) -> None:
        """PW-7, PW-8: looking spends nothing, setting a password never signs in."""
        link = self.link(world)
        for _ in range(3):
            assert world.browser().open(link).status == 200
        browser = world.browser()
        browser.open(link)
        visit = self.answer(browser)
        assert visit.page.heading == "Sign in"
        assert browser.jar.get("as_session") is None
        form = visit.page.form("Sign in")
        assert {entry.name: entry.value for entry in form.inputs}["username"] == "owner@example.org"
        assert fill(browser, "owner@example.org", NEW).url.endswith("/account")
        assert rows(world, "SELECT role FROM users") == [("owner",)]
        assert [row.data["way"] for row in world.events("owner_made")] == ["setup_link"]

    def test_it_works_once_and_for_an_hour(self, world: World) -> None:
        link = self.link(world)
        early, late = world.browser(), world.browser()
        early.open(link)
        late.open(link)
        self.answer(early)
        assert self.answer(late, email="second@example.org").status == 410
        assert count(world, "users") == 1
        assert world.browser().open(link).status == 410

    def test_it_is_over_after_an_hour(self, world: World) -> None:
        link = self.link(world)
        world.clock.advance(hours=1)
        assert world.browser().open(link).status == 410

    def test_a_guess_does_not_spend_it(self, world: World) -> None:
        link = self.link(world)
        browser = world.browser()
        browser.open(link)
        assert browser.at is not None
        form = browser.at.page.form()
        form.action = urlsplit(link).path.partition(".")[0] + ".guessed"
        assert browser.submit(form, {"email": "m@example.org", "name": "M", "password": NEW}).status == 410
        browser.open(link)
        assert self.answer(browser).page.heading == "Sign in"

    @pytest.mark.parametrize(
        "wrong", [{"email": ""}, {"email": "nobody"}, {"password": "short"}, {"name": "x" * 3000}]
    )
    def test_what_will_not_do_is_said_and_the_rest_stays(self, world: World, wrong: dict[str, str]) -> None:
        link = self.link(world)
        browser = world.browser()
        browser.open(link)
        visit = self.answer(browser, **wrong)
        assert visit.status == 422
        assert count(world, "users") == 0
        assert self.answer(browser, name="Olga").page.heading == "Sign in"

    def test_there_is_no_second_owner_by_an_old_link(self, world: World) -> None:
        link = self.link(world)
        world.add_user(role="owner")
        assert world.browser().open(link).status == 410
