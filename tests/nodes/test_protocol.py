"""One walk through the protocol, the same on SQLite with 2 workers and on PostgreSQL and Redis with 2 nodes of 2."""

import pytest

from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Tokens, answer_pages, claims_of, sign_in
from tests.seeds import ADA, AFTERWARDS, API, BOB, party
from tests.serve import Deployment


@pytest.fixture
def rp(deployment: Deployment) -> RelyingParty:
    return party(deployment, "portal", scope="openid profile email offline_access")


@pytest.fixture
def tokens(browser: Browser, rp: RelyingParty) -> Tokens:
    return sign_in(browser, rp, ADA)


def silently(browser: Browser, rp: RelyingParty, **more: str) -> str:
    """What prompt=none brings: a code, or an error that is raised."""
    asked = rp.begin(prompt="none", **more)
    left_for = browser.open(asked.url, initiator=rp.redirect_uri).left_for
    assert left_for is not None
    return rp.returned(asked, left_for)["code"]


def test_every_node_and_worker_is_asked(deployment: Deployment) -> None:
    """OPS-4: what follows is no walk through one process."""
    before = dict(deployment.proxy.served)
    for _ in range(4 * len(deployment.nodes)):
        party(deployment).metadata  # noqa: B018 - it asks
    asked = {port: deployment.proxy.served[port] - before.get(port, 0) for port in deployment.ports}
    assert set(asked.values()) == {4}
    assert [len(node.workers()) for node in deployment.nodes] == [2] * len(deployment.nodes)


def test_the_code_flow_ends_in_tokens_that_say_what_happened(rp: RelyingParty, tokens: Tokens) -> None:
    """T-3, ID-4, TK-10: somebody signs in with a password, and both tokens and userinfo say so."""
    access = rp.verify_access_token(tokens.access_token, rp.issuer)
    assert tokens.claims["amr"] == access["amr"] == ["pwd"]
    assert tokens.claims["acr"] == access["acr"] == "pwd"
    assert tokens.claims["auth_time"] == access["auth_time"]
    assert tokens.claims["sid"] == access["sid"]
    told = rp.userinfo(tokens.access_token)
    assert (told["sub"], told["name"], told["email"]) == (tokens.claims["sub"], ADA.name, ADA.email)
    assert told["email_verified"] is True


def test_a_refresh_narrows_and_never_widens(rp: RelyingParty, tokens: Tokens) -> None:
    """RT-7, RT-8: less for one token, the whole grant again with the next, and never more."""
    narrow = rp.refresh(tokens, scope="openid")
    assert narrow.scope == "openid"
    assert set(rp.userinfo(narrow.access_token)) == {"sub"}
    whole = rp.refresh(narrow)
    assert set(whole.scope.split()) == set(rp.scope.split())
    with pytest.raises(OAuthError, match="invalid_scope"):
        rp.refresh(whole, scope="openid groups")
    assert rp.refresh(whole).refresh_token


def test_introspection_tells_whom_it_may(deployment: Deployment, rp: RelyingParty, tokens: Tokens) -> None:
    """RS-5: the token's own client reads it; another one learns nothing."""
    assert tokens.refresh_token
    for token in (tokens.access_token, tokens.refresh_token):
        assert rp.introspect(token)["sub"] == tokens.claims["sub"]
        assert party(deployment, "web").introspect(token) == {"active": False}


def test_a_revoked_token_is_dead_on_every_node(rp: RelyingParty, tokens: Tokens) -> None:
    """RT-11, SS-3: an access token ends alone, a refresh token with its family."""
    assert tokens.refresh_token
    rp.revoke(tokens.access_token)
    for _ in range(4):
        with pytest.raises(OAuthError, match="invalid_token"):
            rp.userinfo(tokens.access_token)
    after = rp.refresh(tokens)
    assert after.refresh_token
    rp.revoke(after.refresh_token)
    for _ in range(4):
        assert rp.introspect(after.access_token) == {"active": False}
        with pytest.raises(OAuthError, match="invalid_grant"):
            rp.refresh(after)


def test_single_sign_on_is_silent_until_somebody_signs_out(
    browser: Browser, rp: RelyingParty, tokens: Tokens
) -> None:
    """AZ-10, LO-1: prompt=none gives a code of the same session; after the sign-out it says login_required."""
    code = silently(browser, rp)
    assert code
    assert tokens.id_token
    leaving = rp.logout_url(id_token_hint=tokens.id_token, post_logout_redirect_uri=AFTERWARDS, state="back")
    visit = browser.open(leaving, initiator=rp.redirect_uri)
    assert visit.left_for == f"{AFTERWARDS}?state=back"
    for _ in range(4):
        with pytest.raises(OAuthError, match="login_required"):
            silently(browser, rp)


def test_consent_is_asked_once_and_again_for_more(deployment: Deployment, browser: Browser) -> None:
    """AZ-15: what was allowed is remembered on every node, what is new is asked."""
    web = party(deployment, "web", scope="openid")
    asked = web.begin()
    visit = browser.open(asked.url, initiator=web.redirect_uri)
    form = visit.page.form("Sign in")
    visit = browser.submit(form, {"username": BOB.email, "password": BOB.password})
    if visit.left_for is None:  # another test of this run may have allowed it before
        visit = browser.submit(visit.page.form("Allow"))
    assert visit.left_for is not None
    assert web.redeem(asked, web.returned(asked, visit.left_for)["code"]).scope == "openid"
    for _ in range(4):
        assert silently(browser, web)
    with pytest.raises(OAuthError, match="consent_required"):
        silently(browser, web, scope="openid groups", resource=API)


def test_a_deep_link_survives_the_sign_in(browser: Browser) -> None:
    """SS-10, WEB-3: whoever came for a page of ours is there afterwards."""
    visit = browser.open("/account/apps")
    visit = browser.submit(visit.page.form("Sign in"), {"username": ADA.email, "password": ADA.password})
    assert visit.url.endswith("/account/apps")


def test_two_tabs_do_not_disturb_each_other(browser: Browser, rp: RelyingParty) -> None:
    """SS-10, AZ-14: both requests are answered, each with its own state and nonce."""
    first, second = rp.begin(), rp.begin()
    pages = [browser.open(asked.url, initiator=rp.redirect_uri).page for asked in (first, second)]
    for asked, page in zip((second, first), reversed(pages), strict=True):
        visit = browser.submit(page.form("Sign in"), {"username": ADA.email, "password": ADA.password})
        visit = answer_pages(browser, visit, ADA)
        assert visit.left_for is not None
        tokens = rp.redeem(asked, rp.returned(asked, visit.left_for)["code"])
        assert tokens.claims["nonce"] == asked.nonce


def test_a_client_acts_for_itself(deployment: Deployment) -> None:
    """TK-8: sub is the client, there is no person in it, and no refresh token."""
    robot = party(deployment, "robot")
    tokens = robot.client_credentials("notes:read")
    claims = robot.verify_access_token(tokens.access_token, API)
    assert (claims["sub"], claims["scope"]) == ("robot", "notes:read")
    assert not {"amr", "acr", "sid"} & set(claims_of(tokens.access_token))
    assert tokens.refresh_token is None
    robot.revoke(tokens.access_token)
    assert robot.introspect(tokens.access_token) == {"active": False}
