"""Statements on signing keys and purpose roots. What is private in them is sealed before it comes here."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from authserver.store.database import Session
from authserver.store.records.clients import ApiRow, ClientRow
from authserver.store.records.factors import RecoveryCodeRow
from authserver.store.records.operations import RootSecretRow, SigningKeyRow

LIFETIMES = ("access_token_lifetime", "id_token_lifetime")


def signing_keys(db: Session) -> Sequence[SigningKeyRow]:
    """Every signing key, oldest first."""
    return db.orm.scalars(select(SigningKeyRow).order_by(SigningKeyRow.created_at, SigningKeyRow.kid)).all()


def signing_key(db: Session, kid: str) -> SigningKeyRow | None:
    return db.orm.get(SigningKeyRow, kid)


def signing_key_in(db: Session, alg: str, state: str) -> SigningKeyRow | None:
    """The oldest key of this algorithm in this state."""
    return db.orm.scalars(
        select(SigningKeyRow)
        .where(SigningKeyRow.alg == alg, SigningKeyRow.state == state)
        .order_by(SigningKeyRow.created_at)
        .limit(1)
    ).first()


def purge_signing_keys(db: Session, now: datetime) -> Sequence[str]:
    """Forget retired keys whose time has come; returns their names."""
    return db.orm.scalars(
        delete(SigningKeyRow)
        .where(SigningKeyRow.state == "retired", SigningKeyRow.purge_at <= now)
        .returning(SigningKeyRow.kid)
    ).all()


def root_secrets(db: Session) -> Sequence[RootSecretRow]:
    return db.orm.scalars(select(RootSecretRow).order_by(RootSecretRow.made_at)).all()


def purge_root_secrets(db: Session, retired_before: datetime) -> Sequence[str]:
    """Forget retired roots; one that a recovery code still stands on is kept for as long as the code."""
    needed = select(RecoveryCodeRow.root_id).where(RecoveryCodeRow.used_at.is_(None))
    return db.orm.scalars(
        delete(RootSecretRow)
        .where(RootSecretRow.retired_at <= retired_before, RootSecretRow.root_id.not_in(needed))
        .returning(RootSecretRow.root_id)
    ).all()


def longest_token_lifetime(db: Session) -> int:
    """The longest lifetime in seconds that an API or a client was given for itself; 0 where none was."""
    longest: int = db.orm.scalar(select(func.max(ApiRow.token_lifetime))) or 0
    for settings in db.orm.scalars(select(ClientRow.settings)):
        longest = max(longest, *(settings.get(name) or 0 for name in LIFETIMES))
    return longest
