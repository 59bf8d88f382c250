"""Purpose roots: random secrets in the database, sealed under the master key, one purpose each."""

from datetime import datetime, timedelta
from secrets import token_bytes

from authserver.audit import Actor, record
from authserver.audit.events import SecretsChanged
from authserver.opaque import new_secret
from authserver.store import Session, bump
from authserver.store.keys import purge_root_secrets, root_secrets
from authserver.store.locks import lock
from authserver.store.operations import RootSecretRow
from authserver.vault import KEY, Place, Root, Roots, Vault

PURPOSES = (
    "csrf", "transaction", "refresh", "ticket", "identifier", "audit", "reference", "recovery", "passkey",
)  # fmt: skip
TOPIC = "roots"
ID_BYTES = 6
VERIFIES_FOR = timedelta(days=30)


def load(db: Session, vault: Vault) -> Roots:
    """The roots in force: the current one of each purpose, and the retired ones that still verify."""
    return Roots(_opened(vault, row) for row in root_secrets(db))


def make_missing(db: Session, vault: Vault, *, now: datetime, by: Actor) -> tuple[str, ...]:
    """See to it that each purpose has a root; returns the purposes that had none."""
    lock(db, TOPIC)
    have = {row.purpose for row in root_secrets(db) if row.retired_at is None}
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
    for row in root_secrets(db):
        if row.purpose == purpose and row.retired_at is None:
            row.retired_at = now
    db.orm.flush()
    root_id = _make(db, vault, purpose, now)
    record(db, SecretsChanged(act="root_rolled", detail=purpose), by=by, at=now)
    bump(db, TOPIC)
    return root_id


def forget_old(db: Session, *, now: datetime) -> int:
    """Delete roots that no longer verify anything."""
    gone = purge_root_secrets(db, now - VERIFIES_FOR)
    if gone:
        bump(db, TOPIC)
    return len(gone)


def reseal(db: Session, vault: Vault) -> int:
    """Seal every root under the newest master key; returns how many were under an older one."""
    moved = 0
    for row in root_secrets(db):
        if vault.version_of(row.value) != vault.version:
            place = _place(row)
            row.value = vault.seal(vault.open(row.value, place), place)
            moved += 1
    if moved:
        bump(db, TOPIC)
    return moved


def _make(db: Session, vault: Vault, purpose: str, now: datetime) -> str:
    row = RootSecretRow(purpose=purpose, root_id=new_secret(ID_BYTES), made_at=now, retired_at=None)
    row.value = vault.seal(token_bytes(KEY), _place(row))
    db.orm.add(row)
    db.orm.flush()
    return row.root_id


def _opened(vault: Vault, row: RootSecretRow) -> Root:
    return Root(
        purpose=row.purpose,
        id=row.root_id,
        value=vault.open(row.value, _place(row)),
        made_at=row.made_at,
        retired_at=row.retired_at,
    )


def _place(row: RootSecretRow) -> Place:
    return Place(table="root_secrets", column="value", row=f"{row.purpose}.{row.root_id}")
