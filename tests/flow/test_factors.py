"""Ways to sign in: setting an app up, recovery codes, giving it up, and being made to have one."""

import re

import pytest

from authserver.audit import SYSTEM
from authserver.factors.recovery_code import SHOWN
from authserver.login import enrolment
from authserver.users import find
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of, codes_of, enter_with, to_second_step
from tests.flow.login import count, enter, fill, fill_password, rows
from tests.flow.world import Resident, World

SHORT = "eight ch"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def codes_on(visit: Visit) -> list[str]:
    return [text for text in re.findall(r"<code>([^<]+)</code>", visit.reply.text) if SHOWN.fullmatch(text)]


def set_up(world: World, browser: Browser) -> tuple[Authenticator, Visit]:
    """Set an app up by the pages."""
    visit = browser.open("/account/factors/totp")
    app = Authenticator.scanned(world, visit)
    return app, answer(browser, app.code())


class TestSettingUp:
    def test_it_counts_once_a_code_confirms_it(self, world: World, ada: Resident) -> None:
        """TOTP-1, TOTP-2, RC-1: QR and text of the same secret, no-store; then ten codes, once."""
        browser = enter(world, ada)
        visit = browser.open(browser.open("/account/factors").page.link("Set up the app"))
        assert "<svg" in visit.reply.text
        assert "no-store" in (visit.reply.header("Cache-Control") or "")
        app = Authenticator.scanned(world, visit)
        assert len(app.key.byte_secret()) * 8 == 160
        assert app.key.secret in visit.page.words.replace(" ", "")
        assert count(world, "totp_devices", "confirmed_at IS NOT NULL") == 0
        visit = answer(browser, app.code())
        assert visit.page.heading == "Keep your recovery codes"
        assert len(codes_on(visit)) == 10
        assert [event.subject for event in world.events("factor_added")] == [ada.id]
        assert app.key.secret not in browser.open("/account/factors").reply.text
        world.clock.advance(minutes=1)
        enter_with(world, ada, app)

    def test_the_page_may_be_loaded_again(self, world: World, ada: Resident) -> None:
        """TOTP-2: with the same secret, for ten minutes; a wrong code changes nothing."""
        browser = enter(world, ada)
        app = Authenticator.scanned(world, browser.open("/account/factors/totp"))
        assert (
            Authenticator.scanned(world, browser.open("/account/factors/totp")).key.secret == app.key.secret
        )
        visit = answer(browser, app.wrong())
        assert visit.status == 422
        assert Authenticator.scanned(world, visit).key.secret == app.key.secret
        assert answer(browser, app.code()).page.heading == "Keep your recovery codes"

    def test_it_must_be_confirmed_in_ten_minutes(self, world: World, ada: Resident) -> None:
        """TOTP-1: later the secret is another one."""
        world.set(fresh_for=3600, session_idle=3600)
        browser = enter(world, ada)
        app = Authenticator.scanned(world, browser.open("/account/factors/totp"))
        world.clock.advance(minutes=10)
        visit = answer(browser, app.code())
        assert "This took too long" in visit.page.words
        assert count(world, "totp_devices", "confirmed_at IS NOT NULL") == 0
        assert Authenticator.scanned(world, visit).key.secret != app.key.secret

    def test_another_session_cannot_confirm_it(self, world: World, ada: Resident) -> None:
        """TOTP-2: a secret is shown in the session that sets it up."""
        here, there = enter(world, ada), enter(world, ada)
        app = Authenticator.scanned(world, here.open("/account/factors/totp"))
        assert Authenticator.scanned(world, there.open("/account/factors/totp")).key.secret != app.key.secret
        assert answer(there, app.code()).status == 422

    def test_a_new_app_takes_the_place_of_the_old_one_when_it_is_confirmed(
        self, world: World, ada: Resident
    ) -> None:
        """TOTP-1, RC-1: until then the old one works; the codes stay."""
        old = app_of(world, ada)
        codes_of(world, ada)
        browser = enter_with(world, ada, old)
        new = Authenticator.scanned(world, browser.open("/account/factors/totp"))
        world.clock.advance(minutes=1)
        enter_with(world, ada, old)
        visit = answer(browser, new.code())
        assert "The new app is confirmed" in visit.page.words
        assert count(world, "recovery_codes", "used_at IS NULL") == 10
        world.clock.advance(minutes=1)
        assert "not the code" in answer(to_second_step(world, ada), old.code()).page.words
        enter_with(world, ada, new)

    def test_eight_digits(self, world: World, ada: Resident) -> None:
        """TOTP-5: told to the app."""
        world.set(totp_digits=8)
        app, visit = set_up(world, enter(world, ada))
        assert app.key.digits == 8
        assert visit.page.heading == "Keep your recovery codes"

    def test_switched_off_nobody_sets_one_up(self, world: World, ada: Resident) -> None:
        world.set(second_factor="off")
        browser = enter(world, ada)
        assert "switched off" in browser.open("/account/factors").page.words
        assert browser.open("/account/factors/totp").status == 403


