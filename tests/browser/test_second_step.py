"""The second step in Chromium: by keyboard, by mail, by recovery code, skipped for a while, and asked for again."""

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.house import LEVEL, House, cookies, give_code, has_focus, is_headed, other_way, row, tab
from tests.browser.test_walk import give_password, sent_back

Accessible = Callable[[Page], None]
HOURS = timedelta(hours=1).total_seconds()


def test_a_whole_sign_in_by_keyboard_alone(house: House, page: Page) -> None:
    """TOTP-3, ID-4: the focus is where something is to be typed, and Enter goes on."""
    guest = house.guest()
    app, portal = house.app_of(guest), house.party("portal")
    request = portal.begin()
    page.goto(request.url)
    has_focus(page, "username")
    page.keyboard.type(guest.email)
    page.keyboard.press("Tab")
    page.keyboard.type(guest.password)
    page.keyboard.press("Enter")
    is_headed(page, "Enter the code from your app")
    has_focus(page, "code")
    page.keyboard.type(house.code(app))
    came = sent_back(page, lambda: page.keyboard.press("Enter"))
    claims = portal.redeem(request, portal.returned(request, came)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")


def test_an_app_that_asks_for_more_has_only_what_is_missing_asked(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SU-3, SU-4: by acr_values; the password is not asked again, and the time of the sign-in stays."""
    guest, page, level = house.guest(), open_page("phone-dark"), house.party(LEVEL)
    first = level.begin()
    page.goto(first.url)
    came = sent_back(page, lambda: give_password(page, guest))
    before = level.redeem(first, level.returned(first, came)["code"]).claims
    assert before["acr"] == "pwd"
    app, page = house.app_of(guest), tab(page)
    house.deployment.clock.advance(60)
    request = level.begin(acr_values="mfa")
    page.goto(request.url)
    is_headed(page, "Enter the code from your app")
    expect(page.get_by_label("Password", exact=True)).to_have_count(0)
    assert_accessible(page)
    screenshot(page, "step-up-phone-dark")
    came = sent_back(page, lambda: give_code(page, house.code(app)))
    claims = level.redeem(request, level.returned(request, came)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")
    assert (claims["auth_time"], claims["sid"]) == (before["auth_time"], before["sid"])


def test_a_mailed_code_goes_through_a_mail_server_and_is_asked_first_the_next_time(
    house: House, phone_page: Page, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """EOTP-1, EOTP-2, EOTP-5: sent by a press, with the wait counted down, which a reload does not shorten."""
    guest, page = house.guest(), phone_page
    house.app_of(guest)
    with house.settings(email_code=True):
        page.goto(f"{house.url}/login")
        give_password(page, guest)
        is_headed(page, "Enter the code from your app")
        other_way(page, "Code by e-mail")
        is_headed(page, "Get a code by e-mail")
        assert_accessible(page)
        screenshot(page, "mailed-code-before")
        page.get_by_role("button", name="Send the code").click()
        again = page.get_by_role("button", name=re.compile(r"Another code in \d+ s"))
        expect(again).to_be_disabled()
        page.reload()
        expect(again).to_be_disabled()
        assert_accessible(page)
        screenshot(page, "mailed-code-sent")
        give_code(page, "000000")
        expect(page.get_by_text(re.compile("not the code"))).to_be_visible()
        give_code(page, house.mailed_code(guest.email))
        expect(page).to_have_url(f"{house.url}/account")
        assert house.sessions(guest.email) == 1
        page.context.clear_cookies()
        page.goto(f"{house.url}/login")
        give_password(page, guest)
        is_headed(page, "Get a code by e-mail")
        other_way(page, "Authenticator app")
        is_headed(page, "Enter the code from your app")


def test_a_lost_phone_is_no_lost_account(
    house: House, page: Page, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """RC-2, RC-3, RC-5: from the app to a recovery code, at last to a person; each code once, and told by mail."""
    guest = house.guest()
    page.goto(f"{house.url}/login")
    give_password(page, guest)
    expect(page).to_have_url(f"{house.url}/account")
    house.app_of(guest)
    code, *_ = house.codes_of(guest)
    page.context.clear_cookies()
    page.goto(f"{house.url}/login")
    give_password(page, guest)
    page.get_by_text("Use another way").click()
    screenshot(page, "another-way")
    page.get_by_role("link", name="None of these works").click()
    is_headed(page, "A person can help you in")
    expect(page.get_by_role("link", name="help@id.example")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "nothing-works")
    page.get_by_role("link", name="Back to the sign-in").click()
    other_way(page, "Recovery code")
    assert_accessible(page)
    screenshot(page, "recovery-code")
    page.get_by_label(re.compile("ecovery code")).fill(code.lower())
    page.get_by_role("button", name="Continue").click()
    is_headed(page, "You are signed in by a recovery code")
    assert_accessible(page)
    screenshot(page, "recovery-code-used")
    assert "Codes left: 9." in house.mailed(guest.email, "with your password and a recovery code")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(f"{house.url}/account")


def test_a_trusted_device_is_asked_again_after_six_hours(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SU-5, ID-4: within six hours the password is enough and claims no more; afterwards it is not."""
    guest, page, portal = house.guest(), open_page("dark"), house.party("portal")
    app = house.app_of(guest)

    def signs_in(*, within: bool) -> None:
        page.goto(f"{house.url}/login")
        give_password(page, guest)
        if within:
            expect(page).to_have_url(f"{house.url}/account")
        else:
            is_headed(page, "Enter the code from your app")

    signs_in(within=False)
    page.get_by_label(re.compile("Skip this step on this device for 6 hours")).check()
    assert_accessible(page)
    screenshot(page, "trust-dark")
    give_code(page, house.code(app))
    expect(page).to_have_url(f"{house.url}/account")
    page.goto(f"{house.url}/account/devices")
    expect(page.get_by_role("heading", name="No second step here")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "trusted-device-dark")
    page.get_by_role("button", name="Sign out here").click()
    assert "as_session" not in cookies(page)
    house.deployment.clock.advance(6 * HOURS - 120)
    signs_in(within=True)
    request = portal.begin()
    came = sent_back(page, lambda: page.evaluate("url => { location.href = url }", request.url))
    claims = portal.redeem(request, portal.returned(request, came)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd"], "pwd")
    house.deployment.clock.advance(180)
    page = tab(page)
    page.goto(f"{house.url}/account/devices")
    page.get_by_role("button", name="Sign out here").click()
    signs_in(within=False)


def test_signing_out_everywhere_else_is_told_there(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SS-3, SS-8: two other browsers are out at their next click, and read why; this one goes on."""
    guest, pages = house.guest(), [open_page(), open_page("phone"), open_page("dark")]
    for page in pages:
        page.goto(f"{house.url}/login")
        give_password(page, guest)
        expect(page).to_have_url(f"{house.url}/account")
    here, *others = pages
    here.goto(f"{house.url}/account/devices")
    here.get_by_role("link", name=re.compile("Sign out everywhere else")).click()
    expect(here.get_by_text("2 other devices are signed in.")).to_be_visible()
    assert_accessible(here)
    screenshot(here, "sign-out-everywhere")
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_text("You are signed in nowhere else.")).to_be_visible()
    assert house.sessions(guest.email) == 1
    for page in others:
        page.goto(f"{house.url}/account/devices")
        expect(page.get_by_text("ended the sign-in here")).to_be_visible()
    assert_accessible(others[0])
    screenshot(others[0], "signed-out-elsewhere")
    here.goto(f"{house.url}/account/activity")
    expect(row(here, "signed out").first).to_be_visible()
