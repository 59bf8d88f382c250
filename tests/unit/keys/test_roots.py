"""Purpose roots, and the rotation of the master key above them."""

from datetime import timedelta

import pytest

from authserver.audit import SYSTEM
from authserver.keys import master, reseal, rolling, roots
from authserver.keys.roots import PURPOSES
from authserver.store import Hot
from authserver.vault import CannotOpen, Vault
from tests.flow.world import World


def roll(world: World, purpose: str) -> str:
    with world.writing() as db:
        return rolling.roll(db, world.issuer.vault, purpose, now=world.clock(), by=SYSTEM)


def forget_old(world: World) -> int:
    with world.writing() as db:
        return rolling.forget_old(db, now=world.clock())


def test_each_purpose_has_a_random_root_of_its_own(world: World) -> None:
    """KEY-7."""
    held = world.issuer.roots
    values = {held.current(purpose).value for purpose in PURPOSES}
    assert len(values) == len(PURPOSES)
    assert all(len(value) == 32 for value in values)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_rolled_root_makes_no_more_and_verifies_for_30_days(purpose: str, world: World) -> None:
    """KEY-7: `secrets roll` starts a new root, and the old one verifies for 30 days."""
    old, mac = world.issuer.roots.mac(purpose, b"message")
    new = roll(world, purpose)
    assert world.issuer.roots.mac(purpose, b"message")[0] == new != old
    world.clock.advance(days=29, hours=23)
    assert forget_old(world) == 0
    assert world.issuer.roots.genuine(purpose, old, b"message", mac)
    world.clock.advance(hours=1)
    assert forget_old(world) == 1
    assert not world.issuer.roots.genuine(purpose, old, b"message", mac)


def test_rolling_one_purpose_leaves_the_others_alone(world: World) -> None:
    before = {purpose: world.issuer.roots.current(purpose).id for purpose in PURPOSES}
    new = roll(world, "csrf")
    assert {purpose: world.issuer.roots.current(purpose).id for purpose in PURPOSES} == {
        **before,
        "csrf": new,
    }


def test_a_new_master_key_kills_nothing(world: World) -> None:
    """KEY-5, KEY-7: rows move to the new version online; MACs and signatures stay good."""
    issuer = world.issuer
    root, mac = issuer.roots.mac("refresh", b"message")
    kid = issuer.keyring.signer("ES256").kid
    master.add_version(issuer.config.master_key_path)
    vault = master.vault_of(issuer.config)
    with world.writing() as db:
        done = reseal.reseal(db, vault, now=world.clock(), by=SYSTEM)
    assert (done.version, done.moved) == (2, len(PURPOSES) + 2)
    assert issuer.roots.genuine("refresh", root, b"message", mac), "the running server follows"
    assert issuer.keyring.signer("ES256").kid == kid
    newest_alone = Vault({2: master.read(issuer.config)[2]})
    with world.reading() as db:
        assert roots.load(db, newest_alone).genuine("refresh", root, b"message", mac)


def test_resealing_again_moves_nothing(world: World) -> None:
    with world.writing() as db:
        assert reseal.reseal(db, world.issuer.vault, now=world.clock(), by=SYSTEM).moved == 0


def test_a_backup_is_of_one_version(world: World) -> None:
    issuer = world.issuer
    with world.writing() as db:
        assert not reseal.is_backed_up(db, issuer.vault)
        assert reseal.note_backup(db, issuer.vault, now=world.clock(), by=SYSTEM) == 1
        assert reseal.is_backed_up(db, issuer.vault)
    master.add_version(issuer.config.master_key_path)
    with world.reading() as db:
        assert not reseal.is_backed_up(db, master.vault_of(issuer.config))


def test_roots_swapped_between_purposes_do_not_open(world: World) -> None:
    """KEY-4: swapping ciphertexts between rows fails."""
    swap = """UPDATE root_secrets SET value = (SELECT value FROM root_secrets WHERE purpose = 'refresh')
               WHERE purpose = 'csrf'"""
    with world.writing() as db:
        db.hot(Hot(swap), {})
    with pytest.raises(CannotOpen), world.reading() as db:
        roots.load(db, world.issuer.vault)


def test_a_root_that_was_made_later_is_no_reason_to_forget(world: World) -> None:
    """A second roll within the 30 days keeps both earlier roots."""
    first, mac = world.issuer.roots.mac("csrf", b"m")
    roll(world, "csrf")
    world.clock.advance(days=10)
    roll(world, "csrf")
    world.clock.time += timedelta(days=10)
    forget_old(world)
    assert world.issuer.roots.genuine("csrf", first, b"m", mac)
    assert len(world.issuer.roots.known("csrf")) == 3
