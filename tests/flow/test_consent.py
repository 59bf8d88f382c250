"""The consent page: asked once for each app and scope set, and a yes is for what was shown."""

from urllib.parse import urlsplit

import pytest

from authserver.apis import edit as apis
from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.consent import edit as consents
from authserver.consent.find import given
from tests.agent import Browser, Visit, query_of
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Request, answer_pages, consent_form, sign_in

APP = "https://app.example"
OFFLINE = "openid profile offline_access"


def asked(browser: Browser, party: RelyingParty, person: Resident, **more: str) -> tuple[Request, Visit]:
    """As far as the consent page."""
    request = party.begin(**more)
    there = browser.open(request.url, initiator=APP)
    if password := next((form for form in there.page.forms if form.has("password")), None):
        names = {"username": person.email, "password": person.password}
        there = browser.submit(password, names)
    assert there.left_for is None, there.left_for
    assert urlsplit(there.url).path == "/oauth/consent", f"{there.url}: {there.page.words[:200]}"
    return request, there


def press(browser: Browser, there: Visit, words: str) -> Visit:
    browser.at = there
    form = consent_form(there.page.forms)
    assert form is not None
    return browser.submit(form, button=form.button(words))


def allowed(world: World, person: Resident, client: str = "web") -> frozenset[str]:
    with world.reading() as db:
        found = given(db, person.id, client)
    return found.scope if found else frozenset()


def test_the_page_says_who_asks_where_it_leads_and_for_what(world: World) -> None:
    """AZ-15: the app's name, the host of its redirect_uri, and a sentence for each scope."""
    ada, web = world.add_user(), world.add_client(scope=OFFLINE)
    _, there = asked(world.browser(), web, ada)
    for words in ("Web", "app.example", "See your name", ada.email):
        assert words in there.page.words
    assert there.reply.header("Cache-Control") == "no-store"


def test_the_scope_of_an_api_speaks_in_its_own_words(world: World) -> None:
    """AZ-15: in the language of the page, which the app may ask for."""
    sentences = {"en": "Read your notes", "de": "Deine Notizen lesen"}
    about = {"identifier": "https://notes.example", "name": "Notes", "is_default": True}
    with world.writing() as db:
        scopes = [{"name": "notes:read", "sentences": sentences}]
        apis.add(db, world.issuer, {**about, "scopes": scopes}, by=SYSTEM)
    ada, web = world.add_user(), world.add_client(scope="openid notes:read")
    browser = world.browser()
    _, there = asked(browser, web, ada)
    assert sentences["en"] in there.page.words
    assert sentences["de"] in browser.open(web.begin(ui_locales="de").url).page.words


def test_a_yes_gives_a_code_and_is_remembered(world: World) -> None:
    """AZ-15."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    request, there = asked(browser, web, ada)
    there = press(browser, there, "allow")
    assert there.trail[0].status == 303
    assert web.returned(request, there.left_for or "")["code"]
    assert allowed(world, ada) == {"openid", "profile", "email"}
    assert [event.subject for event in world.events("consent_given")] == [ada.id]
    again = web.begin()
    assert browser.open(again.url, initiator=APP).left_for


def test_a_no_is_told_to_the_app_and_nothing_is_kept(world: World) -> None:
    """AZ-7: access_denied, with state and issuer."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    request, there = asked(browser, web, ada)
    form = consent_form(there.page.forms)
    assert form is not None
    there = browser.submit(form, button=next(button for button in form.buttons if button.value == "deny"))
    with pytest.raises(OAuthError, match="access_denied"):
        web.returned(request, there.left_for or "")
    assert not allowed(world, ada)
    assert not world.events("grant_made")


def test_more_is_asked_for_again_and_added(world: World) -> None:
    """AZ-15: re-asked when the scope grows, never when it shrinks."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    sign_in(browser, web, ada, scope="openid profile")
    fewer = web.begin(scope="openid")
    assert browser.open(fewer.url, initiator=APP).left_for
    request, there = asked(browser, web, ada, scope="openid email")
    there = press(browser, there, "allow")
    assert web.returned(request, there.left_for or "")["code"]
    assert allowed(world, ada) == {"openid", "profile", "email"}


def test_it_is_asked_for_each_app(world: World) -> None:
    """AZ-15."""
    ada, one = world.add_user(), world.add_client("one")
    other = world.add_client("other")
    browser = world.browser()
    sign_in(browser, one, ada)
    asked(browser, other, ada)


def test_what_was_withdrawn_is_asked_again(world: World) -> None:
    """AZ-15."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    sign_in(browser, web, ada)
    with world.writing() as db:
        consents.withdraw(db, world.issuer, ada.id, "web", by=SYSTEM)
    asked(browser, web, ada)


def test_prompt_consent_asks_in_any_case(world: World) -> None:
    """AZ-11: also what was allowed before, and what a first-party app asks."""
    ada = world.add_user()
    web, house = world.add_client(), world.add_client("house", first_party=True)
    browser = world.browser()
    sign_in(browser, web, ada)
    request, there = asked(browser, web, ada, prompt="consent")
    assert web.returned(request, press(browser, there, "allow").left_for or "")["code"]
    asked(browser, house, ada, prompt="consent")


