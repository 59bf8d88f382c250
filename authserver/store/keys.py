"""Statements on signing keys and purpose roots, as every worker holds them. What is private in them is sealed."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from authserver.store.database import Hot, Session

KEYS = Hot("SELECT kid, alg, public_jwk, private, state, purge_at FROM signing_keys ORDER BY created_at, kid")
ROOTS = Hot("SELECT purpose, root_id, value, made_at, retired_at FROM root_secrets ORDER BY made_at")

DUE_KEYS = Hot(
    """SELECT 1 FROM signing_keys
        WHERE state = 'retiring' AND retires_at <= :now OR state = 'retired' AND purge_at <= :now LIMIT 1"""
)
PURGE_KEYS = Hot("DELETE FROM signing_keys WHERE state = 'retired' AND purge_at <= :now RETURNING kid")
# One that a recovery code still stands on is kept for as long as the code.
PURGE_ROOTS = Hot(
    """DELETE FROM root_secrets
        WHERE retired_at <= :before AND root_id NOT IN (SELECT root_id FROM recovery_codes WHERE used_at IS NULL)
    RETURNING root_id"""
)


class HeldKey(NamedTuple):
    """What a row of `signing_keys` says."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]
    private: bytes | None
    state: str
    purge_at: datetime | None


class HeldRoot(NamedTuple):
    """What a row of `root_secrets` says."""

    purpose: str
    root_id: str
    value: bytes
    made_at: datetime
    retired_at: datetime | None


def held_keys(db: Session) -> list[HeldKey]:
    """Every signing key, oldest first."""
    time = db.database.read_time
    return [
        HeldKey(kid, alg, json.loads(public), private, state, None if purge_at is None else time(purge_at))
        for kid, alg, public, private, state, purge_at in db.hot(KEYS, {}).fetchall()
    ]


def held_roots(db: Session) -> list[HeldRoot]:
    time = db.database.read_time
    return [
        HeldRoot(purpose, root_id, value, time(made_at), None if retired_at is None else time(retired_at))
        for purpose, root_id, value, made_at, retired_at in db.hot(ROOTS, {}).fetchall()
    ]


def has_due_keys(db: Session, now: datetime) -> bool:
    """Whether a key is to be retired, or to be forgotten."""
    return db.one(DUE_KEYS, {"now": db.time(now)}) is not None


def purge_keys(db: Session, now: datetime) -> int:
    """Forget retired keys whose time has come; returns how many."""
    return len(db.hot(PURGE_KEYS, {"now": db.time(now)}).fetchall())


def purge_roots(db: Session, retired_before: datetime) -> int:
    """Forget retired roots that no longer verify anything; returns how many."""
    return len(db.hot(PURGE_ROOTS, {"before": db.time(retired_before)}).fetchall())
