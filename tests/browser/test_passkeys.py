"""Passkeys by the authenticator that Chromium plays: added, asked, enough alone, removed."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.house import LEVEL, Authenticator, Guest, House, is_headed, row, tab
from tests.browser.test_walk import give_password, sent_back

Accessible = Callable[[Page], None]


def add(house: House, page: Page, name: str) -> None:
    """On the page of one's ways to sign in."""
    page.goto(f"{house.url}/account/factors/passkeys/new")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add a passkey").click()


def entered(house: House, page: Page, guest: Guest) -> None:
    page.goto(f"{house.url}/login")
    give_password(page, guest)
    expect(page).to_have_url(f"{house.url}/account")


def test_a_passkey_that_knows_its_person_is_a_whole_sign_in(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """PK-3, PK-7, PK-8, ID-4: added once, then offered where the name is typed; a sign-in without any other proof."""
    guest, page = house.guest(), open_page()
    device = Authenticator.of(page)
    entered(house, page, guest)
    page.goto(f"{house.url}/account/factors/passkeys/new")
    assert_accessible(page)
    screenshot(page, "passkey-new")
    add(house, page, "This laptop")
    is_headed(page, "Keep your recovery codes")
    assert_accessible(page)
    page.goto(f"{house.url}/account/factors")
    expect(row(page, "This laptop")).to_contain_text("strongest")
    assert_accessible(page)
    screenshot(page, "passkey-listed")
    (credential,) = device.credentials()
    assert credential["rpId"] == "localhost"
    page.context.clear_cookies()
    portal, request = house.party("portal"), house.party("portal").begin()
    # Nothing is pressed: the browser offers it on the page, and the device says yes.
    came = sent_back(page, lambda: page.evaluate("url => { location.href = url }", request.url))
    claims = portal.redeem(request, portal.returned(request, came)["code"]).claims
    assert set(claims["amr"]) in ({"hwk", "user", "mfa"}, {"swk", "user", "mfa"})
    assert claims["acr"] == "phr"


def test_a_passkey_is_the_second_factor_and_can_be_removed(
    house: House, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """PK-3, PK-4, PK-7, SU-2: a key that is only touched counts beside a password; without it nobody comes in."""
    guest, page = house.guest(), open_page("dark")
    device = Authenticator.of(page, verifies=False)
    entered(house, page, guest)
    add(house, page, "Key on the ring")
    is_headed(page, "Keep your recovery codes")
    page.context.clear_cookies()
    device.is_at_hand(False)
    portal, request = house.party(LEVEL), house.party(LEVEL).begin()
    page.goto(request.url)
    give_password(page, guest)
    is_headed(page, "Use your passkey")
    assert_accessible(page)
    screenshot(page, "passkey-step-dark")
    assert house.sessions(guest.email) == 1
    device.is_at_hand(True)
    came = sent_back(page, page.get_by_role("button", name="Use the passkey").click)
    claims = portal.redeem(request, portal.returned(request, came)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "hwk", "mfa"], "mfa")
    page = tab(page)
    page.goto(f"{house.url}/account/factors")
    row(page, "Key on the ring").get_by_role("link", name=re.compile("Name or remove")).click()
    assert_accessible(page)
    screenshot(page, "passkey-remove-dark")
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Key on the ring")).to_have_count(0)
    page.context.clear_cookies()
    entered(house, page, guest)
