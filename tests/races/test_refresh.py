"""T-1: the same refresh token, brought by 32 threads to every process at once."""

import socket
from urllib.parse import urlsplit

import pytest

from authserver.work.sweep import sweep
from tests import live
from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in
from tests.peers.process import wait_until
from tests.races.test_codes import is_dead
from tests.races.volley import ROUNDS, THREADS, Shot, form_to, of_client, volley, winners
from tests.seeds import ADA, browser, party
from tests.serve import Deployment

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def rp(playground: Deployment) -> RelyingParty:
    return party(playground, "portal", scope="openid email")


@pytest.fixture
def visitor(playground: Deployment, rp: RelyingParty) -> Browser:
    """Somebody who is signed in already."""
    found = browser(playground)
    sign_in(found, rp, ADA)
    return found


def purge(deployment: Deployment) -> None:
    with deployment.opened() as issuer:
        sweep(issuer)


def refreshing(rp: RelyingParty, tokens: Tokens) -> Shot:
    assert tokens.refresh_token
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    return of_client(rp, "/oauth/token", form)


def test_of_32_refreshes_each_success_carries_the_one_successor(
    playground: Deployment, visitor: Browser, rp: RelyingParty
) -> None:
    """T-1, RT-1, RT-3: within the grace nobody is logged out, and there is one living generation."""
    for _ in range(ROUNDS):
        tokens = sign_in(visitor, rp, ADA, prompt="none")
        won = winners(volley(playground, [refreshing(rp, tokens)] * THREADS), losing=(400, "invalid_grant"))
        assert len(won) == THREADS
        successors = {rp.tokens(reply).refresh_token for reply in won}
        assert len(successors) == 1
        after = rp.refresh(successors.pop() or "")
        # The successor was used, so that the first of them is a replay now, whatever the time.
        with pytest.raises(OAuthError, match="invalid_grant"):
            rp.refresh(tokens)
        assert is_dead(rp, after)


def test_without_grace_one_of_32_refreshes_succeeds_and_the_family_dies(
    playground: Deployment, visitor: Browser, rp: RelyingParty
) -> None:
    """T-1, RT-1, RT-2, RT-3, CVE-1: 31 replays are invalid_grant, and end what the winner got. Only this family."""
    spared = sign_in(visitor, rp, ADA, prompt="none")
    with live.settings(playground, party(playground, "robot"), refresh_grace=0):
        for _ in range(ROUNDS):
            tokens = sign_in(visitor, rp, ADA, prompt="none")
            won = winners(
                volley(playground, [refreshing(rp, tokens)] * THREADS), losing=(400, "invalid_grant")
            )
            assert len(won) == 1
            assert is_dead(rp, rp.tokens(won[0]))
            spared = rp.refresh(spared)
    ended = playground.rows("SELECT count(*) FROM audit_events WHERE event = 'refresh_reused'")
    assert ended[0][0] >= ROUNDS


def test_a_retry_after_kill_9_between_commit_and_answer_gets_the_successor(
    playground: Deployment, visitor: Browser, rp: RelyingParty
) -> None:
    """RT-3, OPS-4: the rotation was written, its answer never read; the retry finds the same successor."""
    for node in playground.nodes:
        tokens = sign_in(visitor, rp, ADA, prompt="none")
        assert tokens.refresh_token
        family = tokens.refresh_token.split("_")[2].partition(".")[0]
        raw = refreshing(rp, tokens).over_the_wire(urlsplit(playground.issuer).netloc)
        with socket.create_connection(("127.0.0.1", node.port)) as unread:
            unread.sendall(raw)
            wait_until(
                lambda family=family: (
                    playground.rows("SELECT generation FROM grants WHERE id = ?", family) == [(1,)]
                ),
                "the rotation is written",
            )
            node.kill()
        node.start()
        once, again = rp.refresh(tokens), rp.refresh(tokens)
        assert once.refresh_token == again.refresh_token
        assert rp.refresh(once).refresh_token != once.refresh_token


def test_the_same_assertion_from_32_threads_authenticates_once(playground: Deployment) -> None:
    """T-1, CL-5, CVE-22: one jti is one authentication, on whichever node."""
    rp = party(playground, "signed")
    for _ in range(ROUNDS):
        shot = of_client(rp, "/oauth/introspect", {"token": "nobody's"})
        won = winners(volley(playground, [shot] * THREADS), losing=(401, "invalid_client"))
        assert [reply.json() for reply in won] == [{"active": False}]


def test_an_assertion_is_remembered_to_its_end(playground: Deployment) -> None:
    """OPS-8, CL-5: deleting what has expired leaves the replay memory for as long as the assertion would verify."""
    rp = party(playground, "signed")
    began = int(playground.clock.now())
    longest = rp.assertion(iat=began, exp=began + 300)
    form = {"token": "nobody's", "client_assertion_type": ASSERTION_TYPE, "client_assertion": longest}
    shot = form_to("/oauth/introspect", form)
    kept = "SELECT count(*) FROM used_once WHERE kind = 'client_assertion'"
    playground.clock.stand(began)
    assert [reply.status for reply in volley(playground, [shot])] == [200]
    for later in (299, 359):
        playground.clock.stand(began + later)
        purge(playground)
        assert [reply.status for reply in volley(playground, [shot])] == [401]
        assert playground.rows(kept) != [(0,)]
    playground.clock.stand(began + 425)
    purge(playground)
    assert playground.rows(kept) == [(0,)]
    playground.clock.advance(0)
