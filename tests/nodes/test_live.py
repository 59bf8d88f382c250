"""AD-5, KEY-2, KEY-3, SS-3: what changes or ends at one place does so on every worker of every node in a second."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import jwt
import pytest

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.issuer import Issuer
from authserver.keys import rotation
from authserver.settings import change
from authserver.store import Session
from authserver.users import edit as users
from authserver.users.find import by_identifier
from tests.agent import Browser
from tests.live import soon_everywhere, token_for
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in
from tests.seeds import BOB, browser, party
from tests.serve import Deployment
from tests.wire import Reply, send

Change = Callable[[Session, Issuer], object]
Ask = Callable[[str], Reply]
TOKENS = 200


@pytest.fixture
def robot(playground: Deployment) -> RelyingParty:
    return party(playground, "robot")


def changed(deployment: Deployment, act: Change) -> float:
    """Change something as a node does that takes no requests; the moment at which it was committed."""
    with deployment.opened() as issuer:
        with issuer.database.writing() as db:
            act(db, issuer)
        return time.monotonic()


def lifetime(seconds: int) -> Change:
    return lambda db, issuer: change.set_(db, issuer, "access_token_lifetime", seconds, by=SYSTEM)


def of_robot(**fields: object) -> Change:
    return lambda db, issuer: clients.edit(db, issuer, "robot", fields, by=SYSTEM)


def jwks_of(address: str) -> Reply:
    return send("GET", f"{address}/.well-known/jwks.json")


def kids(reply: Reply) -> set[str]:
    return {key["kid"] for key in reply.json()["keys"]}


def userinfo_with(token: str) -> Ask:
    return lambda address: send("GET", f"{address}/oauth/userinfo", {"Authorization": f"Bearer {token}"})


def test_a_setting_holds_everywhere_within_a_second(playground: Deployment, robot: RelyingParty) -> None:
    """AD-5, OPS-4: the next token of every worker lives for as long as the setting says."""
    for seconds in (120, 300):
        since = changed(playground, lifetime(seconds))
        soon_everywhere(
            playground,
            token_for(robot),
            lambda reply, seconds=seconds: reply.json()["expires_in"] == seconds,  # type: ignore[misc]
            since=since,
        )


def test_a_setting_of_the_command_line_holds_everywhere(playground: Deployment, robot: RelyingParty) -> None:
    """AD-5: the command that an operator has needs no restart either."""
    for seconds in (130, 300):
        playground.cli("settings", "set", "access_token_lifetime", str(seconds))
        soon_everywhere(
            playground,
            token_for(robot),
            lambda reply, seconds=seconds: reply.json()["expires_in"] == seconds,  # type: ignore[misc]
            since=time.monotonic(),
        )


def test_a_disabled_client_is_refused_everywhere_within_a_second(
    playground: Deployment, robot: RelyingParty
) -> None:
    """AD-5, TK-7: it gets no token, and what it has is worth nothing; enabled again, all is as before."""
    token = robot.client_credentials().access_token
    own = party(playground, "robot")
    since = changed(playground, of_robot(active=False))
    soon_everywhere(playground, token_for(robot), lambda reply: reply.status == 401, since=since)
    with pytest.raises(OAuthError, match="invalid_client"):
        own.introspect(token)
    since = changed(playground, of_robot(active=True))
    soon_everywhere(playground, token_for(robot), lambda reply: reply.status == 200, since=since)


def test_a_new_secret_is_known_everywhere_within_a_second(
    playground: Deployment, robot: RelyingParty
) -> None:
    """CL-6: both secrets work while they overlap, on every worker."""
    made: list[str] = []
    since = changed(
        playground,
        lambda db, issuer: made.append(clients.rotate_secret(db, issuer, "robot", by=SYSTEM).reveal()),
    )
    renewed = party(playground, "robot", secret=made[0])
    for rp in (renewed, robot):
        soon_everywhere(playground, token_for(rp), lambda reply: reply.status == 200, since=since)


def test_a_secret_that_ended_is_refused_everywhere_within_a_second(playground: Deployment) -> None:
    """CL-6, AD-5: also where its header was right a moment ago, and is known again by that."""
    about = {"client_id": "forgetful", "name": "Forgetful", "grant_types": ["client_credentials"]}
    made: list[str] = []
    changed(
        playground,
        lambda db, issuer: made.append(clients.add(db, issuer, about, by=SYSTEM).secret.reveal()),
    )
    before = party(playground, "robot", client_id="forgetful", secret=made[0])
    soon_everywhere(playground, token_for(before), lambda reply: reply.status == 200, since=time.monotonic())
    since = changed(
        playground,
        lambda db, issuer: made.append(
            clients.rotate_secret(db, issuer, "forgetful", by=SYSTEM, keep_old_for=timedelta()).reveal()
        ),
    )
    soon_everywhere(playground, token_for(before), lambda reply: reply.status == 401, since=since)
    after = party(playground, "robot", client_id="forgetful", secret=made[1])
    soon_everywhere(playground, token_for(after), lambda reply: reply.status == 200, since=since)


def test_a_key_that_leaked_is_gone_everywhere_within_a_second(playground: Deployment) -> None:
    """KEY-3: a new key signs, the old one is in no JWKS, and no endpoint takes a token of it."""
    rp = party(playground, "portal", scope="openid")
    before = sign_in(browser(playground), rp, BOB)
    leaked = jwt.get_unverified_header(before.access_token)["kid"]
    since = changed(
        playground,
        lambda db, issuer: rotation.replace(db, issuer.vault, "ES256", now=issuer.clock(), by=SYSTEM),
    )
    soon_everywhere(playground, jwks_of, lambda reply: leaked not in kids(reply), since=since)
    soon_everywhere(
        playground, userinfo_with(before.access_token), lambda reply: reply.status == 401, since=since
    )
    assert rp.introspect(before.access_token) == {"active": False}
    after = rp.refresh(before)
    assert jwt.get_unverified_header(after.access_token)["kid"] != leaked
    assert rp.userinfo(after.access_token)["sub"] == before.claims["sub"]


@contextmanager
def using(playground: Deployment, robot: RelyingParty) -> Iterator[list[str]]:
    """Meanwhile tokens are made at one node and looked at by another; the list holds those that somebody refused."""
    refused: list[str] = []
    ends = threading.Event()
    addresses = [f"http://127.0.0.1:{port}" for port in playground.ports]
    ask = token_for(robot)
    _, credentials = robot.credentials()

    def work(number: int) -> None:
        here, there = addresses[number % len(addresses)], addresses[(number + 1) % len(addresses)]
        while not ends.is_set():
            token = ask(here).json()["access_token"]
            form = f"token={token}".encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded", **credentials}
            looked = send("POST", f"{there}/oauth/introspect", kind, form)
            if looked.json().get("active") is not True:
                refused.append(f"{looked.status} {looked.text}")

    with ThreadPoolExecutor(4) as threads:
        working = [threads.submit(work, number) for number in range(4)]
        try:
            yield refused
        finally:
            ends.set()
        for each in working:
            each.result()


def test_no_token_fails_anywhere_while_keys_rotate(playground: Deployment, robot: RelyingParty) -> None:
    """KEY-2, JOSE-9: published, active, retiring: verified by every node at every moment, signed by one key."""
    with using(playground, robot) as refused:
        since = changed(
            playground,
            lambda db, issuer: rotation.publish_next(
                db, issuer.vault, "ES256", settings=issuer.settings, now=issuer.clock(), by=SYSTEM
            ),
        )
        with playground.opened() as issuer, issuer.database.reading() as db:
            states = {key.state: key.kid for key in rotation.all_keys(db) if key.alg == "ES256"}
        soon_everywhere(playground, jwks_of, lambda reply: states["next"] in kids(reply), since=since)
        since = changed(
            playground,
            lambda db, issuer: rotation.activate_now(
                db, "ES256", settings=issuer.settings, now=issuer.clock(), by=SYSTEM
            ),
        )
        soon_everywhere(
            playground,
            token_for(robot),
            lambda reply: jwt.get_unverified_header(reply.json()["access_token"])["kid"] == states["next"],
            since=since,
        )
    assert refused == []
    signed = {
        jwt.get_unverified_header(robot.client_credentials().access_token)["kid"] for _ in range(TOKENS)
    }
    assert signed == {states["next"]}
    assert states["active"] in kids(jwks_of(playground.issuer)), "the retiring key is still published"


def is_over(rp: RelyingParty, tokens: Tokens, visitor: Browser | None) -> None:
    """Nothing of this sign-in works, whichever node is asked."""
    for _ in range(4):
        with pytest.raises(OAuthError, match="invalid_token"):
            rp.userinfo(tokens.access_token)
        with pytest.raises(OAuthError, match="invalid_grant"):
            rp.refresh(tokens)
        assert rp.introspect(tokens.access_token) == {"active": False}
        if visitor is not None:
            asked = rp.begin(prompt="none")
            left_for = visitor.open(asked.url, initiator=rp.redirect_uri).left_for
            assert left_for is not None
            with pytest.raises(OAuthError, match="login_required"):
                rp.returned(asked, left_for)


def test_a_session_that_ended_at_one_node_is_over_at_all(playground: Deployment) -> None:
    """SS-3, RT-10: the browser still shows its cookie; cookie, refresh, prompt=none, userinfo, introspection refuse."""
    for node in playground.nodes:
        rp, visitor = party(playground, "portal", scope="openid"), browser(playground)
        tokens = sign_in(visitor, rp, BOB)
        cookies = dict(visitor.jar.cookies)
        form = visitor.open("/logout").page.form("Sign out")
        form.page = form.page.replace(playground.issuer, f"http://localhost:{node.port}")
        visitor.submit(form)
        visitor.jar.cookies = cookies
        is_over(rp, tokens, visitor)


@pytest.mark.parametrize("act", [users.lock, users.disable], ids=["locked", "disabled"])
def test_a_person_who_is_kept_out_is_out_everywhere(
    playground: Deployment, act: Callable[..., object]
) -> None:
    """SS-3, SS-7, RT-9: sessions, grants and tokens end with the change; no node has kept anything."""
    rp, visitor = party(playground, "portal", scope="openid offline_access"), browser(playground)
    tokens = sign_in(visitor, rp, BOB)

    def bob(db: Session) -> str:
        found = by_identifier(db, BOB.email)
        assert found is not None
        return found.id

    changed(playground, lambda db, issuer: act(db, issuer, bob(db), by=SYSTEM))
    try:
        is_over(rp, tokens, visitor)
    finally:
        undo = users.unlock if act is users.lock else users.enable
        changed(playground, lambda db, issuer: undo(db, issuer, bob(db), by=SYSTEM))
    is_over(rp, tokens, visitor)
