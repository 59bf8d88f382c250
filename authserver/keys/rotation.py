"""Signing keys through their life: next, active, retiring, retired. Each step is one locked transaction.

A next key is published a day before it signs, so that every cache knows it; a retiring one stays published
until no token of it is alive; a retired one proves id_token_hints for a month, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver.audit import Actor, record
from authserver.audit.events import KeyStateChanged
from authserver.errors import Refusal
from authserver.jose import Signer, generate
from authserver.keys import custody
from authserver.keys.keyring import ALGS, TOPIC
from authserver.settings.catalogue import Settings
from authserver.store import Session, bump, records
from authserver.store.keys import has_due_keys, purge_keys
from authserver.store.locks import lock
from authserver.vault import Vault

HINTS_FOR = timedelta(days=31)
SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """What may be shown of a signing key."""

    kid: str
    alg: str
    state: str
    created_at: datetime
    activates_at: datetime | None
    retires_at: datetime | None
    purge_at: datetime | None


def all_keys(db: Session) -> tuple[SigningKey, ...]:
    return tuple(_shown(row) for row in records.keys.signing_keys(db))


def make_missing(db: Session, vault: Vault, *, now: datetime, by: Actor) -> tuple[SigningKey, ...]:
    """See to it that each algorithm has an active key: nobody has cached anything before the first."""
    lock(db, TOPIC)
    missing = [alg for alg in ALGS if records.keys.signing_key_in(db, alg, "active") is None]
    return tuple(_shown(_make(db, vault, alg, "active", now=now, by=by)) for alg in missing)


def publish_next(
    db: Session, vault: Vault, alg: str, *, settings: Settings, now: datetime, by: Actor
) -> SigningKey:
    """Publish the key that will sign next; where one waits already, it is that one."""
    lock(db, TOPIC)
    waiting = records.keys.signing_key_in(db, alg, "next")
    if waiting is None:
        waiting = _make(db, vault, alg, "next", now=now, by=by)
        waiting.activates_at = now + timedelta(seconds=settings.key_publish_ahead)
    return _shown(waiting)


def activate(db: Session, alg: str, *, settings: Settings, now: datetime, by: Actor) -> SigningKey:
    """Let the next key sign, once it was published for long enough."""
    lock(db, TOPIC)
    waiting = _waiting(db, alg)
    if waiting.activates_at is not None and waiting.activates_at > now:
        raise Refusal(
            f"{alg}: the next key may sign from {waiting.activates_at:%Y-%m-%d %H:%M} UTC, when every cache "
            "knows it. With --now it signs at once, and whoever cached the JWKS earlier fails until then.",
            code="too_soon",
        )
    return _activate(db, waiting, settings=settings, now=now, by=by)


def activate_now(db: Session, alg: str, *, settings: Settings, now: datetime, by: Actor) -> SigningKey:
    """Let the next key sign at once: caches of the JWKS that are older than the key will fail."""
    lock(db, TOPIC)
    return _activate(db, _waiting(db, alg), settings=settings, now=now, by=by)


def replace(db: Session, vault: Vault, alg: str, *, now: datetime, by: Actor) -> SigningKey:
    """In an emergency: a new key signs, and every earlier key of this algorithm is gone, with its tokens."""
    lock(db, TOPIC)
    for row in records.keys.signing_keys(db):
        if row.alg == alg:
            db.orm.delete(row)
            _note(db, row, "gone", now=now, by=by, emergency=True)
    db.orm.flush()
    return _shown(_make(db, vault, alg, "active", now=now, by=by, emergency=True))


def settle(db: Session, *, now: datetime, by: Actor) -> int:
    """Retire keys whose tokens are dead, and forget those retired a month ago; returns how many moved."""
    if not has_due_keys(db, now):
        return 0
    lock(db, TOPIC)
    due = [
        row
        for row in records.keys.signing_keys(db)
        if row.state == "retiring" and row.retires_at is not None and row.retires_at <= now
    ]
    for row in due:
        row.state = "retired"
        row.purge_at = now + HINTS_FOR
        _note(db, row, "retired", now=now, by=by)
    db.orm.flush()
    gone = purge_keys(db, now)
    if due or gone:
        bump(db, TOPIC)
    return len(due) + gone


def reseal(db: Session, vault: Vault) -> int:
    """Seal every private key under the newest master key; returns how many were under an older one."""
    moved = 0
    for row in records.keys.signing_keys(db):
        if row.private is not None and vault.version_of(row.private) != vault.version:
            row.private = custody.reseal(vault, row.kid, row.private)
            moved += 1
    if moved:
        bump(db, TOPIC)
    return moved


def _activate(
    db: Session, waiting: "records.operations.SigningKeyRow", *, settings: Settings, now: datetime, by: Actor
) -> SigningKey:
    old = records.keys.signing_key_in(db, waiting.alg, "active")
    if old is not None:
        old.state = "retiring"
        old.retires_at = now + _retiring_for(db, settings)
        # It signs no more: what is not there cannot leak.
        old.private = None
        db.orm.flush()
        _note(db, old, "retiring", now=now, by=by)
    waiting.state = "active"
    waiting.activates_at = now
    db.orm.flush()
    _note(db, waiting, "active", now=now, by=by)
    bump(db, TOPIC)
    return _shown(waiting)


def _retiring_for(db: Session, settings: Settings) -> timedelta:
    lifetime = max(
        settings.access_token_lifetime, settings.id_token_lifetime, records.keys.longest_token_lifetime(db)
    )
    return max(timedelta(seconds=settings.key_retire_after), timedelta(seconds=lifetime) + SKEW)


def _waiting(db: Session, alg: str) -> "records.operations.SigningKeyRow":
    waiting = records.keys.signing_key_in(db, alg, "next")
    if waiting is None:
        raise Refusal(
            f"{alg}: no next key waits. `authserver keys rotate` publishes one.", code="no_next_key"
        )
    return waiting


def _make(  # noqa: PLR0913
    db: Session,
    vault: Vault,
    alg: str,
    state: str,
    *,
    now: datetime,
    by: Actor,
    emergency: bool = False,
) -> "records.operations.SigningKeyRow":
    private = generate(alg)
    signer = Signer.load(private)
    row = records.operations.SigningKeyRow(
        kid=signer.kid,
        alg=alg,
        public_jwk=signer.public_jwk(),
        private=custody.keep(vault, signer.kid, private),
        state=state,
        created_at=now,
        activates_at=now,
    )
    db.orm.add(row)
    db.orm.flush()
    _note(db, row, state, now=now, by=by, emergency=emergency)
    bump(db, TOPIC)
    return row


def _note(
    db: Session,
    row: "records.operations.SigningKeyRow",
    state: str,
    *,
    now: datetime,
    by: Actor,
    emergency: bool = False,
) -> None:
    event = KeyStateChanged(kid=row.kid, alg=row.alg, state=state, emergency=emergency)
    record(db, event, by=by, at=now)


def _shown(row: "records.operations.SigningKeyRow") -> SigningKey:
    return SigningKey(
        kid=row.kid,
        alg=row.alg,
        state=row.state,
        created_at=row.created_at,
        activates_at=row.activates_at,
        retires_at=row.retires_at,
        purge_at=row.purge_at,
    )
