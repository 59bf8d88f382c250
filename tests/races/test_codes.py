"""T-1: the same authorization code, brought by 32 threads to every process at once."""

import pytest

from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Request, Tokens, sign_in
from tests.races.volley import ROUNDS, THREADS, of_client, volley, winners
from tests.seeds import ADA, browser, party
from tests.serve import Deployment
from tests.wire import Reply


def code_for(visitor: Browser, rp: RelyingParty) -> tuple[Request, str]:
    """A new code by single sign-on."""
    asked = rp.begin(prompt="none")
    left_for = visitor.open(asked.url, initiator=rp.redirect_uri).left_for
    assert left_for is not None
    return asked, rp.returned(asked, left_for)["code"]


def redeemed_by_all(deployment: Deployment, rp: RelyingParty, asked: Request, code: str) -> list[Reply]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": rp.redirect_uri,
        "code_verifier": asked.verifier,
    }
    return volley(deployment, [of_client(rp, "/oauth/token", form)] * THREADS)


def is_dead(rp: RelyingParty, tokens: Tokens) -> bool:
    """Whether nothing of this family counts any more."""
    assert tokens.refresh_token
    with pytest.raises(OAuthError, match="invalid_grant"):
        rp.refresh(tokens.refresh_token)
    with pytest.raises(OAuthError, match="invalid_token"):
        rp.userinfo(tokens.access_token)
    return rp.introspect(tokens.access_token) == {"active": False}


def test_of_32_redemptions_of_one_code_one_succeeds(playground: Deployment) -> None:
    """T-1, TK-1, TK-3, CVE-2: 31 are refused and the winner's tokens live; a replay 11 s later kills them."""
    visitor, rp = browser(playground), party(playground, "portal", scope="openid email")
    sign_in(visitor, rp, ADA)
    for _ in range(ROUNDS):
        asked, code = code_for(visitor, rp)
        won = winners(redeemed_by_all(playground, rp, asked, code), losing=(400, "invalid_grant"))
        assert len(won) == 1
        tokens = rp.tokens(won[0], nonce=asked.nonce)
        assert rp.userinfo(tokens.access_token)["email"] == ADA.email
        assert rp.introspect(tokens.access_token)["active"] is True

        playground.clock.advance(11)
        with pytest.raises(OAuthError, match="invalid_grant"):
            rp.redeem(asked, code)
        assert is_dead(rp, tokens)
