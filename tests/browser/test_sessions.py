"""Sessions in Chromium: idle browsers are warned and signed out, and one device gives way to another."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.house import Guest, House
from tests.browser.test_walk import give_password, sent_back

Accessible = Callable[[Page], None]


def passes(house: House, page: Page, *, seconds: int) -> None:
    """Time goes on for the server and for the page alike."""
    house.deployment.clock.advance(seconds=seconds)
    page.clock.run_for(seconds * 1000)


@pytest.fixture
def guest(house: House) -> Guest:
    return house.guest()


@pytest.fixture
def account(house: House, page: Page, guest: Guest) -> Page:
    """Somebody signed in just now, at a page of theirs, with the time in the hand."""
    page.clock.install()
    page.goto(f"{house.url}/login")
    give_password(page, guest)
    page.goto(f"{house.url}/account/apps")
    return page


def test_an_open_page_warns_a_minute_before_and_one_press_stays(
    house: House, account: Page, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SS-2: by a dialog that takes the focus, and in the title; the server knows of the press."""
    dialog = account.get_by_role("alertdialog")
    passes(house, account, seconds=9 * 60 - 5)
    expect(dialog).to_be_hidden()
    passes(house, account, seconds=10)
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Stay signed in")).to_be_focused()
    expect(account).to_have_title(re.compile(r"^\(0:5\d\) Are you still there\?"))
    assert_accessible(account)
    screenshot(account, "idle-warning")
    account.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    passes(house, account, seconds=8 * 60)
    account.goto(f"{house.url}/account/devices")
    expect(account.get_by_role("heading", level=1)).to_have_text("Devices")


def test_another_tab_keeps_this_one_quiet(house: House, account: Page) -> None:
    """SS-2: whoever works in another tab is not asked here."""
    passes(house, account, seconds=5 * 60)
    other = account.context.new_page()
    other.goto(f"{house.url}/account/devices")
    # What the page asks is answered before time goes on.
    with account.expect_response(re.compile("/session$")):
        passes(house, account, seconds=4 * 60 + 5)
    account.evaluate("Promise.resolve()")
    expect(account.get_by_role("alertdialog")).to_be_hidden()
    passes(house, account, seconds=5 * 60)
    expect(account.get_by_role("alertdialog")).to_be_visible()


def test_who_does_not_press_is_signed_out_and_comes_back_to_the_page(
    house: House, account: Page, guest: Guest, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SS-2, SS-10: the page says so; the next click leads to sign-in with a clear sentence, and then back."""
    dialog = account.get_by_role("alertdialog")
    passes(house, account, seconds=9 * 60 + 10)
    # What the page asks is answered before time goes on.
    expect(dialog).to_be_visible()
    passes(house, account, seconds=60)
    expect(dialog.get_by_role("heading")).to_have_text("You are signed out")
    assert_accessible(account)
    screenshot(account, "idle-over")
    dialog.get_by_role("link", name="Sign in again").click()
    expect(account.get_by_text("You were away for 10 minutes")).to_be_visible()
    screenshot(account, "idle-sign-in")
    account.get_by_label("Password", exact=True).fill(guest.password)
    account.get_by_label("E-mail or user name").fill(guest.email)
    account.get_by_role("button", name="Sign in", exact=True).click()
    expect(account).to_have_url(f"{house.url}/account/apps")


@pytest.mark.parametrize("look", ["light", "phone-dark", "no-script"])
def test_one_device_gives_way_to_another(
    house: House,
    open_page: OpenPage,
    look: str,
    assert_accessible: Accessible,
    screenshot: Screenshot,
) -> None:
    """SS-5, SS-6: the second browser chooses; the first is told why, by what and when; and takes it back."""
    guest, portal = house.guest(max_sessions=1), house.party("portal")
    first, second = open_page(look), open_page(look)
    first.goto(f"{house.url}/login")
    give_password(first, guest)
    expect(first).to_have_url(f"{house.url}/account")
    request = portal.begin()
    second.goto(request.url)
    give_password(second, guest)
    expect(second.get_by_role("heading", level=1)).to_have_text("You are signed in on 1 device")
    expect(second.get_by_label(re.compile("Chrome on Linux"))).to_be_checked()
    if look != "no-script":
        assert_accessible(second)
    screenshot(second, f"takeover-{look}")
    came = sent_back(second, second.get_by_role("button", name="Sign it out and continue").click)
    assert portal.redeem(request, portal.returned(request, came)["code"]).access_token
    first.goto(f"{house.url}/account/devices")
    expect(first.get_by_text("You signed in on another device (Chrome on Linux")).to_be_visible()
    if look != "no-script":
        assert_accessible(first)
    screenshot(first, f"taken-over-{look}")
    give_password(first, guest)
    first.get_by_role("button", name="Sign it out and continue").click()
    expect(first).to_have_url(f"{house.url}/account/devices")


def test_devices_and_activity_are_told(
    house: House, guest: Guest, open_page: OpenPage, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """SS-8, AU-1: one device is signed out after a confirmation; what happened stands in the activity."""
    first, second = open_page(), open_page("phone")
    for page in (first, second):
        page.goto(f"{house.url}/login")
        give_password(page, guest)
    second.goto(f"{house.url}/account/devices")
    assert_accessible(second)
    screenshot(second, "devices")
    second.get_by_role("link", name=re.compile("Sign out Chrome on Linux")).first.click()
    assert_accessible(second)
    second.get_by_role("button", name="Sign it out").click()
    expect(second.get_by_role("status")).to_contain_text("Signed out there")
    second.goto(f"{house.url}/account/activity")
    expect(second.get_by_text("A device was signed out").first).to_be_visible()
    assert_accessible(second)
    screenshot(second, "activity")
    second.get_by_role("link", name="This wasn").click()
    assert_accessible(second)
    screenshot(second, "not-me")
