"""Requests that need no page: answered before Flask, and not to be told from a view's answers."""

from urllib.parse import urlsplit

import pytest

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
