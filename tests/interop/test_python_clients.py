"""T-3: Authlib's client signs in here, and PyJWT reads what it got."""

from typing import Any

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session

from tests.agent import Browser
from tests.oidc import answer_pages, random_text, sign_in
from tests.seeds import ADA, party
from tests.serve import Deployment

SCOPE = "openid profile email offline_access"


@pytest.mark.parametrize(
    ("client", "method"),
    [("portal", "client_secret_basic"), ("posting", "client_secret_post"), ("spa", "none")],
)
def test_authlibs_client_signs_in_and_refreshes(
    deployment: Deployment, browser: Browser, client: str, method: str
) -> None:
    """T-3: the code flow with PKCE, userinfo with the token, refresh, revocation."""
    rp = party(deployment, client)
    session: Any = OAuth2Session(
        rp.client_id,
        rp.secret or None,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=rp.redirect_uri,
        scope=SCOPE,
        code_challenge_method="S256",
    )
    verifier = random_text()
    asked, state = session.create_authorization_url(
        rp.metadata["authorization_endpoint"], code_verifier=verifier, nonce=random_text()
    )
    back = answer_pages(browser, browser.open(asked, initiator=rp.redirect_uri), ADA).left_for
    endpoint = rp.metadata["token_endpoint"]
    token = session.fetch_token(endpoint, authorization_response=back, code_verifier=verifier, state=state)
    assert session.get(rp.metadata["userinfo_endpoint"]).json()["email"] == ADA.email
    refreshed = session.refresh_token(endpoint, refresh_token=token["refresh_token"])
    assert refreshed["refresh_token"] != token["refresh_token"]
    revoked = session.revoke_token(rp.metadata["revocation_endpoint"], token=refreshed["refresh_token"])
    assert revoked.status_code == 200
    session.close()


@pytest.mark.parametrize(("client", "alg"), [("portal", "ES256"), ("rsa", "RS256")])
def test_pyjwt_verifies_id_and_access_token_by_the_published_keys(
    deployment: Deployment, browser: Browser, client: str, alg: str
) -> None:
    """TK-10, ID-3, KEY-1: both tokens verify with the key that their kid names, each for its audience alone."""
    rp = party(deployment, client, id_token_alg=alg)
    tokens = sign_in(browser, rp, ADA)
    keys = jwt.PyJWKClient(rp.metadata["jwks_uri"])
    assert tokens.id_token is not None
    for token, audience, algorithm in (
        (tokens.id_token, rp.client_id, alg),
        (tokens.access_token, rp.issuer, "ES256"),
    ):
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, [algorithm], audience=audience, issuer=rp.issuer)
        assert claims["sub"] == tokens.claims["sub"]
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(token, key, [algorithm], audience="https://other.example", issuer=rp.issuer)
