"""T-1: sessions that open, and sessions that end, while 32 threads do something with them."""

from collections import Counter
from collections.abc import Sequence

import pytest

from authserver.limits import passwords
from authserver.users.find import by_identifier
from tests.agent import Browser
from tests.oidc import OAuthError, RelyingParty, Request, sign_in
from tests.races.test_codes import code_for, is_dead
from tests.races.volley import ROUNDS, THREADS, Shot, of_browser, of_client, opening, volley
from tests.seeds import BOB, browser, party
from tests.serve import Deployment
from tests.wire import Reply

REDIRECTS = {302, 303}
BUDGET = 10


def sessions_of(deployment: Deployment, email: str) -> int:
    found = deployment.rows(
        """SELECT count(*) FROM sso_sessions s JOIN user_emails e ON e.user_id = s.user_id
            WHERE e.address = ? AND s.ended_at IS NULL""",
        email,
    )
    return int(found[0][0])


def led_to(replies: Sequence[Reply]) -> str:
    """Where every answer led; more than ten tries at the same moment may be told to come again. PW-6."""
    found = Counter((reply.status, reply.location or "") for reply in replies)
    found.pop((429, ""), None)
    ((status, location),) = found
    assert status == 303
    return location


def session_cookie(reply: Reply) -> str:
    found = [line for line in reply.all("Set-Cookie") if "as_session=" in line]
    return found[0].partition(";")[0] if found else ""


def test_32_submits_of_one_sign_in_form_open_one_session(playground: Deployment) -> None:
    """T-1, AZ-14: however often a button was pressed, there is one session, and every answer leads on."""
    for _ in range(ROUNDS):
        visitor = browser(playground)
        form = visitor.open("/login").page.form("Sign in")
        before = sessions_of(playground, BOB.email)
        shot = of_browser(visitor, form, {"username": BOB.email, "password": BOB.password})
        replies = volley(playground, [shot] * THREADS)
        assert sessions_of(playground, BOB.email) == before + 1
        assert led_to(replies) == f"{playground.issuer}/account"
        assert len({session_cookie(reply) for reply in replies} - {""}) == 1


def test_32_submits_for_an_app_open_one_session_and_the_app_gets_codes_of_it(playground: Deployment) -> None:
    """T-1, AZ-14: a request that waits is resumed once; whoever is late is decided with the session there is."""
    rp = party(playground, "portal", scope="openid email")
    for _ in range(ROUNDS):
        visitor, asked = browser(playground), rp.begin()
        form = visitor.open(asked.url, initiator=rp.redirect_uri).page.form("Sign in")
        before = sessions_of(playground, BOB.email)
        shot = of_browser(visitor, form, {"username": BOB.email, "password": BOB.password})
        replies = volley(playground, [shot] * THREADS)
        assert sessions_of(playground, BOB.email) == before + 1
        first = codes_in(rp, asked, replies)
        to = led_to([reply for reply in replies if not (reply.location or "").startswith(rp.redirect_uri)])
        for reply in replies:
            visitor.jar.take(reply)
        resumed = volley(playground, [opening(visitor, to, playground.issuer)] * THREADS)
        assert len(first) <= 1
        assert rp.redeem(asked, (first + codes_in(rp, asked, resumed))[0]).claims["sub"]
        assert sessions_of(playground, BOB.email) == before + 1


def codes_in(rp: RelyingParty, asked: Request, replies: Sequence[Reply]) -> list[str]:
    """The codes among the answers."""
    found = [reply.location for reply in replies if reply.status in REDIRECTS]
    return [
        rp.returned(asked, to)["code"]
        for to in found
        if to and to.startswith(rp.redirect_uri) and "code=" in to
    ]


def race_against(
    deployment: Deployment, rp: RelyingParty, visitor: Browser, ending: Shot, *, scope: str
) -> Reply:
    """While a session ends, its browser asks for codes and its app redeems some: none of it outlives the session.

    Gives back how the end was answered.
    """
    rp.scope = scope
    waiting = [code_for(visitor, rp) for _ in range(8)]
    redeeming = [
        of_client(
            rp,
            "/oauth/token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": rp.redirect_uri,
                "code_verifier": asked.verifier,
            },
        )
        for asked, code in waiting
    ]
    asked = rp.begin(prompt="none")
    asking = [opening(visitor, asked.url, rp.redirect_uri)] * (THREADS - len(redeeming) - 1)
    half = len(asking) // 2
    ended, *replies = volley(deployment, [ending, *asking[:half], *redeeming, *asking[half:]])
    assert ended.status == 303, ended
    assert {reply.status for reply in replies} <= {200, 302, 303, 400}
    for code in codes_in(rp, asked, replies):
        with pytest.raises(OAuthError, match="invalid_grant"):
            rp.redeem(asked, code)
    won = [reply for reply in replies if reply.status == 200 and "access_token" in reply.text]
    nonces = {
        rp.verified(reply.json()["id_token"], audience=rp.client_id, typ="JWT", alg="ES256")["nonce"]: reply
        for reply in won
    }
    for request, code in waiting:
        if request.nonce in nonces:
            assert is_dead(rp, rp.tokens(nonces[request.nonce], nonce=request.nonce))
        else:
            with pytest.raises(OAuthError, match="invalid_grant"):
                rp.redeem(request, code)
    return ended


def test_nothing_made_while_somebody_signs_out_outlives_the_session(playground: Deployment) -> None:
    """T-1, RT-9, RT-10, SS-3: codes and tokens of the same moment end with the session."""
    rp = party(playground, "portal")
    for _ in range(ROUNDS):
        visitor = browser(playground)
        sign_in(visitor, rp, BOB)
        ending = of_browser(visitor, visitor.open("/logout").page.form("Sign out"))
        race_against(playground, rp, visitor, ending, scope="openid email")


def test_nothing_made_while_somebody_signs_out_everywhere_else_outlives_it(playground: Deployment) -> None:
    """T-1, RT-10, SS-7: what ends a session with all its apps ends also those that came at the same moment."""
    rp = party(playground, "portal")
    here = browser(playground)
    sign_in(here, rp, BOB)
    for _ in range(ROUNDS):
        there = browser(playground)
        sign_in(there, rp, BOB)
        ending = of_browser(here, here.open("/account/devices/end").page.form("everywhere else"))
        # Who ended the others goes on under a new handle.
        here.jar.take(race_against(playground, rp, there, ending, scope="openid offline_access"))


@pytest.mark.parametrize("identifier", [BOB.email, "nobody-{round}@example.org"], ids=["known", "unknown"])
def test_parallel_wrong_passwords_stay_within_the_budget(playground: Deployment, identifier: str) -> None:
    """T-1, PW-6: of 32 tries at once no more are looked at than of 32 in a row; then even the right one waits."""
    with playground.opened() as issuer:
        for number in range(ROUNDS // 2):
            name = identifier.format(round=number)
            visitor = browser(playground)
            form = visitor.open("/login").page.form("Sign in")
            wrong = of_browser(visitor, form, {"username": name, "password": "not this one at all"})
            right = of_browser(visitor, form, {"username": name, "password": BOB.password})
            statuses = [reply.status for reply in volley(playground, [wrong] * THREADS)]
            assert sorted(statuses) == [200] * BUDGET + [429] * (THREADS - BUDGET)
            assert [reply.status for reply in volley(playground, [right] * 2)] == [429, 429]
            with issuer.database.writing() as db:
                if (found := by_identifier(db, name)) is not None:
                    passwords.clear(db, issuer.roots, found.id)
