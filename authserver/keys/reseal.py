"""Moving what is sealed to the newest master key, while the server runs: nothing that was issued dies."""

from dataclasses import dataclass
from datetime import datetime

from authserver.audit import Actor, record
from authserver.audit.events import SecretsChanged
from authserver.keys import custody, rolling, rotation
from authserver.settings import reseal as of_settings
from authserver.store import Session, records
from authserver.store.facts import fact, note_fact
from authserver.store.locks import lock
from authserver.vault import Vault

BACKED_UP = "master_key_backed_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """Under which version everything is sealed now, and how many values moved to it."""

    version: int
    moved: int


def reseal(db: Session, vault: Vault, *, now: datetime, by: Actor) -> Resealed:
    """Seal every row under the newest master key; older keys are needed for older backups alone."""
    lock(db, "master_key")
    moved = rotation.reseal(db, vault) + rolling.reseal(db, vault) + of_settings.secrets(db, vault)
    moved += _reseal_totp(db, vault) + _reseal_outbox(db, vault) + _reseal_upstreams(db, vault)
    record(db, SecretsChanged(act="resealed", detail=f"version {vault.version}"), by=by, at=now)
    return Resealed(version=vault.version, moved=moved)


def _reseal_totp(db: Session, vault: Vault) -> int:
    """The secrets of authenticator apps."""
    moved = 0
    for row in records.factors.totp_rows(db):
        if vault.version_of(row.secret) != vault.version:
            place = custody.totp_place(row.user_id)
            row.secret = vault.seal(vault.open(row.secret, place), place)
            moved += 1
    return moved


def _reseal_outbox(db: Session, vault: Vault) -> int:
    """What mails say that are not yet delivered."""
    moved = 0
    for row in records.outbox.sealed_outbox_rows(db):
        if row.payload and vault.version_of(row.payload) != vault.version:
            place = custody.outbox_place(row.id)
            row.payload = vault.seal(vault.open(row.payload, place), place)
            moved += 1
    return moved


def _reseal_upstreams(db: Session, vault: Vault) -> int:
    """What providers know us by."""
    moved = 0
    for row in records.upstreams.sealed_upstreams(db):
        if row.secrets is not None and vault.version_of(row.secrets) != vault.version:
            place = custody.upstream_place(row.id)
            row.secrets = vault.seal(vault.open(row.secrets, place), place)
            moved += 1
    return moved


def note_backup(db: Session, vault: Vault, *, now: datetime, by: Actor) -> int:
    """Record that the newest master key is kept somewhere else; returns its version."""
    note_fact(db, BACKED_UP, str(vault.version))
    record(db, SecretsChanged(act="backed_up", detail=f"version {vault.version}"), by=by, at=now)
    return vault.version


def is_backed_up(db: Session, vault: Vault) -> bool:
    return fact(db, BACKED_UP) == str(vault.version)
