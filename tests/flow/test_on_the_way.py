"""What a sign-in asks beside proofs: an address, yes to the terms, a passkey for who must have a second step. UP-9."""

from dataclasses import replace

import pytest

from authserver.audit import SYSTEM
from authserver.authentication import from_json
from authserver.settings.catalogue import Settings
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.keys import Key, answer, options_on, owned
from tests.flow.login import count, enter, fill, rows
from tests.flow.mailed import CODE, last_code
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty
from tests.pages import Input

HERS = "ada@elsewhere.example"
TERMS = "# Use\n\nBe kind. See https://nordhafen.example/more.\n\n<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _as_it_is_installed(world: World) -> None:
    world.set(confirmed_address=Settings().confirmed_address)


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client(first_party=True)


@pytest.fixture
def nora(world: World) -> Resident:
    """Somebody without an address, who signs in by a user name."""
    made = world.add_user("", username="nora", email_verified=False)
    return replace(made, email="nora")


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def begun(world: World, person: Resident, browser: Browser | None = None) -> Visit:
    browser = browser or world.browser()
    browser.open("/login")
    return fill(browser, person.email, person.password)


def code_for(world: World, person: Resident, address: str) -> str:
    return last_code(world, replace(person, email=address))


class TestAddress:
    def test_it_is_asked_for_verified_and_then_the_app_has_its_code(
        self, world: World, nora: Resident, web: RelyingParty
    ) -> None:
        """UP-9, SS-10: no session before, the address counts by its code alone, and the request goes on."""
        browser, request = world.browser(), web.begin()
        browser.open(request.url, initiator=web.redirect_uri)
        visit = fill(browser, nora.email, nora.password)
        assert "/login/address" in visit.url
        visit = browser.submit(visit.page.form("Send me a code"), {"email": HERS})
        assert HERS in visit.page.words
        assert rows(world, "SELECT count(*) FROM user_emails") == [(0,)]
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": "12"})
        assert "not the code from the mail" in visit.page.words
        assert count(world, "sso_sessions") == 0
        there = browser.submit(visit.page.form("Confirm my address"), {"code": code_for(world, nora, HERS)})
        tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
        claims = web.userinfo(tokens.access_token)
        assert (claims["email"], claims["email_verified"]) == (HERS, True)
        assert tokens.claims["amr"] == ["pwd"]
        assert "/login/address" not in begun(world, nora).url

    @pytest.mark.parametrize(
        "path", ["/account", "/account/email", "/", "/login", "/login/terms", "/login/totp"]
    )
    def test_there_is_no_way_round_it(self, world: World, nora: Resident, path: str) -> None:
        """UP-9, SU-2: whichever address is tried, nobody is signed in before its end."""
        browser = world.browser()
        begun(world, nora, browser)
        browser.open(path)
        assert count(world, "sso_sessions") == 0
        assert not browser.open("/account").url.endswith("/account")

    def test_nobody_is_asked_in_silence(self, world: World, nora: Resident, web: RelyingParty) -> None:
        """AZ-10: prompt=none says that somebody must sign in, and shows no page."""
        browser = world.browser()
        begun(world, nora, browser)
        request = web.begin(prompt="none")
        there = browser.open(request.url, initiator=web.redirect_uri)
        assert "error=login_required" in (there.left_for or "")

    @pytest.mark.parametrize(
        ("setting", "role", "skips"),
        [("required", None, False), ("required", "admin", True), ("asked", None, True)],
    )
    def test_whether_it_may_be_skipped_is_a_setting(
        self, world: World, nora: Resident, setting: str, role: str | None, skips: bool
    ) -> None:
        """UP-9: and admins always may, so that mail that fails keeps none of them out."""
        world.set(confirmed_address=setting)
        with world.writing() as db:
            edit.edit(db, world.issuer, nora.id, {"role": role}, by=SYSTEM)
        browser = world.browser()
        visit = begun(world, nora, browser)
        assert ("Not now" in visit.page.words) is skips
        form = visit.page.form("Send me a code")
        form.inputs.append(Input(name="choice", kind="hidden", value="skip"))
        visit = browser.submit(form)
        assert visit.url.endswith("/account") is skips
        assert count(world, "sso_sessions") == skips
        assert "/login/address" in begun(world, nora).url

    def test_where_it_is_off_or_no_mail_can_go_nobody_is_asked(self, world: World, nora: Resident) -> None:
        world.set(confirmed_address="off")
        assert begun(world, nora).url.endswith("/account")

    def test_somebody_elses_is_told_by_mail_alone(self, world: World, nora: Resident, ada: Resident) -> None:
        """PW-4, CVE-7: the page is the same, and no code makes it theirs."""
        browser = world.browser()
        visit = browser.submit(begun(world, nora, browser).page.form("Send me a code"), {"email": ada.email})
        assert f"We sent a mail to {ada.email}" in visit.page.words
        assert world.mails(ada.email)[-1].template == "account_known"
        assert not CODE.search(world.mails(ada.email)[-1].written.text)  # type: ignore[union-attr]

    def test_another_login_cannot_confirm_it(self, world: World, nora: Resident) -> None:
        """PW-10, CVE-7: the code is for the login that asked for it, in its browser."""
        here, there = world.browser(), world.browser()
        here.submit(begun(world, nora, here).page.form("Send me a code"), {"email": HERS})
        code = code_for(world, nora, HERS)
        world.clock.advance(seconds=61)
        visit = there.submit(
            begun(world, nora, there).page.form("Send me a code"), {"email": "nora@elsewhere.example"}
        )
        visit = there.submit(visit.page.form("Confirm my address"), {"code": code})
        assert visit.status == 422
        assert count(world, "user_emails") == 0

    def test_a_second_press_finds_what_the_first_one_did(self, world: World, nora: Resident) -> None:
        """AZ-14: one session, and both lead there."""
        browser = world.browser()
        visit = browser.submit(begun(world, nora, browser).page.form("Send me a code"), {"email": HERS})
        form, code = visit.page.form("Confirm my address"), code_for(world, nora, HERS)
        for _ in range(2):
            assert browser.submit(form, {"code": code}).url.endswith("/account")
        assert count(world, "sso_sessions") == 1


