"""Purpose roots made, rolled and sealed anew."""

from datetime import datetime, timedelta
from secrets import token_bytes

from authserver.audit import Actor, record
from authserver.audit.events import SecretsChanged
from authserver.keys.roots import PURPOSES, TOPIC, place_of
from authserver.opaque import new_secret
from authserver.store import Session, bump, records
from authserver.store.keys import purge_roots
from authserver.store.locks import lock
from authserver.vault import KEY, Vault

ID_BYTES = 6
VERIFIES_FOR = timedelta(days=30)


def make_missing(db: Session, vault: Vault, *, now: datetime, by: Actor) -> tuple[str, ...]:
    """See to it that each purpose has a root; returns the purposes that had none."""
    lock(db, TOPIC)
    have = {row.purpose for row in records.keys.root_secrets(db) if row.retired_at is None}
    missing = tuple(purpose for purpose in PURPOSES if purpose not in have)
    for purpose in missing:
        _make(db, vault, purpose, now)
    if missing:
        record(db, SecretsChanged(act="roots_made", detail=" ".join(missing)), by=by, at=now)
        bump(db, TOPIC)
    return missing


def roll(db: Session, vault: Vault, purpose: str, *, now: datetime, by: Actor) -> str:
    """Start a new root for a purpose; the old one verifies for 30 days more. Returns the new root's id."""
    lock(db, TOPIC)
    for row in records.keys.root_secrets(db):
        if row.purpose == purpose and row.retired_at is None:
            row.retired_at = now
    db.orm.flush()
    root_id = _make(db, vault, purpose, now)
    record(db, SecretsChanged(act="root_rolled", detail=purpose), by=by, at=now)
    bump(db, TOPIC)
    return root_id


def forget_old(db: Session, *, now: datetime) -> int:
    """Delete roots that no longer verify anything."""
    gone = purge_roots(db, now - VERIFIES_FOR)
    if gone:
        bump(db, TOPIC)
    return gone


def reseal(db: Session, vault: Vault) -> int:
    """Seal every root under the newest master key; returns how many were under an older one."""
    moved = 0
    for row in records.keys.root_secrets(db):
        if vault.version_of(row.value) != vault.version:
            place = place_of(row.purpose, row.root_id)
            row.value = vault.seal(vault.open(row.value, place), place)
            moved += 1
    if moved:
        bump(db, TOPIC)
    return moved


def _make(db: Session, vault: Vault, purpose: str, now: datetime) -> str:
    row = records.operations.RootSecretRow(
        purpose=purpose, root_id=new_secret(ID_BYTES), made_at=now, retired_at=None
    )
    row.value = vault.seal(token_bytes(KEY), place_of(row.purpose, row.root_id))
    db.orm.add(row)
    db.orm.flush()
    return row.root_id
