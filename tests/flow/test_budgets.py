"""How many statements a request costs, and what each is for: one that is added is seen in review."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.agent import Browser
from tests.flow.json_login import app_in
from tests.flow.login import fill
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty, Request, Tokens

Budget = Sequence[tuple[str, str]]
VERB = re.compile(
    r"(SELECT) '(\w+)' WHERE|(SELECT) .*? FROM (\w+)|(INSERT) INTO (\w+)|(UPDATE) (\w+)|(DELETE) FROM (\w+)",
    re.DOTALL,
)
PARENTHESES = re.compile(r"\([^()]*\)")

CODE: Budget = (
    ("SELECT tickets", "the code, its family and the person as they are now, in one join"),
    ("UPDATE tickets", "the code is spent"),
)
CLIENT_CREDENTIALS: Budget = ()
REFRESH: Budget = (
    ("SELECT grants", "the family and its person as they are now, in one join"),
    ("UPDATE grants", "the generation is spent"),
)
RETRY: Budget = (
    ("SELECT grants", "the family and its person as they are now, in one join"),
    ("SELECT grants", "when it moved on: a moment ago is a retry, long ago is a theft"),
    ("INSERT audit_events", "that an answer was asked for again"),
)
INTROSPECTION: Budget = (("SELECT grants", "the family, its person and the token's own revocation"),)
USERINFO: Budget = (
    ("SELECT grants", "the family, its person and the token's own revocation"),
    ("SELECT users", "the claims about the person"),
)
VISIT = ("SELECT sso_sessions", "who is signed in, the person, and what is between them and the app")
CODE_MADE: Budget = (
    VISIT,
    ("INSERT grants", "the family, unless its session has just ended, which is held"),
    ("INSERT audit_events", "that a grant was made"),
    ("INSERT tickets", "the code"),
)
FIRST_CODE: Budget = (
    VISIT,
    ("INSERT session_clients", "the app takes part in the session, unless that has just ended"),
    *CODE_MADE[1:],
)
PAGE: Budget = (("SELECT transactions", "whether this login has begun already"),)
SIGN_IN: Budget = (
    ("SELECT transactions", "whether this login has begun already"),
    ("SELECT rate_windows", "failures of the address in this window, and in the one before"),
    ("SELECT users", "the account and its hash"),
    ("SELECT devices", "whether its budget is the known device's own"),
    ("SELECT pg_advisory_xact_lock", "tries at one account are counted one after the other"),
    ("SELECT failures", "what is left of the budget"),
    ("INSERT failures", "the try, before it is looked at"),
    ("SELECT users", "after the hash: whether the account is still as it was"),
    ("INSERT transactions", "the first proof makes the login a row"),
    ("SELECT passkey", "which factors they have for a second step, all in one"),
    ("SELECT users", "whether their address is confirmed, and the terms are accepted"),
    ("SELECT users", "on how many devices they may be; from here on their sign-ins follow each other"),
    ("INSERT devices", "the device is known from now on"),
    ("INSERT audit_events", "that the device is new"),
    ("SELECT users", "where its owner is told so"),
    ("SELECT pg_advisory_xact_lock", "what is told comes one after the other"),
    ("SELECT outbox", "unless they were told a moment ago"),
    ("INSERT outbox", "the mail"),
    ("INSERT sso_sessions", "the session"),
    ("UPDATE users", "the last sign-in"),
    ("INSERT audit_events", "that somebody signed in"),
    ("SELECT seen_places", "whether they were at this place before"),
    ("INSERT seen_places", "and if not, that they were"),
    ("UPDATE transactions", "the login is complete, and the request of the app is resumed with it, once"),
    ("DELETE failures", "the try was right, and the account's count begins again"),
)
APPS_OWN_SIGN_IN: Budget = (
    ("SELECT rate_windows", "failures of the address in this window, and in the one before"),
    ("SELECT users", "the account and its hash"),
    ("SELECT pg_advisory_xact_lock", "tries at one account are counted one after the other"),
    ("SELECT failures", "what is left of the budget"),
    ("INSERT failures", "the try, before it is looked at"),
    ("SELECT users", "after the hash: whether the account is still as it was"),
    ("INSERT transactions", "the first proof makes the login a row"),
    ("SELECT users", "the person: what the app may have for them, and whether their address is confirmed"),
    ("SELECT passkey", "which factors they have for a second step, all in one"),
    ("SELECT users", "on how many devices they may be; from here on their sign-ins follow each other"),
    ("INSERT devices", "the app is known by what it says of itself"),
    ("INSERT sso_sessions", "the session"),
    ("UPDATE users", "the last sign-in"),
    ("INSERT audit_events", "that somebody signed in"),
    ("SELECT seen_places", "whether they were at this place before"),
    ("UPDATE transactions", "the login is complete, once"),
    ("DELETE failures", "the try was right, and the account's count begins again"),
    ("INSERT session_clients", "the app takes part in the session"),
    ("INSERT grants", "the family of its tokens"),
    ("INSERT audit_events", "that a grant was made"),
)


@contextmanager
def within(world: World, budget: Budget) -> Iterator[None]:
    """No statement is asked that the budget does not name; one that is no longer needed may be missing."""
    left = [name for name, _ in budget]
    with world.statements(len(budget)) as asked:
        yield
    for statement in asked:
        name = name_of(statement)
        assert name in left, f"not in the budget: {statement}"
        left.remove(name)


def name_of(statement: str) -> str:
    """Verb and first table; what stands in parentheses is part of it."""
    found = VERB.match(PARENTHESES.sub("", statement))
    assert found, statement
    return " ".join(part for part in found.groups() if part)


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client(first_party=True)


@pytest.fixture
def visitor(world: World, ada: Resident, web: RelyingParty) -> Browser:
    """Somebody signed in, whose app has been here before: what is kept in memory is there."""
    browser = world.signed_in(ada)
    web.redeem(*code_for(browser, web))
    return browser


@pytest.fixture
def tokens(visitor: Browser, web: RelyingParty) -> Tokens:
    return web.refresh(web.redeem(*code_for(visitor, web)))


def code_for(browser: Browser, web: RelyingParty) -> tuple[Request, str]:
    request = web.begin()
    there = browser.open(request.url, initiator=web.redirect_uri)
    return request, web.returned(request, there.left_for or "")["code"]


def test_a_code_of_somebody_signed_in(world: World, visitor: Browser, web: RelyingParty) -> None:
    with within(world, CODE_MADE):
        code_for(visitor, web)


def test_the_redemption_of_a_code(world: World, visitor: Browser, web: RelyingParty) -> None:
    request, code = code_for(visitor, web)
    with within(world, CODE):
        web.redeem(request, code)


def test_client_credentials_ask_nothing_of_the_database(world: World) -> None:
    robot = world.add_client("robot", grant_types=["client_credentials"], redirect_uris=[], scope="")
    robot.client_credentials()
    with within(world, CLIENT_CREDENTIALS):
        robot.client_credentials()


def test_a_refresh(world: World, web: RelyingParty, tokens: Tokens) -> None:
    with within(world, REFRESH):
        web.refresh(tokens)


def test_a_refresh_whose_answer_was_lost(world: World, web: RelyingParty, tokens: Tokens) -> None:
    web.refresh(tokens)
    with within(world, RETRY):
        web.refresh(tokens)


@pytest.mark.parametrize(
    "of", [lambda tokens: tokens.access_token, lambda tokens: tokens.refresh_token], ids=["access", "refresh"]
)
def test_introspection(world: World, web: RelyingParty, tokens: Tokens, of: Callable[[Tokens], str]) -> None:
    with within(world, INTROSPECTION):
        web.introspect(of(tokens))


def test_userinfo(world: World, web: RelyingParty, tokens: Tokens) -> None:
    with within(world, USERINFO):
        web.userinfo(tokens.access_token)


def test_a_sign_in_from_the_page_to_the_code(
    world: World, ada: Resident, web: RelyingParty, visitor: Browser
) -> None:
    """With a password, in a new browser, for an app: the page, the password, and the code that follows it."""
    world.set(confirmed_address="required")
    assert world.issuer.settings.confirmed_address == "required"  # read, so that it need not be read again
    browser, request = world.browser(), web.begin()
    with within(world, PAGE):
        browser.open(request.url, initiator=web.redirect_uri)
    with within(world, [*SIGN_IN, *FIRST_CODE]):
        there = fill(browser, ada.email, ada.password)
    assert web.returned(request, there.left_for or "")["code"]


def test_a_sign_in_by_an_app_itself(world: World, ada: Resident) -> None:
    """Of somebody who was there before, at the same place and with the same app."""
    world.set(confirmed_address="required")
    app = app_in(world)
    app.entered(app.login(ada))
    with within(world, APPS_OWN_SIGN_IN):
        app.entered(app.login(ada))


def test_a_statement_that_is_not_in_the_budget_is_named(
    world: World, visitor: Browser, web: RelyingParty
) -> None:
    with pytest.raises(AssertionError, match="not in the budget: SELECT count"), within(world, CODE):
        world.rows("SELECT count(*) FROM users")