class TestTerms:
    def accept(self, world: World, browser: Browser, visit: Visit) -> Visit:
        return browser.submit(visit.page.form("Accept and continue"))

    def test_they_are_accepted_once_with_version_and_time(self, world: World, ada: Resident) -> None:
        """The text is shown, nothing in it is markup; a new version is asked for again."""
        world.set(terms_text=TERMS, terms_version="1")
        browser = world.browser()
        visit = begun(world, ada, browser)
        assert visit.page.heading == "Accept our terms"
        assert "<script>alert" not in visit.reply.text
        assert 'href="https://nordhafen.example/more"' in visit.reply.text
        assert count(world, "sso_sessions") == 0
        assert self.accept(world, browser, visit).url.endswith("/account")
        assert [(event.subject, event.data) for event in world.events("terms_accepted")] == [
            (ada.id, {"version": "1"})
        ]
        assert begun(world, ada).url.endswith("/account")
        world.set(terms_version="2")
        assert begun(world, ada).page.heading == "Our terms have changed"
        assert count(world, "terms_accepted", "version = '1'") == 1

    def test_only_what_was_shown_is_accepted(self, world: World, ada: Resident) -> None:
        """A version that changed while the page was open is shown first."""
        world.set(terms_text=TERMS, terms_version="1")
        browser = world.browser()
        visit = begun(world, ada, browser)
        world.set(terms_version="2")
        visit = self.accept(world, browser, visit)
        assert "Version 2" in visit.page.words
        assert count(world, "terms_accepted") == count(world, "sso_sessions") == 0

    def test_who_does_not_accept_them_goes_back_to_the_app(
        self, world: World, ada: Resident, web: RelyingParty
    ) -> None:
        world.set(privacy_text=TERMS, terms_version="1")
        browser, request = world.browser(), web.begin()
        browser.open(request.url, initiator=web.redirect_uri)
        visit = fill(browser, ada.email, ada.password)
        form = visit.page.form("Accept and continue")
        there = browser.submit(form, button=form.button("Cancel"))
        assert "error=access_denied" in (there.left_for or "")
        assert count(world, "sso_sessions") == 0

    def test_they_come_before_the_address_and_both_before_the_session(
        self, world: World, nora: Resident
    ) -> None:
        """SU-2: the one cannot be skipped by the page of the other."""
        world.set(terms_text=TERMS, terms_version="1")
        browser = world.browser()
        visit = begun(world, nora, browser)
        skipped = browser.open(visit.url.replace("/login/terms", "/login/address"))
        assert "/login/terms" in skipped.url
        assert "/login/address" in self.accept(world, browser, skipped).url

    def test_a_fresh_proof_of_somebody_signed_in_asks_nothing_new(self, world: World, ada: Resident) -> None:
        browser = enter(world, ada)
        world.set(terms_text=TERMS, terms_version="1")
        world.clock.advance(minutes=6)
        visit = browser.open("/account/password")
        visit = browser.submit(visit.page.form("Confirm"), {"password": ada.password})
        assert visit.url.endswith("/account/password")

    def test_both_texts_have_a_page(self, world: World) -> None:
        assert world.browser().open("/terms").status == 404
        world.set(terms_text=TERMS, privacy_text="We keep little.")
        browser = world.browser()
        assert "Be kind." in browser.open("/terms").page.words
        assert "We keep little." in browser.open(browser.at.page.link("Privacy")).page.words  # type: ignore[union-attr]
        assert world.get("/.well-known/openid-configuration").json()["op_tos_uri"] == f"{world.url}/terms"


