"""A signature is verified once a worker; nothing else about an access token is ever remembered."""

from collections.abc import Callable, Mapping

import pytest

from authserver.audit import SYSTEM
from authserver.keys import rotation
from authserver.keys.keyring import TOPIC
from authserver.oauth import bearer
from authserver.sessions import ending
from authserver.store import Hot, bump
from authserver.tokens import grant
from authserver.users import edit as users
from tests.flow.test_code import tokens_of
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, claims_of

Ending = Callable[[World, Resident, RelyingParty, Tokens], object]


def keys_replaced(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    with world.writing() as db:
        rotation.replace(db, world.issuer.vault, "ES256", now=world.clock(), by=SYSTEM)


def key_retired(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    with world.writing() as db:
        db.hot(Hot("UPDATE signing_keys SET state = 'retired' WHERE alg = 'ES256'"), {})
        bump(db, TOPIC)


def token_expired(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    world.clock.advance(seconds=claims_of(tokens.access_token)["exp"] - world.clock.now())


def clock_set_back(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    world.clock.advance(seconds=-11)


def grant_revoked(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    with world.writing() as db:
        assert grant.revoke(
            db, world.issuer, claims_of(tokens.access_token)["grant"], reason="test", by=SYSTEM
        )


def token_revoked(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    assert web.revoke(tokens.access_token).status == 200


def session_ended(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    with world.writing() as db:
        session = claims_of(tokens.access_token)["sid"]
        ending.end(db, world.issuer, session, reason="ended", by=SYSTEM, now=world.clock())


def person_locked(world: World, ada: Resident, web: RelyingParty, tokens: Tokens) -> None:
    with world.writing() as db:
        users.lock(db, world.issuer, ada.id, by=SYSTEM)


ENDINGS: Mapping[str, Ending] = {
    ending.__name__: ending
    for ending in (
        keys_replaced,
        key_retired,
        token_expired,
        clock_set_back,
        grant_revoked,
        token_revoked,
        session_ended,
        person_locked,
    )
}


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client()


@pytest.fixture
def known(world: World, ada: Resident, web: RelyingParty) -> Tokens:
    """Tokens whose access token this worker has seen at both endpoints."""
    tokens = tokens_of(world, web, ada)
    for _ in range(2):
        assert web.introspect(tokens.access_token)["active"] is True
        assert web.userinfo(tokens.access_token)["name"] == "Ada Lovelace"
    assert len(proved(world)) == 1
    return tokens


def proved(world: World) -> dict[bytes, bearer.Known]:
    return world.issuer.kept("proved-tokens", bearer.Proved).of(world.issuer.keyring.verifying)


@pytest.mark.parametrize("ends", ENDINGS.values(), ids=ENDINGS)
def test_what_was_verified_before_counts_no_longer_than_anything_else(
    ends: Ending, world: World, ada: Resident, web: RelyingParty, known: Tokens
) -> None:
    """RS-5, RT-9, RT-11, KEY-3: a key that is gone, a time that is over, a grant that ended: dead at once."""
    ends(world, ada, web, known)
    world.issuer.revisions.forget()
    assert web.introspect(known.access_token) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_token"):
        web.userinfo(known.access_token)


def test_a_known_token_is_judged_for_each_audience(world: World, web: RelyingParty) -> None:
    """RS-5: that introspection has verified a token for an API does not make it one for userinfo."""
    world.add_api("https://api.example", scopes=[{"name": "notes:read"}])
    robot = world.add_client(
        "robot", grant_types=["client_credentials"], redirect_uris=[], scope="notes:read"
    )
    token = robot.client_credentials().access_token
    assert robot.introspect(token)["active"] is True
    with pytest.raises(OAuthError, match="invalid_token"):
        web.userinfo(token)
    assert web.introspect(token) == {"active": False}


def test_only_the_very_text_that_was_verified_is_known(
    world: World, web: RelyingParty, known: Tokens
) -> None:
    """RS-5: another signature under the same claims is verified anew, and refused."""
    head, body, mark = known.access_token.split(".")
    other = ("A" if mark[0] != "A" else "B") + mark[1:]
    assert web.introspect(f"{head}.{body}.{other}") == {"active": False}
    assert len(proved(world)) == 1


def test_what_is_remembered_has_a_bound(
    world: World, web: RelyingParty, known: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer, "KEPT", 3)
    tokens = known
    for _ in range(5):
        tokens = web.refresh(tokens)
        assert web.introspect(tokens.access_token)["active"] is True
    assert len(proved(world)) <= 3
