"""Signing keys through their life, and what each state is good for."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.errors import Refusal
from authserver.jose import thumbprint
from authserver.keys import rotation
from authserver.keys.keyring import Keyring
from authserver.keys.rotation import SigningKey
from authserver.store import Hot
from tests.flow.conftest import MakeWorld
from tests.flow.world import World

DAY = timedelta(days=1)
ES256 = "ES256"


def keys(world: World, alg: str = ES256) -> dict[str, str]:
    """The state of each key of an algorithm."""
    with world.reading() as db:
        return {key.kid: key.state for key in rotation.all_keys(db) if key.alg == alg}


def publish(world: World, alg: str = ES256) -> SigningKey:
    with world.writing() as db:
        return rotation.publish_next(
            db,
            world.issuer.vault,
            alg,
            settings=world.issuer.settings,
            now=world.clock(),
            by=SYSTEM,
        )


def activate(world: World, alg: str = ES256, *, early: bool = False) -> SigningKey:
    step = rotation.activate_now if early else rotation.activate
    with world.writing() as db:
        return step(db, alg, settings=world.issuer.settings, now=world.clock(), by=SYSTEM)


def replace(world: World, alg: str = ES256) -> SigningKey:
    with world.writing() as db:
        return rotation.replace(db, world.issuer.vault, alg, now=world.clock(), by=SYSTEM)


def settle(world: World) -> int:
    with world.writing() as db:
        return rotation.settle(db, now=world.clock(), by=SYSTEM)


def published(ring: Keyring) -> set[str]:
    return {key["kid"] for key in json.loads(ring.jwks)["keys"]}


def known(ring: Keyring, which: str) -> set[str | None]:
    return {key.kid for key in getattr(ring, which).keys}


def test_an_installation_begins_with_one_active_key_of_each_algorithm(world: World) -> None:
    """KEY-1: init makes one active ES256 and RS256 key, each named by its thumbprint."""
    ring = world.issuer.keyring
    assert ring.algs == ("ES256", "RS256")
    assert [*keys(world).values(), *keys(world, "RS256").values()] == ["active", "active"]
    for jwk in json.loads(ring.jwks)["keys"]:
        assert jwk["kid"] == thumbprint(jwk) == ring.signer(jwk["alg"]).kid


def test_the_database_holds_one_active_key_of_an_algorithm_at_most(world: World) -> None:
    """KEY-1: a partial unique index."""
    publish(world)
    with pytest.raises(Exception, match=r"(?i)unique"), world.writing() as db:
        db.hot(Hot("UPDATE signing_keys SET state = 'active' WHERE alg = :alg"), {"alg": ES256})


def test_a_kid_is_there_once(world: World) -> None:
    """KEY-1: kid is unique in the database."""
    copy = """INSERT INTO signing_keys (kid, alg, public_jwk, state, created_at)
              SELECT kid, alg, public_jwk, 'next', created_at FROM signing_keys"""
    with pytest.raises(Exception, match=r"(?i)unique"), world.writing() as db:
        db.hot(Hot(copy), {})


def test_the_published_keys_hold_nothing_private(world: World) -> None:
    """MD-4, KEY-4: public members only; what is private is sealed."""
    publish(world)
    for key in json.loads(world.issuer.keyring.jwks)["keys"]:
        assert key.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}
        assert key["use"] == "sig"


def test_a_next_key_is_published_and_does_not_sign(world: World) -> None:
    """KEY-2: next is published at least 24 hours before it signs."""
    first = world.issuer.keyring.signer(ES256).kid
    made = publish(world)
    ring = world.issuer.keyring
    assert made.state == "next"
    assert made.activates_at == world.clock() + DAY
    assert {first, made.kid} < published(ring)
    assert ring.signer(ES256).kid == first


def test_a_next_key_may_not_sign_before_a_day_has_passed(world: World) -> None:
    """KEY-2: 24 hours, and `--now` is another word."""
    made = publish(world)
    world.clock.advance(hours=23, minutes=59)
    with pytest.raises(Refusal, match="may sign from"):
        activate(world)
    world.clock.advance(minutes=1)
    assert activate(world).kid == made.kid
    assert world.issuer.keyring.signer(ES256).kid == made.kid


def test_now_means_now(world: World) -> None:
    """KEY-2."""
    made = publish(world)
    assert activate(world, early=True).kid == made.kid


def test_there_must_be_a_next_key(world: World) -> None:
    with pytest.raises(Refusal, match="no next key waits"):
        activate(world)


def test_a_retiring_key_stays_published_until_its_tokens_are_dead(world: World) -> None:
    """KEY-2: at least 24 hours; then it proves hints for 31 days, and then it is gone."""
    old = world.issuer.keyring.signer(ES256).kid
    new = publish(world).kid
    activate(world, early=True)
    ring = world.issuer.keyring
    assert keys(world) == {old: "retiring", new: "active"}
    assert {old, new} < published(ring)
    assert old in known(ring, "verifying")

    world.clock.advance(hours=23)
    assert settle(world) == 0
    world.clock.advance(hours=1)
    assert settle(world) == 1
    ring = world.issuer.keyring
    assert keys(world) == {old: "retired", new: "active"}
    assert old not in published(ring) | known(ring, "verifying")
    assert old in known(ring, "hints")

    world.clock.advance(days=31)
    assert settle(world) == 1
    assert keys(world) == {new: "active"}
    assert old not in known(world.issuer.keyring, "hints")


@pytest.mark.parametrize("where", ["setting", "api", "client"])
def test_a_retiring_key_outlives_the_longest_token(where: str, world: World) -> None:
    """KEY-2: at least the longest token lifetime, wherever that was set."""
    longest = 86_400
    world.set(key_retire_after=3_600)
    if where == "setting":
        world.set(access_token_lifetime=longest)
    elif where == "client":
        world.add_client(access_token_lifetime=longest)
    else:
        add = """INSERT INTO apis (id, identifier, name, scopes, token_lifetime, is_default, created_at,
                   updated_at, version) VALUES ('a', 'https://api', 'A', '[]', :life, :no, :now, :now, 1)"""
        with world.writing() as db:
            db.hot(Hot(add), {"life": longest, "no": False, "now": db.time(world.clock())})
    publish(world)
    activate(world, early=True)
    world.clock.advance(seconds=longest + 59)
    assert settle(world) == 0
    world.clock.advance(seconds=1)
    assert settle(world) == 1


def test_a_retiring_key_has_no_private_half_any_more(world: World) -> None:
    publish(world)
    activate(world, early=True)
    found = dict(world.rows("SELECT state, private FROM signing_keys WHERE alg = :alg", alg=ES256))
    assert found["retiring"] is None
    assert found["active"]


def test_publishing_twice_publishes_one_key(world: World) -> None:
    """KEY-2: safe with any number of nodes."""
    assert publish(world).kid == publish(world).kid
    assert len(keys(world)) == 2


def test_nodes_that_rotate_at_once_agree(make_world: MakeWorld) -> None:
    """KEY-2: steps are atomic, and run under a lock."""
    world = make_world()
    made: list[str] = []
    refused: list[Refusal] = []

    def rotate() -> None:
        made.append(publish(world).kid)
        try:
            activate(world, early=True)
        except Refusal as error:
            refused.append(error)

    threads = [threading.Thread(target=rotate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(keys(world).values()).count("active") == 1
    assert len(made) == 3
    assert {error.code for error in refused} <= {"no_next_key"}


def test_in_an_emergency_the_old_keys_are_gone_at_once(world: World) -> None:
    """KEY-3: a new key is active, and nothing verifies the old one's tokens."""
    publish(world)
    before = set(keys(world))
    made = replace(world)
    ring = world.issuer.keyring
    assert keys(world) == {made.kid: "active"}
    assert ring.signer(ES256).kid == made.kid
    assert not before & (published(ring) | known(ring, "verifying") | known(ring, "hints"))
    assert world.events("key_state_changed")[-1].data["emergency"] is True


def test_signing_names_the_active_key_alone(world: World) -> None:
    """JOSE-9: 200 tokens after a rotation carry one kid."""
    publish(world)
    active = activate(world, early=True).kid
    publish(world)
    signers = {world.issuer.keyring.signer(ES256).kid for _ in range(200)}
    assert signers == {active}


def test_the_other_algorithm_is_left_alone(world: World) -> None:
    before = keys(world, "RS256")
    publish(world)
    activate(world, early=True)
    assert keys(world, "RS256") == before


def test_each_step_is_audited_in_its_transaction(world: World) -> None:
    """AU-4."""
    count = len(world.events("key_state_changed"))
    publish(world)
    activate(world, early=True)
    told: list[Any] = [
        (event.data["state"], event.actor) for event in world.events("key_state_changed")[count:]
    ]
    assert told == [("next", "system"), ("retiring", "system"), ("active", "system")]
