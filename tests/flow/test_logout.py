"""RP-initiated logout: who proves what, and where it leads."""

from typing import Any

import pytest

from tests.agent import Browser, Visit, query_of
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in

APP = "https://app.example"
GOODBYE = f"{APP}/goodbye"


def party(world: World, name: str = "web", **more: Any) -> RelyingParty:
    given = {"first_party": True, "post_logout_redirect_uris": [GOODBYE], **more}
    return world.add_client(name, **given)


def entered(world: World, web: RelyingParty, person: Resident) -> tuple[Browser, Tokens]:
    browser = world.browser()
    return browser, sign_in(browser, web, person)


def is_signed_in(browser: Browser, web: RelyingParty) -> bool:
    there = browser.open(web.begin(prompt="none").url, initiator=APP)
    return "code" in query_of(there.left_for or "")


def leave(browser: Browser, web: RelyingParty, **parameters: str) -> Visit:
    return browser.open(web.logout_url(**parameters), initiator=APP)


def confirm(browser: Browser, there: Visit, choice: str = "sign_out") -> Visit:
    form = next(form for form in there.page.forms if any(b.value == choice for b in form.buttons))
    return browser.submit(form, button=next(b for b in form.buttons if b.value == choice))


def test_a_hint_of_this_session_signs_out_and_leads_back(world: World) -> None:
    """LO-1, LO-2: at once, to the registered address, with state; the family of the app is ended."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    there = leave(
        browser,
        web,
        id_token_hint=tokens.id_token or "",
        post_logout_redirect_uri=GOODBYE,
        state='"<&%é+',
    )
    assert (there.left_for or "").startswith(f"{GOODBYE}?")
    assert query_of(there.left_for or "") == {"state": '"<&%é+'}
    assert browser.jar.get("as_session") is None
    assert not is_signed_in(browser, web)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens.refresh_token or "")
    assert [event.data["reason"] for event in world.events("session_ended")] == ["signed_out"]


def test_a_form_from_the_app_does_the_same(world: World) -> None:
    """LO-1, AZ-5: a cross-site POST comes without our cookies, and is asked again where they come along."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    fields = {"id_token_hint": tokens.id_token or "", "post_logout_redirect_uri": GOODBYE}
    there = browser.post_from("/oauth/logout", fields, APP)
    assert there.left_for == GOODBYE
    assert not is_signed_in(browser, web)


def test_an_old_hint_is_good_for_a_month(world: World) -> None:
    """LO-3: its exp does not count; after 30 days it proves nothing."""
    ada, web = world.add_user(), party(world)
    _, tokens = entered(world, web, ada)
    hint = tokens.id_token or ""
    world.clock.advance(days=29)
    assert leave(world.browser(), web, id_token_hint=hint, post_logout_redirect_uri=GOODBYE).left_for
    world.clock.advance(days=2)
    there = leave(world.browser(), web, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert there.left_for is None


def test_without_a_hint_the_person_is_asked(world: World) -> None:
    """LO-1: a link on any page could otherwise sign people out."""
    ada, web = world.add_user(), party(world)
    browser, _ = entered(world, web, ada)
    there = leave(browser, web)
    assert there.left_for is None
    assert is_signed_in(browser, web)
    there = confirm(browser, leave(browser, web))
    assert there.left_for is None
    assert not is_signed_in(browser, web)


def test_somebody_who_stays_stays(world: World) -> None:
    """LO-1."""
    ada, web = world.add_user(), party(world)
    browser, _ = entered(world, web, ada)
    confirm(browser, leave(browser, web, client_id="web"), "stay")
    assert is_signed_in(browser, web)


def test_an_app_that_the_person_confirms_is_returned_to(world: World) -> None:
    """LO-2: client_id alone proves nothing until somebody says yes."""
    ada, web = world.add_user(), party(world)
    browser, _ = entered(world, web, ada)
    there = leave(browser, web, client_id="web", post_logout_redirect_uri=GOODBYE, state="s")
    assert there.left_for is None
    policy = there.reply.header("Content-Security-Policy") or ""
    assert f"form-action 'self' {APP};" in policy
    there = confirm(browser, there)
    assert there.left_for == f"{GOODBYE}?state=s"
    assert there.trail[0].status == 303


def test_the_answer_needs_the_token_of_the_page(world: World) -> None:
    """WEB-2, LO-1."""
    ada, web = world.add_user(), party(world)
    browser, _ = entered(world, web, ada)
    there = browser.post_from("/oauth/logout/confirm", {"choice": "sign_out"}, "https://evil.example")
    assert there.status == 403
    assert is_signed_in(browser, web)


def test_the_answer_is_only_for_the_person_who_was_asked(world: World) -> None:
    """LO-1: somebody else signed in meanwhile is asked themselves."""
    ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob")
    web = party(world)
    browser, _ = entered(world, web, ada)
    there = leave(browser, web)
    sign_in(browser, web, bob, prompt="login")
    browser.at = there
    there = confirm(browser, there)
    assert bob.email in there.page.words
    assert is_signed_in(browser, web)
    confirm(browser, browser.open(there.url))
    assert not is_signed_in(browser, web)


def test_a_hint_of_another_person_asks_and_ends_what_it_names(world: World) -> None:
    """LO-1: the session of the hint ends; whoever is signed in here is asked."""
    ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob")
    web = party(world)
    elsewhere, tokens = entered(world, web, bob)
    browser, _ = entered(world, web, ada)
    there = leave(browser, web, id_token_hint=tokens.id_token or "", post_logout_redirect_uri=GOODBYE)
    assert there.left_for is None
    assert is_signed_in(browser, web)
    assert not is_signed_in(elsewhere, web)


def test_the_session_of_a_hint_ends_when_no_browser_has_it(world: World) -> None:
    """LO-1, CVE-27: after cookies are gone, sign-out still ends the app's tokens."""
    ada, web = world.add_user(), party(world)
    _, tokens = entered(world, web, ada)
    there = leave(world.browser(), web, id_token_hint=tokens.id_token or "", post_logout_redirect_uri=GOODBYE)
    assert there.left_for == GOODBYE
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens.refresh_token or "")


