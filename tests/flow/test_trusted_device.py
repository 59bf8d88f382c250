"""Trusted devices: the second step is skipped where it was shown, for some hours, and nothing else changes. SU-5."""

from collections.abc import Callable

import pytest

from authserver.audit import SYSTEM
from authserver.login import enrolment
from authserver.login.passwords import choose
from authserver.store.restored import end_everything
from authserver.users import edit, find
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of, codes_of
from tests.flow.login import count, fill, fill_password
from tests.flow.world import PASSWORD, Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens

CODE = "Enter the code from your app"
SIX_HOURS = 6 * 3600


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> Authenticator:
    return app_of(world, ada)


def password(world: World, ada: Resident, browser: Browser, at: str = "/login") -> Visit:
    """Signed out and in again, as far as the password leads."""
    signed_out(browser)
    browser.open(at)
    return fill(browser, ada.email, ada.password)


def signed_out(browser: Browser) -> None:
    """The browser was closed."""
    for key in [key for key in browser.jar.cookies if key[-1] == "as_session"]:
        del browser.jar.cookies[key]


def offers_trust(there: Visit) -> bool:
    return any(entry.name == "trust" for form in there.page.forms for entry in form.inputs)


def trusting(world: World, ada: Resident, app: Authenticator, browser: Browser | None = None) -> Browser:
    """A browser whose owner ticked the box at the second step, and signed out."""
    browser = browser or world.browser()
    there = password(world, ada, browser)
    assert there.page.heading == CODE
    world.clock.advance(seconds=30)
    there = browser.submit(there.page.form("Continue"), {"code": app.code(), "trust": "yes"})
    assert there.url.endswith("/account")
    return browser


def tokens(browser: Browser, web: RelyingParty, ada: Resident, **asked: str) -> Tokens:
    request = web.begin(**asked)
    there = browser.open(request.url, web.redirect_uri)
    if not there.left_for:
        there = fill_password(browser, ada.email, ada.password)
    assert there.left_for, there.page.heading
    return web.redeem(request, web.returned(request, there.left_for)["code"])


def is_asked(world: World, ada: Resident, browser: Browser) -> bool:
    heading = password(world, ada, browser).page.heading
    assert heading == CODE or browser.at.url.endswith("/account")  # type: ignore[union-attr]
    return heading == CODE


def test_the_code_is_skipped_for_six_hours_and_never_longer(
    world: World, ada: Resident, app: Authenticator
) -> None:
    """SU-5: counted from the sign-in that showed the code, and not slid by those that skipped it."""
    browser = trusting(world, ada, app)
    start = world.clock.now()
    for hours in (1, 3, 5.99):
        world.clock.advance(seconds=start + hours * 3600 - world.clock.now())
        assert not is_asked(world, ada, browser)
    world.clock.advance(seconds=start + SIX_HOURS - 1 - world.clock.now())
    assert not is_asked(world, ada, browser)
    world.clock.advance(seconds=1)
    assert is_asked(world, ada, browser)


