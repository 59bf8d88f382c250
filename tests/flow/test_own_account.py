"""A copy of one's own data, and the end of one's own account. AD-8, ID-2."""

import json
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.apps import app_of, enter_with
from tests.flow.login import count, enter, fill, rows
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, sign_in


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def copy_of(browser: Browser) -> dict[str, Any]:
    visit = browser.open(browser.open("/account").page.link("Take a copy"))
    visit = browser.submit(visit.page.form("Download the file"))
    assert visit.reply.header("Content-Disposition") == 'attachment; filename="account.json"'
    found: dict[str, Any] = json.loads(visit.reply.body)
    return found


def delete(browser: Browser, **filled: str) -> Visit:
    visit = browser.open(browser.open("/account").page.link("Delete the account"))
    return browser.submit(visit.page.form("Delete my account"), filled or {"sure": "yes"})


class TestCopy:
    def test_it_holds_what_is_kept_and_no_secret(self, world: World, ada: Resident) -> None:
        """KEY-8, AU-1: profile, ways in, devices, apps, what was accepted and what happened; and it is audited."""
        web = world.add_client(first_party=True)
        app = app_of(world, ada)
        world.add_group("staff", ada)
        world.set(terms_text="Be kind.", terms_version="1")
        browser = world.browser()
        browser.open("/login")
        visit = fill(browser, ada.email, ada.password)
        visit = browser.submit(visit.page.form("Continue"), {"code": app.code()})
        browser.submit(visit.page.form("Accept and continue"))
        tokens = sign_in(browser, web, ada)
        found = copy_of(browser)
        assert found["account"]["email"] == ada.email
        assert found["account"]["groups"] == ["staff"]
        assert found["ways_to_sign_in"]["authenticator_app"]["set_up_at"]
        assert [each["client_id"] for each in found["apps"]] == ["web"]
        assert len(found["signed_in"]) == 1
        assert list(found["terms_accepted"]) == ["1"]
        assert {"sign_in", "terms_accepted"} <= {each["event"] for each in found["what_happened"]}
        text = json.dumps(found)
        for secret in (app.key.secret, "$argon2", tokens.refresh_token or "", tokens.access_token):
            assert secret not in text
        assert [event.subject for event in world.events("data_exported")] == [ada.id]

    def test_it_is_ones_own_and_needs_a_fresh_sign_in(self, world: World, ada: Resident) -> None:
        """AD-3, PW-9"""
        bob = world.add_user("bob@example.org", name="Bob Turing")
        enter(world, bob)
        browser = enter(world, ada)
        assert "bob" not in json.dumps(copy_of(browser)).casefold()
        world.clock.advance(minutes=6)
        assert "Confirm that it is you" in browser.open("/account/data").page.words

    def test_nobody_takes_it_past_the_second_step(self, world: World, ada: Resident) -> None:
        """PW-9: a session of the password alone is asked for more."""
        app_of(world, ada)
        browser = world.signed_in(ada)
        assert "/login" in browser.open("/account/data").url


class TestDeletion:
    def test_everything_ends_and_the_subject_is_never_given_again(self, world: World, ada: Resident) -> None:
        """ID-2, SS-7: sessions, families, factors and what was accepted; told by mail and audited."""
        web = world.add_client(first_party=True)
        app = app_of(world, ada)
        browser = enter_with(world, ada, app)
        tokens = sign_in(browser, web, ada)
        elsewhere = world.signed_in(ada)
        visit = delete(browser)
        assert visit.page.heading == "Your account is deleted"
        assert "/login" in browser.open("/account").url
        assert "/login" in elsewhere.open("/account").url
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(tokens)
        for table in ("user_emails", "passwords", "totp_devices", "memberships"):
            assert count(world, table) == 0, table
        assert rows(world, "SELECT status, subject, name FROM users") == [("deleted", ada.subject, "")]
        assert count(world, "sso_sessions", "ended_at IS NULL") == 0
        assert world.mails(ada.email)[-1].template == "account_deleted"
        removed = [event for event in world.events("changed") if event.data["act"] == "removed"]
        assert [event.actor for event in removed] == [f"user:{ada.id}"]
        again = world.browser()
        again.open("/login")
        assert "do not fit" in fill(again, ada.email, ada.password).page.words

    def test_it_is_said_what_goes_and_asked_once_more(self, world: World, ada: Resident) -> None:
        browser = enter(world, ada)
        visit = browser.open("/account/delete")
        assert "signed out everywhere" in visit.page.words
        form = visit.page.form("Delete my account")
        assert browser.submit(form).status == 422
        assert count(world, "users", "status = 'active'") == 1

    def test_the_last_owner_stays(self, world: World, ada: Resident) -> None:
        """AD-8"""
        with world.writing() as db:
            edit.edit(db, world.issuer, ada.id, {"role": "owner"}, by=SYSTEM)
        browser = enter(world, ada)
        visit = delete(browser)
        assert visit.status == 409
        assert "last owner" in visit.page.words
        assert browser.open("/account").url.endswith("/account")

    def test_a_setting_forbids_it(self, world: World, ada: Resident) -> None:
        world.set(self_deletion=False)
        browser = enter(world, ada)
        assert "Delete the account" not in browser.open("/account").page.words
        assert browser.open("/account/delete").status == 403

    def test_it_needs_a_fresh_sign_in(self, world: World, ada: Resident) -> None:
        """PW-9"""
        browser = enter(world, ada)
        form = browser.open("/account/delete").page.form("Delete my account")
        world.clock.advance(minutes=6)
        browser.submit(form, {"sure": "yes"})
        assert count(world, "users", "status = 'active'") == 1
