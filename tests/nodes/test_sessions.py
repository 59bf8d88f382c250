"""Sessions over nodes and restarts: what one node ended is over at all, what stands survives every restart."""

from collections.abc import Iterator

import pytest

from tests.agent import Browser, CookieJar
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in
from tests.peers.listener import Listener, listening
from tests.peers.process import wait_until
from tests.seeds import ADA, BOB, browser, party
from tests.serve import Deployment


@pytest.fixture
def rp(playground: Deployment) -> RelyingParty:
    return party(playground, "portal", scope="openid email offline_access")


def entered(deployment: Deployment, **more: str) -> Browser:
    visitor = browser(deployment)
    form = visitor.open("/login").page.form("Sign in")
    visit = visitor.submit(form, {"username": BOB.email, "password": BOB.password} | more)
    assert visit.url == f"{deployment.issuer}/account", visit.page.words[:300]
    return visitor


def closed_and_opened(visitor: Browser) -> Browser:
    """The browser is closed: what has no end of its own is gone."""
    kept = {key: cookie for key, cookie in visitor.jar.cookies.items() if cookie.expires is not None}
    return Browser(home=visitor.home, jar=CookieJar(now=visitor.jar.now, cookies=kept))


def test_a_session_survives_reload_and_restart(playground: Deployment, rp: RelyingParty) -> None:
    """SS-2: of the page, of the server, and where somebody is kept signed in of the browser; apps go on, too."""
    plain, kept = entered(playground), entered(playground, keep="yes")
    tokens = sign_in(plain, rp, BOB)
    for _ in range(2):
        playground.restart()
        for visitor in (plain, kept):
            for _ in range(4):
                assert visitor.open("/account").page.heading == "Profile"
        tokens = rp.refresh(tokens)
    assert closed_and_opened(plain).open("/account").page.heading == "Sign in"
    assert closed_and_opened(kept).open("/account").page.heading == "Profile"


def test_a_device_that_gave_way_is_out_at_every_node(playground: Deployment, rp: RelyingParty) -> None:
    """SS-3, SS-5, RT-10: whichever node is asked; its offline tokens as well."""
    playground.cli("users", "edit", ADA.email, "--max-sessions", "1")
    playground.cli("sessions", "end-all", ADA.email)
    try:
        there, here = browser(playground), browser(playground)
        lost: Tokens = sign_in(there, rp, ADA)
        form = here.open("/login").page.form("Sign in")
        visit = here.submit(form, {"username": ADA.email, "password": ADA.password})
        assert visit.page.heading == "You are signed in on 1 device"
        here.submit(visit.page.form("Sign it out and continue"))
        for _ in range(4):
            assert here.open("/account").page.heading == "Profile"
            assert "chose to end the sign-in here" in there.open("/account").page.words
            with pytest.raises(OAuthError, match="invalid_grant"):
                rp.refresh(lost)
            assert rp.introspect(lost.access_token) == {"active": False}
            with pytest.raises(OAuthError, match="invalid_token"):
                rp.userinfo(lost.access_token)
    finally:
        playground.cli("users", "edit", ADA.email, "--unset", "max-sessions")


@pytest.fixture
def app(playground: Deployment) -> Iterator[Listener]:
    with listening() as listener:
        playground.change("clients", "edit", "portal", "--backchannel-logout-uri", listener.url)
        yield listener
        playground.cli("clients", "edit", "portal", "--unset", "backchannel-logout-uri")


def test_the_app_is_told_once_whichever_node_does_it(
    playground: Deployment, rp: RelyingParty, app: Listener
) -> None:
    """LO-4, LO-5: by the background of one of the nodes, within seconds."""
    visitor = browser(playground)
    tokens = sign_in(visitor, rp, BOB)
    visitor.submit(visitor.open("/account").page.form("Sign out"))
    wait_until(lambda: bool(app.tokens), "the app is told")
    claims = rp.verified(app.tokens[0], audience="portal", typ="logout+jwt", alg="ES256")
    assert claims["sid"] == tokens.claims["sid"]
    playground.restart()
    assert len(app.tokens) == 1