def test_a_hint_of_an_earlier_session_of_the_same_person_signs_out(world: World) -> None:
    """LO-1: the current sub is enough."""
    ada, web = world.add_user(), party(world)
    _, before = entered(world, web, ada)
    browser, _ = entered(world, web, ada)
    leave(browser, web, id_token_hint=before.id_token or "", post_logout_redirect_uri=GOODBYE)
    assert not is_signed_in(browser, web)


@pytest.mark.parametrize(
    "uri",
    [
        f"{GOODBYE}/",
        f"{GOODBYE}?x=1",
        "https://evil.example/goodbye",
        f"{APP}/callback",
        "http://app.example/goodbye",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(world: World, uri: str) -> None:
    """LO-2: exact, and for sign-out; the person is signed out all the same, on a page of ours."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    there = leave(browser, web, id_token_hint=tokens.id_token or "", post_logout_redirect_uri=uri)
    assert (there.status, there.left_for) == (200, None)
    assert not is_signed_in(browser, web)


def test_an_address_of_another_app_is_not_taken(world: World) -> None:
    """LO-2: the client that the hint proves decides."""
    ada, web = world.add_user(), party(world)
    party(world, "other", post_logout_redirect_uris=["https://other.example/goodbye"])
    browser, tokens = entered(world, web, ada)
    there = leave(
        browser,
        web,
        id_token_hint=tokens.id_token or "",
        post_logout_redirect_uri="https://other.example/goodbye",
    )
    assert there.left_for is None


@pytest.mark.parametrize("kind", ["access_token", "junk", "wrong-client"])
def test_what_is_no_hint_proves_nothing(world: World, kind: str) -> None:
    """LO-3: an access token, garbage, or the token of another client asks the person instead."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    hint = {"access_token": tokens.access_token, "junk": "x.y.z"}.get(kind, tokens.id_token or "")
    named = {"client_id": "other"} if kind == "wrong-client" else {}
    there = leave(browser, web, id_token_hint=hint, post_logout_redirect_uri=GOODBYE, **named)
    assert there.left_for is None
    assert is_signed_in(browser, web)


def test_a_parameter_that_comes_twice_is_refused(world: World) -> None:
    """AZ-5's rule holds here, too."""
    web = party(world)
    there = world.browser().open(f"{web.logout_url(state='a')}&state=b")
    assert (there.status, there.left_for) == (400, None)


def test_signing_out_expires_our_cookie_and_nothing_of_the_neighbours(world: World) -> None:
    """LO-7: by name, with the attributes that it was set with; never Clear-Site-Data for cookies."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    device = browser.jar.get("as_device")
    there = leave(browser, web, id_token_hint=tokens.id_token or "")
    assert "cookies" not in (there.reply.header("Clear-Site-Data") or "")
    assert there.reply.header("Cache-Control") == "no-store"
    assert browser.jar.get("as_device") == device
    assert browser.jar.get("as_session") is None


def test_offline_access_outlives_a_plain_sign_out(world: World) -> None:
    """RT-10."""
    ada, web = world.add_user(), party(world, scope="openid offline_access")
    browser, tokens = entered(world, web, ada)
    leave(browser, web, id_token_hint=tokens.id_token or "")
    assert not is_signed_in(browser, web)
    assert web.refresh(tokens.refresh_token or "").access_token


@pytest.mark.parametrize("by", ["app", "self"])
def test_whoever_was_away_for_long_signs_out_with_their_apps(world: World, by: str) -> None:
    """LO-1, SS-2, RT-10: the browser's sign-in went idle and its apps run on; who says yes ends them, unnamed."""
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    world.clock.advance(minutes=11)
    there = leave(browser, web) if by == "app" else browser.open("/logout")
    assert ada.email not in there.page.words
    assert ada.name not in there.page.words
    assert web.refresh(tokens).refresh_token
    assert confirm(browser, there).page.heading == "You are signed out"
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert browser.open("/logout").page.heading == "You are signed out"


def test_signing_out_twice_is_no_error(world: World) -> None:
    ada, web = world.add_user(), party(world)
    browser, tokens = entered(world, web, ada)
    for _ in range(2):
        there = leave(browser, web, id_token_hint=tokens.id_token or "", post_logout_redirect_uri=GOODBYE)
        assert there.left_for == GOODBYE
    assert leave(world.browser(), web).status == 200
