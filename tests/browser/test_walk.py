"""A person walks through the product in Chromium: from nothing to signed in, by mouse, by keyboard, without scripts."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.house import House, has_focus
from tests.oidc import Person
from tests.seeds import ADA, party
from tests.serve import Deployment, environment
from tests.wire import send

Accessible = Callable[[Page], None]
OWNER = Person(email="owner@example.org", password="A few words in a row", name="Grace Hopper")
LINK = re.compile(r"http://localhost:\d+/setup/\S+")


@pytest.fixture(scope="module")
def deployment(house: House) -> Deployment:
    """One server is enough for what a browser shows."""
    return house.deployment


def sent_back(page: Page, act: Callable[[], None]) -> str:
    """Where the app is sent to by this act. Nobody is there: the address is all that counts."""
    with page.expect_request(re.compile("^https://app[.]example/callback")) as asked:
        act()
    return asked.value.url


def give_password(page: Page, person: Person) -> None:
    page.get_by_label("E-mail or user name").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def fresh_server(tmp_path: Path, free_port: int) -> Iterator[str]:
    """What `make run` starts: development, nobody there yet. The value is what it printed, up to its link."""
    settings = {"AUTHSERVER_BIND": f"127.0.0.1:{free_port}"}
    program = Path(sys.executable).parent / "authserver"
    with subprocess.Popen(
        [program, "serve"],
        env=environment(tmp_path / "data", None, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if LINK.search(printed):
                break
        yield printed
        process.terminate()
        process.communicate(timeout=35)


def test_the_first_owner_is_made_by_the_printed_link(
    fresh_server: str, page: Page, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """The newcomer's first minutes: the link, an account, a sign-in, the account pages."""
    link = LINK.search(fresh_server)
    assert link is not None, fresh_server
    base = link[0].partition("/setup/")[0]
    page.goto(base)
    expect(page.get_by_text("It has no owner yet")).to_be_visible()
    assert_accessible(page)
    page.goto(link[0])
    page.get_by_label("E-mail").fill(OWNER.email)
    page.get_by_label("Name", exact=True).fill(OWNER.name)
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_label("E-mail")).to_have_value(OWNER.email)
    assert_accessible(page)
    screenshot(page, "walk-first-owner-short-password")
    page.get_by_label("Password", exact=True).fill(OWNER.password)
    page.get_by_role("button", name="Make my account").click()
    give_password(page, OWNER)
    expect(page).to_have_url(f"{base}/account")
    for path in ("", "/password", "/apps", "/devices"):
        page.goto(f"{base}/account{path}")
        assert_accessible(page)
        screenshot(page, f"walk-account{path.replace('/', '-')}")
    assert page.goto(link[0]).status == 410  # type: ignore[union-attr]


@pytest.mark.parametrize("look", ["light", "phone-dark", "no-script"])
def test_an_app_signs_somebody_in(
    deployment: Deployment,
    open_page: OpenPage,
    look: str,
    assert_accessible: Accessible,
    screenshot: Screenshot,
) -> None:
    """SS-10, AZ-15: the sign-in page names the app, a wrong password keeps the name, consent says what it gets."""
    page = open_page(look)
    web = party(deployment, "web")
    request = web.begin(scope="openid profile email", prompt="consent")
    page.goto(request.url)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in to")
    check(page, look, assert_accessible)
    give_password(page, Person(email=ADA.email, password="not the password"))
    expect(page.get_by_label("E-mail or user name")).to_have_value(ADA.email)
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    check(page, look, assert_accessible)
    screenshot(page, f"walk-wrong-{look}")
    give_password(page, ADA)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    check(page, look, assert_accessible)
    screenshot(page, f"walk-consent-{look}")
    came = sent_back(page, page.get_by_role("button", name="Allow").click)
    code = web.returned(request, came)["code"]
    assert web.redeem(request, code).claims["amr"] == ["pwd"]


def check(page: Page, look: str, assert_accessible: Accessible) -> None:
    if look != "no-script":
        assert_accessible(page)


def test_a_sign_in_by_keyboard_alone(deployment: Deployment, page: Page) -> None:
    """The focus begins in the first field, and Tab and Enter do the rest."""
    portal = party(deployment, "portal")
    request = portal.begin()
    page.goto(request.url)
    has_focus(page, "username")
    page.keyboard.type(ADA.email)
    page.keyboard.press("Tab")
    page.keyboard.type(ADA.password)
    came = sent_back(page, lambda: page.keyboard.press("Enter"))
    assert portal.redeem(request, portal.returned(request, came)["code"]).access_token


def test_a_form_post_answer_reaches_the_app(deployment: Deployment, page: Page) -> None:
    """AZ-9: posted by a script of ours, every character as it was sent."""
    portal = party(deployment, "portal")
    state = "\"<&%é+ '"
    request = portal.begin(response_mode="form_post", state=state)
    page.goto(request.url)
    with page.expect_request("https://app.example/callback") as asked:
        give_password(page, ADA)
    fields = {name: values[0] for name, values in parse_qs(asked.value.post_data or "").items()}
    assert fields["state"] == state
    assert portal.checked(request, fields)["code"]


def test_a_refusal_can_be_looked_up(
    deployment: Deployment, page: Page, assert_accessible: Accessible, screenshot: Screenshot
) -> None:
    """AZ-2: no redirect, a reference to copy, and `explain` says what differs."""
    web = party(deployment, "web", redirect_uri="https://app.example/callback/")
    page.goto(web.begin().url)
    assert_accessible(page)
    screenshot(page, "walk-refused")
    assert page.get_by_role("link", name=re.compile("app.example")).count() == 0
    found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", page.inner_text("main"))
    assert found is not None
    told = deployment.cli("explain", found[0])
    assert "trailing slash" in str(told)


@pytest.mark.parametrize(
    ("locale", "heading", "direction"), [("de-DE", "anmelden", "ltr"), ("en-GB", "Sign in", "ltr")]
)
def test_the_browsers_language_is_spoken(
    deployment: Deployment, open_page: OpenPage, locale: str, heading: str, direction: str
) -> None:
    """WEB-9: by Accept-Language, and by ui_locales of the app, which comes first."""
    page = open_page(locale=locale)
    page.goto(party(deployment, "web").begin().url)
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(heading, re.IGNORECASE))
    assert page.get_attribute("html", "dir") == direction
    page.goto(party(deployment, "web").begin(ui_locales="de").url)
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("anmelden", re.IGNORECASE))


def test_signing_out_ends_the_sign_in(deployment: Deployment, page: Page) -> None:
    """LO-1, LO-7: asked first, then gone; the back button shows nothing of the account."""
    page.goto(f"{deployment.issuer}/login")
    give_password(page, ADA)
    page.goto(f"{deployment.issuer}/account")
    page.goto(f"{deployment.issuer}/oauth/logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("signed out")
    page.go_back()
    page.goto(f"{deployment.issuer}/account")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    assert send("GET", f"{deployment.issuer}/account").status == 303
