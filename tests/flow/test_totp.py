"""Signing in with an authenticator app: a code of now, once, and not too many wrong ones."""

from collections.abc import Callable

import pytest

from authserver.audit import SYSTEM
from authserver.factors import totp
from authserver.users import edit
from authserver.vault import CannotOpen
from tests.agent import Browser
from tests.flow.apps import Authenticator, answer, app_of, codes_of, enter_with, last_step, to_second_step
from tests.flow.login import count, enter, fill, fill_password
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens

FULL_WIDTH = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> Authenticator:
    return app_of(world, ada)


def test_a_code_ends_the_sign_in_and_is_claimed(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-1, ID-4: nothing of value before the code; then amr and acr as the table has them."""
    web = world.add_client("web", first_party=True)
    browser, request = world.browser(), web.begin()
    browser.open(request.url, web.redirect_uri)
    visit = fill(browser, ada.email, ada.password)
    assert visit.page.heading == "Enter the code from your app"
    assert count(world, "sso_sessions") == 0
    assert browser.jar.get("as_session") is None
    visit = answer(browser, app.code())
    assert visit.left_for
    claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")


@pytest.mark.parametrize(
    ("steps", "accepted"),
    [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)],
)
def test_a_code_is_good_for_one_step_around_now(
    world: World, ada: Resident, app: Authenticator, steps: int, accepted: bool
) -> None:
    """TOTP-3, CVE-25: the window is one step to each side; what is further off is told apart."""
    world.clock.advance(minutes=5)
    visit = answer(to_second_step(world, ada), app.code(steps))
    assert visit.url.endswith("/account") == accepted
    assert ("not of now" in visit.page.words) != accepted


def test_a_code_works_once(world: World, ada: Resident, app: Authenticator) -> None:
    """TOTP-3: in whichever browser it comes again; and an older step after a newer one is refused."""
    before, now = app.code(-1), app.code()
    enter_with(world, ada, app)
    for code in (now, before):
        visit = answer(to_second_step(world, ada), code)
        assert "was used already" in visit.page.words
    assert count(world, "sso_sessions") == 1


def test_the_code_that_confirmed_an_app_is_spent(world: World, ada: Resident) -> None:
    """TOTP-3: confirming an enrolment writes the step."""
    app = app_of(world, ada)
    world.clock.advance(seconds=-60)
    assert "was used already" in answer(to_second_step(world, ada), app.code()).page.words


@pytest.mark.parametrize(
    ("write", "accepted"),
    [
        pytest.param(lambda code: f" {code[:3]} {code[3:]} ", True, id="spaces"),
        pytest.param(lambda code: f"{code[:3]}\u00a0{code[3:]}", True, id="no-break-space"),
        pytest.param(lambda code: code.translate(FULL_WIDTH), False, id="full-width"),
        pytest.param(lambda code: f"{code}0", False, id="seven-digits"),
        pytest.param(lambda code: code[:5], False, id="five-digits"),
        pytest.param(lambda code: f"+{code}", False, id="plus"),
        pytest.param(lambda code: f"{code[:3]}-{code[3:]}", False, id="dash"),
        pytest.param(lambda _: "", False, id="nothing"),
    ],
)
def test_what_is_a_code(
    world: World, ada: Resident, app: Authenticator, write: Callable[[str], str], accepted: bool
) -> None:
    """TOTP-4: ASCII digits of the right number, after spaces are taken out."""
    visit = answer(to_second_step(world, ada), write(app.code()))
    assert visit.url.endswith("/account") == accepted


def test_an_app_keeps_the_digits_it_was_set_up_with(world: World, ada: Resident) -> None:
    """TOTP-5: a changed setting is for new apps."""
    world.set(totp_digits=8)
    app = app_of(world, ada)
    app.key.digits = 8
    world.set(totp_digits=6)
    enter_with(world, ada, app)


def test_a_secret_is_sealed_to_its_person(world: World, ada: Resident, app: Authenticator) -> None:
    """TOTP-2, KEY-4: another person's row cannot hold it."""
    bob = world.add_user("bob@example.org")
    with world.reading() as db:
        device = totp.confirmed(db, ada.id)
    assert device
    assert app.key.secret.encode() not in device.sealed
    assert device.key(world.issuer.vault).secret == app.key.secret
    stolen = totp.Device(**{name: getattr(device, name) for name in device.__slots__} | {"user": bob.id})
    with pytest.raises(CannotOpen):
        stolen.key(world.issuer.vault)


def test_a_locked_person_cannot_end_a_sign_in(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-2: each step looks at the person again."""
    browser = to_second_step(world, ada)
    with world.writing() as db:
        edit.lock(db, world.issuer, ada.id, by=SYSTEM)
    answer(browser, app.code())
    assert count(world, "sso_sessions") == 0


def test_a_sign_in_writes_the_step_once(world: World, ada: Resident, app: Authenticator) -> None:
    """A sign-in costs one write for the app."""
    browser = to_second_step(world, ada)
    with world.statements(60) as asked:
        answer(browser, app.code())
    assert len([text for text in asked if "totp_devices" in text and not text.startswith("SELECT")]) == 1


class TestTries:
    def test_five_wrong_codes_in_a_quarter_close_it(
        self, world: World, ada: Resident, app: Authenticator
    ) -> None:
        """TOTP-6: sliding; the tries that are left are told, then how long to wait."""
        browser = to_second_step(world, ada)
        for left in (4, 3, 2, 1, 0):
            visit = answer(browser, app.wrong())
            assert f"{left} tr{'y' if left == 1 else 'ies'} left" in visit.page.words
            world.clock.advance(minutes=1)
        visit = answer(browser, app.code())
        assert (visit.status, visit.reply.header("Retry-After")) == (429, "600")
        assert "Try again in 10 minutes" in visit.page.words
        assert count(world, "sso_sessions") == 0
        world.clock.advance(minutes=10)
        assert answer(browser, app.code()).url.endswith("/account")

    def test_no_new_start_gives_new_tries(self, world: World, ada: Resident, app: Authenticator) -> None:
        """TOTP-6: neither a new sign-in, nor a new address, nor a right code between."""
        for n in range(4):
            world.ip = f"192.0.2.{n + 10}"
            answer(to_second_step(world, ada), app.wrong())
        enter_with(world, ada, app)
        world.clock.advance(seconds=30)
        browser = to_second_step(world, ada)
        assert "0 tries left" in answer(browser, app.wrong()).page.words
        assert answer(to_second_step(world, ada), app.code()).status == 429

    def test_ten_in_an_hour_lock_it_until_it_is_opened(
        self, world: World, ada: Resident, app: Authenticator
    ) -> None:
        """TOTP-6, RC-3: the password still leads to it; time does not open it, a recovery code does."""
        codes = codes_of(world, ada)
        lock(world, ada, app)
        world.clock.advance(days=40)
        browser = to_second_step(world, ada)
        assert browser.at
        assert "this way is locked" in browser.at.page.words
        browser.open(browser.at.page.link("Recovery code"))
        visit = answer(browser, codes[0])
        assert visit.page.heading == "You are signed in by a recovery code"
        enter_with(world, ada, app)
        (closed,) = [event for event in world.events("second_step_closed") if event.data["locked"]]
        assert closed.subject == ada.id

    def test_an_admin_opens_it(self, world: World, ada: Resident, app: Authenticator) -> None:
        """TOTP-6: `users unlock`."""
        lock(world, ada, app)
        world.clock.advance(days=1)
        with world.writing() as db:
            edit.unlock(db, world.issuer, ada.id, by=SYSTEM)
        enter_with(world, ada, app)

    def test_wrong_passwords_do_not_count_here(self, world: World, ada: Resident, app: Authenticator) -> None:
        """TOTP-6: whoever does not know the password cannot lock the second step, nor the other way round."""
        browser = world.browser()
        for _ in range(9):
            browser.open("/login")
            fill(browser, ada.email, "wrong and long enough")
        for _ in range(4):
            answer(to_second_step(world, ada), app.wrong())
        enter_with(world, ada, app)

    def test_recovery_codes_have_tries_of_their_own(
        self, world: World, ada: Resident, app: Authenticator
    ) -> None:
        """RC-3: five in a quarter of an hour, and however many there are they lock nothing."""
        codes_of(world, ada)
        for _ in range(4):
            for _ in range(6):
                browser = to_second_step(world, ada)
                assert browser.at
                browser.open(browser.at.page.link("Recovery code"))
                visit = answer(browser, "AAAA-BBBB-CCCC-DDDD")
            assert visit.status == 429
            world.clock.advance(minutes=15)
        enter_with(world, ada, app)


def lock(world: World, ada: Resident, app: Authenticator) -> None:
    for _ in range(2):
        for _ in range(5):
            visit = answer(to_second_step(world, ada), app.wrong())
        world.clock.advance(minutes=16)
    assert "this way is locked" in visit.page.words


class TestStepUp:
    def test_an_app_asks_for_the_second_factor(self, world: World, ada: Resident) -> None:
        """SU-3, SU-4: only what is missing is asked, auth_time and sid stay, and it holds through a refresh."""
        web = world.add_client("web", first_party=True)
        browser = world.signed_in(ada)
        before = authorize(world, browser, web)
        app = app_of(world, ada)
        request = web.begin(acr_values="mfa")
        visit = browser.open(request.url, web.redirect_uri)
        assert visit.page.heading == "Enter the code from your app"
        visit = answer(browser, app.code())
        assert visit.left_for
        tokens = web.redeem(request, web.returned(request, visit.left_for)["code"])
        after = tokens.claims
        assert (after["acr"], after["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
        assert (after["auth_time"], after["sid"]) == (before.claims["auth_time"], before.claims["sid"])
        world.clock.advance(minutes=6)
        again = web.refresh(tokens).claims
        assert (again["acr"], again["amr"], again["auth_time"]) == ("mfa", after["amr"], after["auth_time"])

    def test_a_recovery_code_does_not_satisfy_it(self, world: World, ada: Resident) -> None:
        """RC-5: a step-up that demands an app does not offer it, and a session by it is asked again."""
        web = world.add_client("web", first_party=True)
        app = app_of(world, ada)
        codes = codes_of(world, ada)
        browser = to_second_step(world, ada)
        assert browser.at
        browser.open(browser.at.page.link("Recovery code"))
        answer(browser, codes[0])
        request = web.begin(acr_values="mfa")
        visit = browser.open(request.url, web.redirect_uri)
        assert visit.page.heading == "Enter the code from your app"
        assert not [link for link in visit.page.links if "/login/recovery" in link.to]
        elsewhere = browser.open(visit.url.replace("/login/totp", "/login/recovery"))
        assert elsewhere.page.heading == "Enter the code from your app"
        visit = answer(browser, app.code())
        assert visit.left_for
        claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
        assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "recovery", "otp", "mfa"])

    def test_who_has_no_factor_cannot(self, world: World, ada: Resident) -> None:
        """SU-3: unmet_authentication_requirements."""
        web = world.add_client("web", first_party=True)
        request = web.begin(acr_values="mfa")
        visit = world.signed_in(ada).open(request.url, web.redirect_uri)
        assert visit.left_for
        with pytest.raises(OAuthError, match="unmet_authentication_requirements"):
            web.returned(request, visit.left_for)

    def test_discovery_lists_what_can_be_reached(self, world: World) -> None:
        """MD-3: mfa-low by a recovery code, mfa by an app, phr by a passkey."""
        document = world.get("/.well-known/openid-configuration").json()
        assert document["acr_values_supported"] == ["pwd", "mfa-low", "mfa", "phr"]


@pytest.mark.parametrize(
    ("second", "amr", "acr"),
    [
        (None, ["pwd"], "pwd"),
        ("totp", ["pwd", "otp", "mfa"], "mfa"),
        ("recovery", ["pwd", "recovery", "mfa"], "mfa-low"),
    ],
)
def test_amr_and_acr_are_those_of_the_table(
    world: World, ada: Resident, second: str | None, amr: list[str], acr: str
) -> None:
    """ID-4, RT-8: for each way to sign in, and the same through a refresh."""
    web = world.add_client("web", first_party=True)
    app = app_of(world, ada) if second else None
    codes = codes_of(world, ada) if second else ()
    browser, request = world.browser(), web.begin()
    browser.open(request.url, web.redirect_uri)
    visit = fill(browser, ada.email, ada.password)
    if second == "totp" and app:
        visit = answer(browser, app.code())
    if second == "recovery":
        browser.open(visit.page.link("Recovery code"))
        visit = answer(browser, codes[0])
        visit = browser.open(visit.page.link("Continue"))
    assert visit.left_for
    tokens = web.redeem(request, web.returned(request, visit.left_for)["code"])
    assert (tokens.claims["amr"], tokens.claims["acr"]) == (amr, acr)
    world.clock.advance(minutes=6)
    again = web.refresh(tokens).claims
    assert (again["amr"], again["acr"], again["auth_time"]) == (amr, acr, tokens.claims["auth_time"])


def test_having_a_factor_claims_nothing(world: World, ada: Resident) -> None:
    """ID-4: a session of before an app was set up stays what it was."""
    web = world.add_client("web", first_party=True)
    browser = world.signed_in(ada)
    app_of(world, ada)
    assert authorize(world, browser, web).claims["amr"] == ["pwd"]


def test_switched_off_nobody_is_asked_but_who_changes_the_account(world: World, ada: Resident) -> None:
    """PW-9: a setting of sign-ins does not open the account pages."""
    app_of(world, ada)
    world.set(second_factor="off")
    browser = enter(world, ada)
    visit = browser.open("/account/password")
    assert visit.page.heading == "Confirm that it is you"
    assert fill_password(browser, "", ada.password).page.heading == "Enter the code from your app"


def test_somebody_without_any_of_it_reaches_a_person(world: World, ada: Resident) -> None:
    """`None of these works` ends at whoever helps."""
    world.set(support_contact="help@example.org")
    app_of(world, ada)
    browser = to_second_step(world, ada)
    assert browser.at
    visit = browser.open(browser.at.page.link("None of these works"))
    assert visit.page.heading == "A person can help you in"
    assert visit.page.link("help@example.org") == "mailto:help@example.org"
    assert browser.open(visit.page.link("Back to the sign-in")).page.heading == "Enter the code from your app"


def authorize(world: World, browser: Browser, web: RelyingParty) -> Tokens:
    request = web.begin()
    visit = browser.open(request.url, web.redirect_uri)
    assert visit.left_for, visit.page.words[:300]
    tokens: Tokens = web.redeem(request, web.returned(request, visit.left_for)["code"])
    return tokens


def test_steps_only_move_forward(world: World, ada: Resident, app: Authenticator) -> None:
    """TOTP-3: whatever the clock does."""
    before = last_step(world, ada)
    enter_with(world, ada, app)
    after = last_step(world, ada)
    assert after > before
    world.clock.advance(seconds=-90)
    answer(to_second_step(world, ada), app.code())
    assert last_step(world, ada) == after
