"""Registration that cannot be left before a second factor is set up, in Chromium."""

import re
from collections.abc import Callable

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.house import DEMANDING, Authenticator, House, cookies, give_code, is_headed, other_way, tab
from tests.browser.test_walk import give_password, sent_back
from tests.oidc import Person

Accessible = Callable[[Page], None]
NEW = Person(email="newcomer@example.org", password="Difference engines turn", name="Charles Babbage")


def registered(house: House, page: Page, assert_accessible: Accessible, screenshot: Screenshot) -> None:
    """From the sign-in page to an account, by the code that is mailed."""
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name").fill(NEW.name)
    page.get_by_label("E-mail").fill(NEW.email)
    page.get_by_label("Password", exact=True).fill(NEW.password)
    assert_accessible(page)
    screenshot(page, "register")
    page.get_by_role("button", name="Send me a code").click()
    is_headed(page, "Confirm your address")
    assert_accessible(page)
    screenshot(page, "register-confirm")
    give_code(page, house.mailed_code(NEW.email))
    is_headed(page, "Your account is ready")
    assert_accessible(page)
    screenshot(page, "register-ready")
    page.get_by_role("link", name="Sign in").click()


def test_registration_ends_with_a_second_factor_and_cannot_be_left_before(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """AD-9, TOTP-8, SU-2, PW-11: back, other addresses, another tab and the API open nothing before its end."""
    page = open_page("phone")
    portal, request = house.party(DEMANDING), house.party(DEMANDING).begin()
    page.goto(request.url)
    registered(house, page, assert_accessible, screenshot)
    give_password(page, NEW)
    is_headed(page, "Set up a second step")
    assert_accessible(page)
    screenshot(page, "forced-enrolment-phone")
    step, secret = page.url, page.locator("#secret").inner_text().replace(" ", "")

    def nothing_is_open() -> None:
        assert not cookies(page) & {"as_session", "as_trust", "as_device"}
        assert house.sessions(NEW.email) == 0

    nothing_is_open()
    leave_by_back(page)
    nothing_is_open()
    leave_by_address(house, page, step)
    nothing_is_open()
    leave_by_tab(house, page)
    nothing_is_open()
    leave_by_api(house, page)
    nothing_is_open()
    page.goto(step)
    is_headed(page, "Set up a second step")
    assert page.locator("#secret").inner_text().replace(" ", "") == secret
    give_code(page, "000000")
    expect(page.get_by_text(re.compile("not the code"))).to_be_visible()
    assert_accessible(page)
    nothing_is_open()
    give_code(page, pyotp.TOTP(secret).at(house.issuer.clock()))
    is_headed(page, "Keep your recovery codes")
    assert page.locator("#codes li").count() == 10
    assert_accessible(page)
    screenshot(page, "recovery-codes-phone")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download as a file").click()
    assert kept.value.suggested_filename == "recovery-codes.txt"
    page.get_by_label("I keep them").check()
    came = sent_back(page, page.get_by_role("button", name="Continue").click)
    claims = portal.redeem(request, portal.returned(request, came)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")
    assert house.sessions(NEW.email) == 1


def leave_by_back(page: Page) -> None:
    page.go_back()
    page.go_forward()
    is_headed(page, "Set up a second step")


def leave_by_address(house: House, page: Page, step: str) -> None:
    """Every page of the account, and every other step of this login."""
    tx = step.partition("tx=")[2]
    for path in ("/account", "/account/factors", "/account/password", "/account/devices"):
        page.goto(house.url + path)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    for path in ("totp", "recovery", "choose", "takeover", "account", "passkey", "email"):
        page.goto(f"{house.url}/login/{path}?tx={tx}")
        assert not page.url.startswith(f"{house.url}/account")
    page.goto(f"{house.url}/oauth/authorize/resume?tx={tx}")
    assert "code=" not in page.url


def leave_by_tab(house: House, page: Page) -> None:
    """Another app that demands nothing has the same browser ask from the start; it has no session to go by."""
    other = page.context.new_page()
    request = house.party("portal").begin(prompt="none")
    came = sent_back(other, lambda: _goto(other, request.url))
    assert "error=login_required" in came
    other.close()
    other = tab(page)
    other.goto(house.party("portal").begin().url)
    expect(other.get_by_role("heading", level=1)).to_contain_text("Sign in")
    other.close()


def _goto(page: Page, url: str) -> None:
    page.evaluate("url => { location.href = url }", url)


def leave_by_api(house: House, page: Page) -> None:
    """What the account's own pages call, with all cookies that there are."""
    for method, path in (
        ("GET", "/api/session"),
        ("POST", "/api/session/touch"),
        ("POST", "/account/factors/totp"),
        ("POST", "/account/password"),
        ("GET", "/oauth/userinfo"),
    ):
        answer = page.request.fetch(house.url + path, method=method, max_redirects=0)
        assert answer.status in {303, 400, 401, 403, 404}, f"{method} {path}: {answer.status}"
        assert "as_session" not in answer.headers.get("set-cookie", "")


def test_a_passkey_and_an_address_are_set_up_on_the_way_to_an_app(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """AD-9, PK-3, PW-10, SS-10: whoever has neither goes through both, and then on to where they were going."""
    page, guest = open_page("dark"), house.guest(username="nora")
    Authenticator.of(page)
    demanding, request = house.party(DEMANDING), house.party(DEMANDING).begin()
    page.goto(request.url)
    give_password(page, guest)
    other_way(page, "Passkey")
    page.get_by_label("Name").fill("This laptop")
    assert_accessible(page)
    screenshot(page, "enrol-passkey-dark")
    page.get_by_role("button", name="Add a passkey").click()
    is_headed(page, "Your e-mail address")
    assert "as_session" not in cookies(page)
    assert_accessible(page)
    screenshot(page, "no-address-dark")
    page.get_by_label("E-mail address").fill("nora@example.org")
    page.get_by_role("button", name="Send me a code").click()
    give_code(page, house.mailed_code("nora@example.org"))
    is_headed(page, "Keep your recovery codes")
    page.get_by_label("I keep them").check()
    came = sent_back(page, page.get_by_role("button", name="Continue").click)
    claims = demanding.redeem(request, demanding.returned(request, came)["code"]).claims
    assert claims["acr"] == "phr"
    assert {"pwd", "user", "mfa"} < set(claims["amr"])