class TestPasskeys:
    def test_who_must_have_a_second_step_may_make_a_passkey(self, world: World, ada: Resident) -> None:
        """TOTP-8, PK-5, RC-1, AD-9: it is the second factor of this very sign-in, and brings recovery codes."""
        world.set(second_factor="required")
        browser = world.browser()
        visit = begun(world, ada, browser)
        visit = browser.open(visit.page.link("Passkey"))
        assert "/login/enrol-passkey" in visit.url
        key, told = Key.at(world).made(options_on(visit))
        visit = answer(browser, told, label="Phone")
        assert visit.page.heading == "Keep your recovery codes"
        found = from_json(rows(world, "SELECT authentication FROM sso_sessions")[0][0])
        assert (found.amr, found.acr) == (("pwd", "hwk", "user", "mfa"), "phr")
        assert rows(world, "SELECT label FROM passkeys") == [("Phone",)]
        assert [event.subject for event in world.events("factor_added")] == [ada.id]
        again = world.browser()
        visit = begun(world, ada, again)
        assert answer(again, key.shown(options_on(visit))).url.endswith("/account")

    def test_one_that_was_made_for_another_login_is_not_taken(self, world: World, ada: Resident) -> None:
        """PK-1"""
        world.set(second_factor="required")
        here, there = world.browser(), world.browser()
        visit = here.open(begun(world, ada, here).page.link("Passkey"))
        other = there.open(begun(world, ada, there).page.link("Passkey"))
        _, told = Key.at(world).made(options_on(other))
        assert "This passkey was not taken" in answer(here, told).page.words
        assert visit.status == 200
        assert count(world, "passkeys") == count(world, "sso_sessions") == 0

    def test_who_has_a_second_step_cannot_add_one_past_it(self, world: World, ada: Resident) -> None:
        """SU-2: whoever knows the password alone makes no passkey."""
        owned(world, ada)
        world.set(second_factor="required")
        browser = world.browser()
        visit = begun(world, ada, browser)
        assert (
            "/login/passkey" in browser.open(visit.url.replace("/login/passkey", "/login/enrol-passkey")).url
        )

    def test_a_device_is_trusted_by_a_passkey_too(self, world: World, ada: Resident) -> None:
        """SU-5: the box stands on its page, and the next sign-in there asks for the password alone."""
        key = owned(world, ada)
        browser = world.browser()
        visit = begun(world, ada, browser)
        assert "Skip this step on this device" in visit.page.words
        assert answer(browser, key.shown(options_on(visit)), trust="yes").url.endswith("/account")
        browser.submit(browser.open("/account").page.form("Sign out"))
        assert begun(world, ada, browser).url.endswith("/account")
        found = from_json(rows(world, "SELECT authentication FROM sso_sessions ORDER BY id DESC")[0][0])
        assert (found.amr, found.acr) == (("pwd",), "pwd")

    def test_first_of_all_a_passkey_offers_no_such_box(self, world: World, ada: Resident) -> None:
        owned(world, ada)
        visit = world.browser().open("/login/passkey")
        assert "Skip this step" not in visit.page.words


def test_recovery_codes_are_shown_though_the_login_went_on_to_another_page(
    world: World, nora: Resident
) -> None:
    """RC-1: who set a second step up on the way has them when the way ends, wherever that is."""
    world.set(second_factor="required")
    browser = world.browser()
    visit = browser.open(begun(world, nora, browser).page.link("Passkey"))
    visit = answer(browser, Key.at(world).made(options_on(visit))[1])
    assert "/login/address" in visit.url
    visit = browser.submit(visit.page.form("Send me a code"), {"email": HERS})
    visit = browser.submit(visit.page.form("Confirm my address"), {"code": code_for(world, nora, HERS)})
    assert visit.page.heading == "Keep your recovery codes"