PLACES = (
    "/account/factors/totp",
    "/account/factors/totp/remove",
    "/account/factors/codes",
    "/account/password",
)


@pytest.mark.parametrize("path", PLACES)
def test_what_changes_factors_asks_for_both_of_now(world: World, ada: Resident, path: str) -> None:
    """PW-9, TOTP-7, RC-4: neither an old sign-in nor a password alone will do, also within five minutes."""
    alone = enter(world, ada)
    app = app_of(world, ada)
    assert alone.open(path).page.heading == "Confirm that it is you"
    fill_password(alone, "", ada.password)
    visit = answer(alone, app.code())
    assert visit.url.endswith(path)
    assert visit.page.heading != "Confirm that it is you"
    world.clock.advance(minutes=6)
    assert alone.open(path).page.heading == "Confirm that it is you"


@pytest.mark.parametrize(
    "path", ["/account/factors/totp", "/account/factors/totp/remove", "/account/factors/codes"]
)
def test_a_form_of_elsewhere_changes_nothing(world: World, ada: Resident, path: str) -> None:
    """TOTP-7: CSRF."""
    app = app_of(world, ada)
    browser = enter_with(world, ada, app)
    visit = browser.post_from(path, {"code": app.code(1)}, "https://evil.example/")
    assert visit.status in {303, 403, 200}
    assert count(world, "totp_devices", "confirmed_at IS NOT NULL") == 1
    assert not world.events("recovery_codes_made")


class TestCodes:
    def test_new_ones_end_the_old_ones(self, world: World, ada: Resident) -> None:
        """RC-4: in one transaction, shown once."""
        app = app_of(world, ada)
        old = codes_of(world, ada)
        browser = enter_with(world, ada, app)
        visit = browser.open(browser.open("/account/factors").page.link("Make new codes"))
        assert "10 that are left stop working" in visit.page.words
        visit = browser.submit(visit.page.form("Make new codes"))
        new = codes_on(visit)
        assert len(new) == 10
        assert not set(new) & set(old)
        assert count(world, "recovery_codes") == 10
        second = to_second_step(world, ada)
        assert second.at
        second.open(second.at.page.link("Recovery code"))
        assert answer(second, old[0]).page.heading == "Enter a recovery code"
        assert answer(second, new[0]).page.heading == "You are signed in by a recovery code"


class TestGivingItUp:
    def test_it_goes_with_its_codes(self, world: World, ada: Resident) -> None:
        """TOTP-7: asked once more, audited; the next sign-in asks for the password alone."""
        app = app_of(world, ada)
        codes_of(world, ada)
        browser = enter_with(world, ada, app)
        visit = browser.open(browser.open("/account/factors").page.link("Remove"))
        visit = browser.submit(visit.page.form("Remove the app"))
        assert "is removed" in visit.page.words
        assert count(world, "totp_devices") == count(world, "recovery_codes") == 0
        (event,) = world.events("factor_removed")
        assert (event.subject, event.data["by_admin"]) == (ada.id, False)
        enter(world, ada)

    def test_a_short_password_is_changed_with_it(self, world: World, ada: Resident) -> None:
        """PW-1: eight characters are enough beside a second factor, and not alone."""
        app = app_of(world, ada)
        browser = enter_with(world, ada, app)
        visit = browser.open("/account/password")
        visit = browser.submit(visit.page.form("Change the password"), {"new": SHORT})
        assert "is changed" in visit.page.words
        visit = browser.open("/account/factors/totp/remove")
        form = visit.page.form("Remove the app")
        visit = browser.submit(form, {"new": SHORT})
        assert visit.status == 422
        assert "at least 15 characters" in visit.page.words
        assert count(world, "totp_devices") == 1
        visit = browser.submit(visit.page.form("Remove the app"), {"new": "long enough to stand alone"})
        assert "is removed" in visit.page.words
        assert count(world, "totp_devices") == 0
        other = world.browser()
        other.open("/login")
        assert fill(other, ada.email, "long enough to stand alone").url.endswith("/account")

    def test_eight_characters_alone_are_not_enough(self, world: World, ada: Resident) -> None:
        """PW-1: without a second factor."""
        browser = enter(world, ada)
        visit = browser.open("/account/password")
        assert browser.submit(visit.page.form("Change the password"), {"new": SHORT}).status == 422

    def test_the_last_one_stays_where_one_is_required(self, world: World, ada: Resident) -> None:
        """TOTP-8: no button, and no address either."""
        app = app_of(world, ada)
        world.set(second_factor="required")
        browser = enter_with(world, ada, app)
        page = browser.open("/account/factors").page
        assert "required here" in page.words
        assert not [link for link in page.links if link.to.endswith("/remove")]
        token = next(form for form in page.forms).inputs[0].value
        reply = browser.post_from(
            "/account/factors/totp/remove", {"csrf_token": token}, f"{world.url}/account/factors"
        )
        assert reply.status == 409
        assert count(world, "totp_devices") == 1