def test_tokens_say_what_was_proved_there(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5, ID-4: the password alone, though a second factor is demanded of everybody."""
    world.set(second_factor="required")
    browser = trusting(world, ada, app)
    signed_out(browser)
    web = world.add_client("web", first_party=True)
    claims = tokens(browser, web, ada).claims
    assert (claims["amr"], claims["acr"]) == (["pwd"], "pwd")


@pytest.mark.parametrize(
    "asked",
    [
        {"acr_values": "mfa-low"},
        {"acr_values": "mfa"},
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"mfa"}}}'},
        {"prompt": "login"},
        {"max_age": "0"},
        {"max_age": "86400"},
    ],
    ids=["mfa-low", "mfa", "essential", "prompt-login", "max-age-0", "max-age"],
)
def test_an_app_that_asks_for_a_proof_gets_one(
    world: World, ada: Resident, app: Authenticator, asked: dict[str, str]
) -> None:
    """SU-5: neither a level nor an age is met by trust; with a session of it, too."""
    world.set(second_factor="required")
    browser = trusting(world, ada, app)
    web = world.add_client("web", first_party=True)
    for stays in (False, True):
        if not stays:
            signed_out(browser)
        else:
            assert not is_asked(world, ada, browser)
        request = web.begin(**asked)
        there = browser.open(request.url, web.redirect_uri)
        if any(form.has("password") for form in there.page.forms):
            there = fill_password(browser, ada.email, ada.password)
        assert there.page.heading == CODE
        world.clock.advance(seconds=30)
        there = answer(browser, app.code())
        claims = web.redeem(request, web.returned(request, there.left_for or "")["code"]).claims
        assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")


@pytest.mark.parametrize("where", ["client", "scope"])
def test_what_requires_two_factors_is_not_met(
    world: World, ada: Resident, app: Authenticator, where: str
) -> None:
    """SU-5, SU-6: silently neither."""
    browser = trusting(world, ada, app)
    assert not is_asked(world, ada, browser)
    world.add_api(
        "https://vault.example",
        scopes=[{"name": "open"} | ({"required_acr": "mfa"} if where == "scope" else {})],
    )
    web = world.add_client(
        "web", first_party=True, scope="openid open", required_acr="mfa" if where == "client" else None
    )
    assert browser.open(web.begin().url, web.redirect_uri).page.heading == CODE
    request = web.begin(prompt="none")
    there = browser.open(request.url, web.redirect_uri)
    with pytest.raises(OAuthError, match="interaction_required"):
        web.returned(request, there.left_for or "")


def test_a_change_of_the_account_is_not_met(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5, PW-9."""
    browser = trusting(world, ada, app)
    assert not is_asked(world, ada, browser)
    assert browser.open("/account/factors/totp").page.heading == "Confirm that it is you"
    there = fill_password(browser, "", ada.password)
    assert there.page.heading == CODE
    assert not offers_trust(there)


def test_enforcement_ends_with_the_trust(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5: a session that came by it is asked at the next app, once the time is over."""
    world.set(second_factor="required", session_idle=86_400, session_lifetime=86_400)
    browser = trusting(world, ada, app)
    assert not is_asked(world, ada, browser)
    web = world.add_client("web", first_party=True)
    assert tokens(browser, web, ada).claims["acr"] == "pwd"
    world.clock.advance(seconds=SIX_HOURS)
    assert browser.open(web.begin().url, web.redirect_uri).page.heading == CODE


def in_other_browser(world: World, ada: Resident, browser: Browser) -> Browser:
    other = world.browser()
    for key, cookie in browser.jar.cookies.items():
        if cookie.name == "as_trusted":
            other.jar.cookies[key] = cookie
    return other


def with_changed_password(world: World, ada: Resident, browser: Browser) -> Browser:
    chosen = choose(world.issuer, PASSWORD, ada.id)
    with world.writing() as db:
        edit.set_password(db, world.issuer, ada.id, chosen.phc, by=SYSTEM)
    return browser


def with_new_app(world: World, ada: Resident, browser: Browser) -> Browser:
    app_of(world, ada)
    return browser


def everywhere(world: World, ada: Resident, browser: Browser) -> Browser:
    with world.writing() as db:
        edit.bump_epoch(db, world.issuer, ada.id, reason="test", by=SYSTEM)
    return browser


def restored(world: World, ada: Resident, browser: Browser) -> Browser:
    with world.writing() as db:
        end_everything(db, world.clock())
    world.clock.advance(minutes=2)
    return browser


def as_admin(world: World, ada: Resident, browser: Browser) -> Browser:
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"role": "auditor"}, by=SYSTEM)
    return browser


def switched_off(world: World, ada: Resident, browser: Browser) -> Browser:
    world.set(trusted_device_lifetime=0)
    return browser


def removed(world: World, ada: Resident, browser: Browser) -> Browser:
    password(world, ada, browser)
    page = browser.open("/account/devices").page
    assert "this device" in page.words
    there = browser.submit(page.form("Ask there again"))
    assert "is asked there again" in there.page.words
    assert not [b for form in there.page.forms for b in form.buttons if b.words == "Ask there again"]
    return browser


ENDS: dict[str, Callable[[World, Resident, Browser], Browser]] = {
    "another-browser": in_other_browser,
    "password-changed": with_changed_password,
    "factor-replaced": with_new_app,
    "signed-out-everywhere": everywhere,
    "restored-from-backup": restored,
    "made-an-admin": as_admin,
    "switched-off": switched_off,
    "removed-by-its-owner": removed,
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS.keys())
def test_what_ends_it(
    world: World, ada: Resident, app: Authenticator, ends: Callable[[World, Resident, Browser], Browser]
) -> None:
    """SU-5, SS-7: bound to browser, password and factors; off for admins; taken back on the page of devices."""
    browser = trusting(world, ada, app)
    assert not is_asked(world, ada, browser)
    assert is_asked(world, ada, ends(world, ada, browser))


def test_signing_out_keeps_it(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5: it is the device that is trusted, not a session."""
    browser = trusting(world, ada, app)
    page = browser.open("/logout").page
    form = page.form("Sign out")
    browser.submit(form, button=form.button("Sign out"))
    assert not is_asked(world, ada, browser)


def test_it_is_one_persons(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5: somebody else in the same browser is asked."""
    bob = world.add_user("bob@example.org")
    app_of(world, bob)
    browser = trusting(world, ada, app)
    assert is_asked(world, bob, browser)
    assert not is_asked(world, ada, browser)


def test_a_recovery_code_trusts_no_device(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5: only what reaches mfa does; the box is not there, and sending it anyway does nothing."""
    codes = codes_of(world, ada)
    browser = world.browser()
    there = password(world, ada, browser)
    there = browser.open(there.page.link("Recovery code"))
    form = there.page.form("Continue")
    assert not offers_trust(there)
    tx, token = (next(i.value for i in form.inputs if i.name == name) for name in ("tx", "csrf_token"))
    body = {"tx": tx, "csrf_token": token, "code": codes[0], "trust": "yes"}
    browser.post_from("/login/recovery", body, there.url)
    assert browser.jar.get("as_session")
    assert browser.jar.get("as_trusted") is None
    assert count(world, "trusted_devices") == 0


def test_it_is_not_offered_to_admins_nor_where_it_is_off(world: World) -> None:
    """SU-5."""
    boss = world.add_user("boss@example.org", role="owner")
    app_of(world, boss)
    assert not offers_trust(password(world, boss, world.browser()))
    ada = world.add_user()
    app_of(world, ada)
    assert offers_trust(password(world, ada, world.browser()))
    world.set(trusted_device_lifetime=0)
    assert not offers_trust(password(world, ada, world.browser()))


def test_the_cookie_is_kept_as_a_digest_and_lives_no_longer(
    world: World, ada: Resident, app: Authenticator
) -> None:
    """SU-5, WEB-1: 256 bits that are nowhere in the database; audited."""
    browser = trusting(world, ada, app)
    cookie = browser.jar.get("as_trusted")
    assert cookie
    assert len(cookie.value) == 43
    assert cookie.value.encode() not in world.rows("SELECT digest FROM trusted_devices")[0][0]
    assert cookie.expires == world.clock.now() + SIX_HOURS
    assert [event.data["seconds"] for event in world.events("device_trusted")] == [SIX_HOURS]


def test_a_foreign_one_cannot_be_taken_back(world: World, ada: Resident, app: Authenticator) -> None:
    """AD-3."""
    bob = world.add_user("bob@example.org")
    trusting(world, ada, app)
    (held,) = world.rows("SELECT id FROM trusted_devices")
    browser = world.signed_in(bob)
    token = browser.open("/account").page.forms[0].inputs[0].value
    reply = browser.post_from(
        "/account/devices/trusted", {"csrf_token": token, "id": held[0]}, f"{world.url}/account/devices"
    )
    assert reply.status == 404
    assert count(world, "trusted_devices") == 1


def test_giving_up_the_app_ends_it_for_a_later_one(world: World, ada: Resident, app: Authenticator) -> None:
    """SU-5, TOTP-7: the factors of now are not those that were shown."""
    browser = trusting(world, ada, app)
    with world.writing() as db:
        enrolment.reset(db, world.issuer, find.load(db, ada.id), None, by=SYSTEM)
    app_of(world, ada)
    assert is_asked(world, ada, browser)