def test_signing_in_again_and_allowing_again_are_both_asked_once(world: World) -> None:
    """AZ-11: what was proved for this request still counts behind the consent page."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    sign_in(browser, web, ada)
    request = web.begin(prompt="login consent")
    there = answer_pages(browser, browser.open(request.url, initiator=APP), ada)
    assert web.returned(request, there.left_for or "")["code"]


def test_an_answer_is_good_for_one_code(world: World) -> None:
    """AZ-14, AZ-11: pressed again, or opened again, the page does not prove a second time what was proved for it."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    sign_in(browser, web, ada)
    request, there = asked(browser, web, ada, prompt="login consent")
    assert web.returned(request, press(browser, there, "allow").left_for or "")["code"]
    for page in (there, browser.open(there.url)):
        again = press(browser, page, "allow")
        assert again.left_for is None
        assert any(form.has("password") for form in again.page.forms)


def test_offline_access_needs_a_yes(world: World) -> None:
    """RT-10: explicit consent, in its own words."""
    ada, web = world.add_user(), world.add_client(scope=OFFLINE)
    browser = world.browser()
    sign_in(browser, web, ada, scope="openid profile")
    _, there = asked(browser, web, ada)
    assert "while you are away" in there.page.words


def test_the_page_belongs_to_its_browser(world: World) -> None:
    """AZ-14: another browser cannot answer it, nor can it be changed."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    _, there = asked(browser, web, ada)
    other = world.browser()
    sign_in(other, world.add_client("house", first_party=True), ada)
    elsewhere = other.open(there.url)
    assert elsewhere.left_for is None
    assert consent_form(elsewhere.page.forms) is None
    assert consent_form(browser.open(there.url[:-1]).page.forms) is None


def test_the_answer_needs_the_token_of_the_page(world: World) -> None:
    """WEB-2: another site cannot press the button."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    _, there = asked(browser, web, ada)
    fields = {"tx": query_of(there.url)["tx"], "choice": "allow"}
    forged = browser.post_from("/oauth/consent", fields, "https://evil.example")
    assert (forged.status, forged.left_for) == (403, None)
    assert not allowed(world, ada)


def test_a_yes_is_only_for_the_person_who_was_asked(world: World) -> None:
    """SS-9: somebody else signed in meanwhile is asked themselves."""
    ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob")
    web, house = world.add_client(), world.add_client("house", first_party=True)
    browser = world.browser()
    _, there = asked(browser, web, ada)
    sign_in(browser, house, bob, prompt="login")
    answered = press(browser, there, "allow")
    assert answered.left_for is None
    assert not allowed(world, ada)
    assert not allowed(world, bob)


def test_a_yes_after_signing_out_signs_nobody_in(world: World) -> None:
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    _, there = asked(browser, web, ada)
    browser.jar.cookies = {
        key: cookie for key, cookie in browser.jar.cookies.items() if "session" not in cookie.name
    }
    answered = press(browser, there, "allow")
    assert answered.left_for is None
    assert not allowed(world, ada)


def test_a_page_that_was_open_too_long_asks_again(world: World) -> None:
    """AZ-14: half an hour, however long the session lasts; the app's request is kept."""
    world.set(session_idle=7200)
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    request, there = asked(browser, web, ada)
    browser.jar.now = lambda: 0.0
    world.clock.advance(minutes=31)
    for late in (browser.open(there.url), press(browser, there, "allow")):
        assert late.left_for is None
        assert late.url != there.url
        assert not allowed(world, ada)
    assert web.returned(request, press(browser, late, "allow").left_for or "")["code"]


def test_showing_the_page_again_asks_again_or_goes_on(world: World) -> None:
    """AZ-14: a reload shows it again; once allowed in another tab, it leads on to the app."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    request, there = asked(browser, web, ada)
    assert consent_form(browser.open(there.url).page.forms)
    press(browser, there, "allow")
    on = browser.open(there.url)
    assert web.returned(request, on.left_for or "")["code"]


def test_an_app_that_was_switched_off_meanwhile_gets_nothing(world: World) -> None:
    """The request is read again with each answer."""
    ada, web = world.add_user(), world.add_client()
    browser = world.browser()
    _, there = asked(browser, web, ada)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"active": False}, by=SYSTEM)
    answered = press(browser, there, "allow")
    assert (answered.status, answered.left_for) == (400, None)


def test_the_page_may_lead_to_the_app_and_nowhere_else(world: World) -> None:
    """WEB-4: browsers follow a form's redirect only to where the policy says."""
    ada, web = world.add_user(), world.add_client()
    _, there = asked(world.browser(), web, ada)
    policy = there.reply.header("Content-Security-Policy") or ""
    assert f"form-action 'self' {APP};" in policy
