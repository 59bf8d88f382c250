"""T-3: client libraries of other people, on Node, sign in here and use what they get."""

import time
from typing import Any

import pytest

from tests.agent import Browser
from tests.interop.script import options_of, running
from tests.oidc import RelyingParty, answer_pages, sign_in
from tests.seeds import ADA, AFTERWARDS, party
from tests.serve import Deployment

SCOPE = "openid profile email offline_access"
LIBRARIES = ["openid-client", "oauth4webapi"]
CLIENTS = [
    pytest.param("portal", {}, id="client_secret_basic"),
    pytest.param("posting", {}, id="client_secret_post"),
    pytest.param("signed", {}, id="private_key_jwt"),
    pytest.param("spa", {}, id="public"),
    pytest.param("rsa", {"id_token_alg": "RS256"}, id="id-token-rs256"),
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("client", "as_registered"), CLIENTS)
def test_a_client_library_signs_in_refreshes_and_revokes(
    deployment: Deployment, browser: Browser, library: str, client: str, as_registered: dict[str, Any]
) -> None:
    """T-3, MD-3: what discovery says is enough for a library to do all that a client does."""
    rp = party(deployment, client, scope=SCOPE, **as_registered)
    options = options_of(rp, audience=rp.issuer, post_logout_redirect_uri=AFTERWARDS)
    with running(library, **options) as script:
        asked = script.hear()["authorize"]
        back = answer_pages(browser, browser.open(asked, initiator=rp.redirect_uri), ADA).left_for
        assert back is not None
        script.say(back)
        result = script.hear()
    check(rp, result)


def check(rp: RelyingParty, result: dict[str, Any]) -> None:
    claims, refreshed = result["claims"], result["refreshed"]
    assert claims["amr"] == ["pwd"]
    assert claims["acr"] == "pwd"
    assert abs(claims["auth_time"] - time.time()) < 60
    assert "nonce" not in refreshed
    for name in ("iss", "sub", "aud", "auth_time", "amr", "acr", "sid"):
        assert refreshed[name] == claims[name], name
    assert result["userinfo"]["email"] == ADA.email
    assert result["userinfo"]["email_verified"] is True
    assert result["ended"] == "invalid_grant"
    if rp.auth != "none":
        assert result["before"]["active"] is True
        assert result["before"]["sub"] == claims["sub"]
        assert result["after"] == {"active": False}


def test_openid_client_ends_the_session(deployment: Deployment, browser: Browser) -> None:
    """LO-1, LO-2: the address that the library makes for signing out leads back to the app, with its state."""
    rp = party(deployment, "portal", scope=SCOPE)
    with running("openid-client", **options_of(rp, post_logout_redirect_uri=AFTERWARDS)) as script:
        back = answer_pages(browser, browser.open(script.hear()["authorize"], rp.redirect_uri), ADA).left_for
        assert back is not None
        script.say(back)
        leaving = script.hear()["end_session"]
    visit = browser.open(leaving, initiator=rp.redirect_uri)
    assert visit.left_for is not None
    assert visit.left_for.startswith(f"{AFTERWARDS}?state=")
    asked = rp.begin(prompt="none")
    assert "error=login_required" in str(browser.open(asked.url, initiator=rp.redirect_uri).left_for)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({}, None, id="as-issued"),
        pytest.param(
            {"audience": "https://other.example"}, "ERR_JWT_CLAIM_VALIDATION_FAILED", id="other-audience"
        ),
        pytest.param(
            {"issuer": "https://other.example"}, "ERR_JWT_CLAIM_VALIDATION_FAILED", id="other-issuer"
        ),
        pytest.param({"typ": "JWT"}, "ERR_JWT_CLAIM_VALIDATION_FAILED", id="not-an-id-token"),
        pytest.param({"algorithms": ["RS256"]}, "ERR_JOSE_ALG_NOT_ALLOWED", id="other-algorithm"),
    ],
)
def test_jose_verifies_an_access_token_by_the_published_keys(
    deployment: Deployment, browser: Browser, changed: dict[str, Any], error: str | None
) -> None:
    """TK-10, MD-4: an API needs nothing but the key set."""
    rp = party(deployment, "portal")
    tokens = sign_in(browser, rp, ADA)
    expected = {
        "jwks_uri": rp.metadata["jwks_uri"],
        "issuer": rp.issuer,
        "audience": rp.issuer,
        "typ": "at+jwt",
        "algorithms": ["ES256"],
        "token": tokens.access_token,
    }
    with running("jose", **(expected | changed)) as script:
        verified = script.hear()
    assert verified.get("error") == error
    if error is None:
        assert verified["payload"]["client_id"] == rp.client_id
        assert verified["payload"]["sub"] == tokens.claims["sub"]
