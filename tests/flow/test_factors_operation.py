"""Second factors through what operators do: a new master key, a restored backup, a removed account, the commands."""

import json

import pytest
from click.testing import CliRunner

from authserver.audit import SYSTEM
from authserver.cli import main
from authserver.errors import Refusal
from authserver.factors import totp
from authserver.keys import master, reseal
from authserver.login import enrolment, passwords
from authserver.store.restored import RECOVERY_CODES
from authserver.users import edit, find
from authserver.vault import Vault
from authserver.work.after_restore import after_restore
from tests.flow.apps import Authenticator, answer, app_of, codes_of, enter_with, to_second_step
from tests.flow.login import count
from tests.flow.world import Resident, World

SHORT = "eight ch"
WORDS = "looms weave flowers"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> Authenticator:
    return app_of(world, ada)


def test_a_new_master_key_seals_the_secrets_anew(world: World, ada: Resident, app: Authenticator) -> None:
    """KEY-4: the old key is not needed afterwards, and the app goes on."""
    vault, new = world.issuer.vault, bytes(range(32))
    vault.learn({vault.version: old_key(world), vault.version + 1: new})
    with world.writing() as db:
        reseal.reseal(db, vault, now=world.clock(), by=SYSTEM)
    with world.reading() as db:
        device = totp.confirmed(db, ada.id)
    assert device
    assert device.key(Vault({vault.version: new})).secret == app.key.secret
    enter_with(world, ada, app)


def old_key(world: World) -> bytes:

    return master.read(world.issuer.config)[world.issuer.vault.version]


def test_after_a_restore_no_code_of_before_works(world: World, ada: Resident, app: Authenticator) -> None:
    """A code that was used after the backup is not taken again; recovery codes are void, apps stay."""
    codes_of(world, ada)
    used = [app.code(step) for step in (-1, 0, 1)]
    with world.writing() as db:
        told = after_restore(db, now=world.clock(), by=SYSTEM)
    assert (told["apps"], told[RECOVERY_CODES]) == (1, 10)
    for code in used:
        assert "was used already" in answer(to_second_step(world, ada), code).page.words
    world.clock.advance(seconds=60)
    enter_with(world, ada, app)


def test_recovery_codes_may_be_kept_through_a_restore(
    world: World, ada: Resident, app: Authenticator
) -> None:
    codes_of(world, ada)
    with world.writing() as db:
        after_restore(db, now=world.clock(), by=SYSTEM, spare=(RECOVERY_CODES,))
    assert count(world, "recovery_codes") == 10


def test_a_removed_account_leaves_no_factor(world: World, ada: Resident, app: Authenticator) -> None:
    codes_of(world, ada)
    with world.writing() as db:
        edit.remove(db, world.issuer, ada.id, by=SYSTEM)
    assert count(world, "totp_devices") == count(world, "recovery_codes") == 0


@pytest.mark.parametrize(
    ("rule", "has_app", "shortest"),
    [
        ("off", False, 15),
        ("optional", False, 15),
        ("optional", True, 8),
        ("required", False, 8),
        ("required", True, 8),
    ],
)
def test_how_short_a_password_may_be(
    world: World, ada: Resident, rule: str, has_app: bool, shortest: int
) -> None:
    """PW-1: 15 where it is the only factor, 8 beside a second one that is there or must be."""
    if has_app:
        app_of(world, ada)
    world.set(second_factor=rule)
    assert passwords.choose(world.issuer, WORDS[:shortest], ada.id).phc
    with pytest.raises(Refusal) as refused:
        passwords.choose(world.issuer, WORDS[: shortest - 1], ada.id)
    assert str(shortest) in refused.value.fields["password"]


def test_a_reset_by_command_asks_for_a_password_that_stands_alone(
    world: World, ada: Resident, app: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PW-1, TOTP-8: `users factors --reset`."""
    chosen = passwords.choose(world.issuer, SHORT, ada.id)
    with world.writing() as db:
        edit.set_password(db, world.issuer, ada.id, chosen.phc, by=SYSTEM, stands=chosen.stands)
    config = world.issuer.config
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(config.data_dir))
    if config.database_url:
        monkeypatch.setenv("AUTHSERVER_DATABASE_URL", config.database)
    asked = [ada.email, "--reset", "--yes", "--password-stdin", "--json"]
    refused = CliRunner().invoke(main, ["users", "factors", *asked], input=f"{SHORT}\n")
    assert (refused.exit_code, "15" in refused.output) == (1, True), refused.output
    assert count(world, "totp_devices") == 1
    done = CliRunner().invoke(main, ["users", "factors", *asked], input="long enough to stand alone\n")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["app"] is None
    with world.reading() as db:
        assert not enrolment.needs_password(db, world.issuer, find.load(db, ada.id))
    browser = to_second_step(
        world, Resident(**{n: getattr(ada, n) for n in ("name", "username", "id", "subject", "email")},
                        password="long enough to stand alone")
    )  # fmt: skip
    assert browser.at
    assert browser.at.url.endswith("/account")
