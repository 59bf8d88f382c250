"""The share of the racing attempts that goes over the wire: 32 requests at a time, to all workers of all nodes."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping

from tests.agent import Browser
from tests.faults.attempts import Result
from tests.faults.ground import Ground
from tests.oidc import Request, Tokens, sign_in
from tests.races.volley import THREADS, Shot, of_client, volley
from tests.seeds import ADA, browser, party
from tests.serve import Deployment
from tests.wire import Reply

Round = Callable[[Deployment, Browser], int]


def code(deployment: Deployment, visitor: Browser) -> int:
    """How many redemptions of one code were answered with tokens."""
    rp = party(deployment, "portal", scope="openid email")
    asked, text = code_for(visitor, deployment)
    form = {
        "grant_type": "authorization_code",
        "code": text,
        "redirect_uri": rp.redirect_uri,
        "code_verifier": asked.verifier,
    }
    return len(won(volley(deployment, [of_client(rp, "/oauth/token", form)] * THREADS), "invalid_grant"))


def refresh_token(deployment: Deployment, visitor: Browser) -> int:
    """How many different successors one generation was answered with."""
    rp = party(deployment, "portal", scope="openid email")
    tokens: Tokens = rp.redeem(*code_for(visitor, deployment))
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
    replies = volley(deployment, [of_client(rp, "/oauth/token", form)] * THREADS)
    return len({reply.json()["refresh_token"] for reply in won(replies, "invalid_grant")})


def client_assertion(deployment: Deployment, visitor: Browser) -> int:
    """How often one assertion authenticated its client."""
    rp = party(deployment, "signed")
    shot: Shot = of_client(rp, "/oauth/introspect", {"token": secrets.token_urlsafe(8)})
    return len(won(volley(deployment, [shot] * THREADS), "invalid_client"))


ROUNDS: Mapping[str, Round] = {
    "code": code,
    "refresh token": refresh_token,
    "client assertion": client_assertion,
}


def race_over_http(ground: Ground, what: str, attempts: int) -> Result:
    """So many requests; everything that they are after must have exactly one winner."""
    deployment, many, began = ground.deployment, max(1, attempts // THREADS), time.monotonic()
    visitor = browser(deployment)
    sign_in(visitor, party(deployment, "portal", scope="openid email"), ADA)
    taken = Counter(ROUNDS[what](deployment, visitor) for _ in range(many))
    return Result(
        store=deployment.store,
        what=f"{what}, over HTTP",
        attempts=many * THREADS,
        things=many,
        won=taken,
        seconds=time.monotonic() - began,
    )


def code_for(visitor: Browser, deployment: Deployment) -> tuple[Request, str]:
    """A new code by single sign-on."""
    rp = party(deployment, "portal", scope="openid email")
    asked = rp.begin(prompt="none")
    left_for = visitor.open(asked.url, initiator=rp.redirect_uri).left_for
    assert left_for is not None
    return asked, rp.returned(asked, left_for)["code"]


def won(replies: list[Reply], losing: str) -> list[Reply]:
    """Those that succeeded; each other one lost as it must."""
    lost = [reply for reply in replies if reply.status != 200]
    assert all(reply.status < 500 and reply.json()["error"] == losing for reply in lost), lost
    return [reply for reply in replies if reply.status == 200]
