"""Requests that need no page: answered before Flask, and not to be told from a view's answers."""

from urllib.parse import urljoin, urlsplit

import pytest

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.clients.find import by_client_id
from authserver.sessions import ending, sso
from authserver.tokens import grant
from authserver.users import find
from tests.agent import Browser, query_of
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty
from tests.wire import Reply

APP = "https://app.example"
OWN = {"Location", "X-Request-Id", "Content-Type"}


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client(first_party=True)


def arrive(browser: Browser, party: RelyingParty, **asked: str) -> Reply:
    """The first answer to an authorization request; what is straight says nothing of a body's type."""
    return browser.open(party.begin(**asked).url, initiator=APP).trail[0]


def is_straight(reply: Reply) -> bool:
    return reply.header("Content-Type") is None


def test_a_code_that_nobody_need_be_asked_for_comes_straight(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    browser = world.signed_in(ada)
    reply = arrive(browser, web)
    assert is_straight(reply)
    assert reply.status == 303
    assert "code" in query_of(str(reply.header("Location")))


def test_its_headers_are_those_of_the_view(world: World, ada: Resident, web: RelyingParty) -> None:
    browser = world.signed_in(ada)
    straight = arrive(browser, web)
    world.clock.advance(seconds=61)  # the session is due to be written down, which the view does
    viewed = arrive(browser, web)
    assert not is_straight(viewed)
    assert told(straight) == told(viewed)


def told(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers if name not in OWN}


def test_who_is_not_signed_in_is_led_to_the_login_straight_and_with_the_headers_of_the_view(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    """AZ-14: the login is bound to the browser, which is known by the same value from then on."""
    browser = world.browser()
    straight, again = arrive(browser, web), arrive(browser, web)
    viewed = arrive(world.signed_in(ada), web, prompt="login")
    assert [is_straight(each) for each in (straight, again, viewed)] == [True, True, False]
    kept = "Set-Cookie"
    assert {**told(straight), kept: ""} == {**told(viewed), kept: ""}
    assert str(straight.header(kept)).partition(";")[0] == str(again.header(kept)).partition(";")[0]
    for reply in (straight, again):
        there = urljoin(world.url, str(reply.header("Location")))
        assert "Who are you?" in browser.open(there).reply.text
        assert "Who are you?" not in world.browser().open(there).reply.text


def test_both_ways_audit_and_count_the_same(world: World, ada: Resident, web: RelyingParty) -> None:
    browser = world.signed_in(ada)
    arrive(browser, web)
    world.clock.advance(seconds=61)
    arrive(browser, web)
    first, second = world.events("grant_made")
    assert (first.actor, first.client, first.session, first.ip, first.user_agent) == (
        second.actor,
        second.client,
        second.session,
        second.ip,
        second.user_agent,
    )


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"prompt": "login"}, id="a-login"),
        pytest.param({"response_mode": "form_post"}, id="a-form"),
        pytest.param({"redirect_uri": "https://elsewhere.example/"}, id="a-refusal-on-a-page"),
        pytest.param({"response_type": "token"}, id="a-refusal-to-the-app"),
        pytest.param({"prompt": "none", "max_age": "0"}, id="a-silent-error"),
    ],
)
def test_what_needs_more_than_a_redirect_is_left_to_the_view(
    world: World, ada: Resident, web: RelyingParty, asked: dict[str, str]
) -> None:
    browser = world.signed_in(ada)
    before = len(world.events("grant_made"))
    assert not is_straight(arrive(browser, web, **asked))
    assert len(world.events("grant_made")) - before == (1 if "response_mode" in asked else 0)


def test_a_quoted_cookie_of_a_sibling_domain_is_not_taken_apart(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    """SS-1: only the host itself sets the session's cookie; within quotes of another one it is nobody's."""
    request = web.begin()
    sent = world.signed_in(ada).jar.sent(request.url, "GET", APP)
    own = "; ".join(f"{cookie.name}={cookie.value}" for cookie in sent if "session" in cookie.name)
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}"
    assert "code=" in str(world.get(path, {"Cookie": own}).header("Location"))
    planted = world.get(path, {"Cookie": f'sibling="a; {own}; b"'})
    assert "code=" not in str(planted.header("Location"))


def test_what_was_worked_out_of_a_request_holds_until_anything_moves(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    """The same words mean what they mean now: to the app, to its APIs, by what is set."""
    world.add_api("https://api.example", scopes=[{"name": "read"}])
    party = world.add_client(
        "reader", first_party=True, scope="openid read", resources=["https://api.example"]
    )
    browser = world.signed_in(ada)

    def comes() -> str:
        reply = arrive(browser, party)
        return (
            "code" if is_straight(reply) else query_of(str(reply.header("Location"))).get("error", "a page")
        )

    def change(**changes: object) -> None:
        with world.writing() as db:
            clients.edit(db, world.issuer, "reader", changes, by=SYSTEM)

    assert [comes(), comes()] == ["code", "code"]
    world.add_group("staff", ada)
    world.add_group("board")
    world.edit_api("https://api.example", scopes=[{"name": "read", "groups": ["board"]}])
    assert comes() == "a page"  # which notes what was left out
    world.edit_api("https://api.example", scopes=[{"name": "read", "groups": ["staff"]}])
    assert comes() == "code"
    change(scopes=["openid"])
    assert comes() == "invalid_scope"
    change(scopes=["openid", "read"])
    assert comes() == "code"
    world.edit_api("https://api.example", required_acr="mfa")
    assert comes() == "unmet_authentication_requirements"
    world.edit_api("https://api.example", required_acr=None)
    change(redirect_uris=["https://elsewhere.example/callback"])
    assert comes() == "a page"


def test_what_is_new_in_each_request_is_never_another_ones(
    world: World, ada: Resident, web: RelyingParty
) -> None:
    """AZ-8, ID-3: state, nonce and challenge are those that came."""
    browser = world.signed_in(ada)
    for _ in range(2):
        request = web.begin()
        there = browser.open(request.url, initiator=APP)
        web.redeem(request, web.returned(request, there.left_for or "")["code"])
    long = browser.open(web.begin(state="s" * 2049).url, initiator=APP)
    assert query_of(long.left_for or "")["error"] == "invalid_request"
    without = browser.open(web.begin(code_challenge="").url, initiator=APP)
    assert query_of(without.left_for or "")["error"] == "invalid_request"


def test_no_grant_opens_in_a_session_that_has_ended(world: World, ada: Resident, web: RelyingParty) -> None:
    """AZ-17: whoever looked at the session a moment ago gets nothing, and nothing is written."""
    world.signed_in(ada)
    client, now = by_client_id(world.issuer, "web"), world.clock()
    assert client
    with world.reading() as db:
        (session,) = sso.of_user(db, world.issuer, ada.id, now)
    for is_over in (False, True):
        with world.writing() as db:
            if is_over:
                ending.end(db, world.issuer, session.id, reason="signed_out", by=SYSTEM, now=now)
            made = grant.begin(
                db,
                world.issuer,
                client=client,
                user=find.load(db, ada.id),
                authentication=session.authentication,
                session_expires_at=session.expires_at,
                scope=("openid",),
                by=SYSTEM,
                now=now,
            )
        assert (made is None) is is_over
    assert len(world.events("grant_made")) == 1
    assert world.rows("SELECT count(*) FROM grants") == [(1,)]