class TestRequired:
    """TOTP-8, AD-9: whoever has none sets one up as a step of the login, which cannot be left."""

    @pytest.fixture
    def required(self, world: World) -> None:
        world.set(second_factor="required")

    @pytest.mark.usefixtures("required")
    def test_it_is_a_step_of_the_login(self, world: World, ada: Resident) -> None:
        web = world.add_client("web", first_party=True)
        browser, request = world.browser(), web.begin()
        browser.open(request.url, web.redirect_uri)
        visit = fill(browser, ada.email, ada.password)
        assert visit.page.heading == "Set up a second step"
        app = Authenticator.scanned(world, visit)
        assert answer(browser, app.wrong()).page.heading == "Set up a second step"
        visit = answer(browser, app.code())
        assert visit.page.heading == "Keep your recovery codes"
        assert len(codes_on(visit)) == 10
        visit = browser.submit(visit.page.form("Continue"))
        assert visit.left_for
        claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
        assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")
        assert [event.subject for event in world.events("factor_added")] == [ada.id]

    @pytest.mark.usefixtures("required")
    @pytest.mark.parametrize(
        "path",
        [
            "/account",
            "/account/factors",
            "/account/factors/totp",
            "/account/fresh",
            "/login",
            "/login/totp",
            "/login/recovery",
            "/login/choose",
            "/login/account",
            "/login/enrol",
            "/login/help",
            "/oauth/authorize/resume",
            "/oauth/consent",
        ],
    )
    @pytest.mark.parametrize("how", ["with-tx", "alone", "posted"])
    def test_no_address_leaves_it(self, world: World, ada: Resident, path: str, how: str) -> None:
        web = world.add_client("web", first_party=True)
        browser, request = world.browser(), web.begin()
        browser.open(request.url, web.redirect_uri)
        visit = fill(browser, ada.email, ada.password)
        form = visit.page.form("Confirm the app")
        tx = next(entry.value for entry in form.inputs if entry.name == "tx")
        token = next(entry.value for entry in form.inputs if entry.name == "csrf_token")
        match how:
            case "with-tx":
                visit = browser.open(f"{path}?tx={tx}", initiator=visit.url)
            case "alone":
                visit = browser.open(path, initiator=visit.url)
            case _:
                body = {"tx": tx, "csrf_token": token, "code": "000000", "choice": "continue"}
                visit = browser.post_from(path, body, visit.url)
        assert visit.status < 500
        assert visit.left_for is None or "code=" not in visit.left_for
        assert count(world, "sso_sessions") == count(world, "grants") == 0
        assert not {"as_session", "as_device"} & {
            cookie.name.removeprefix("__Host-") for cookie in browser.jar.cookies.values()
        }
        # Another tab that asks anew comes to the same step.
        again = world.browser()
        again.open(web.begin().url, web.redirect_uri)
        assert fill(again, ada.email, ada.password).page.heading == "Set up a second step"

    def test_a_session_of_before_is_asked_when_an_app_comes(self, world: World, ada: Resident) -> None:
        """A code needs what is required now."""
        web = world.add_client("web", first_party=True)
        browser = enter(world, ada)
        world.set(second_factor="required")
        request = web.begin()
        visit = browser.open(request.url, web.redirect_uri)
        assert visit.page.heading == "Set up a second step"
        app = Authenticator.scanned(world, visit)
        visit = answer(browser, app.code())
        visit = browser.submit(visit.page.form("Continue"))
        assert visit.left_for
        claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
        assert claims["acr"] == "mfa"
        bob = world.add_user("bob@example.org")
        silent = world.signed_in(bob).open(web.begin(prompt="none").url, web.redirect_uri)
        assert "error=interaction_required" in (silent.left_for or "")

    @pytest.mark.usefixtures("required")
    def test_reset_by_an_admin_leads_back_to_it(self, world: World, ada: Resident) -> None:
        """TOTP-8: everything ends, and the next sign-in sets up before there is a session."""
        app = app_of(world, ada)
        enter_with(world, ada, app)
        reset(world, ada)
        assert count(world, "sso_sessions", "ended_at IS NULL") == 0
        assert to_second_step(world, ada).at.page.heading == "Set up a second step"  # type: ignore[union-attr]


def reset(world: World, person: Resident) -> None:
    with world.writing() as db:
        enrolment.reset(db, world.issuer, find.load(db, person.id), None, by=SYSTEM)


def test_a_reset_ends_everything_and_is_audited(world: World, ada: Resident) -> None:
    """TOTP-8, SS-7: sessions, factors and codes; where nothing is required the password is enough again."""
    app = app_of(world, ada)
    codes_of(world, ada)
    browser = enter_with(world, ada, app)
    reset(world, ada)
    assert browser.open("/account").page.heading == "Sign in"
    assert rows(world, "SELECT * FROM totp_devices") == rows(world, "SELECT * FROM recovery_codes") == []
    (event,) = world.events("factor_removed")
    assert event.data["by_admin"] is True
    enter(world, ada)
