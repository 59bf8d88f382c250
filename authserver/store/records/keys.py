"""Statements on signing keys and purpose roots. What is private in them is sealed before it comes here."""

from collections.abc import Sequence

from sqlalchemy import func, select

from authserver.store.database import Session
from authserver.store.records.clients import ApiRow, ClientRow
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


def root_secrets(db: Session) -> Sequence[RootSecretRow]:
    return db.orm.scalars(select(RootSecretRow).order_by(RootSecretRow.made_at)).all()


def longest_token_lifetime(db: Session) -> int:
    """The longest lifetime in seconds that an API or a client was given for itself; 0 where none was."""
    longest: int = db.orm.scalar(select(func.max(ApiRow.token_lifetime))) or 0
    for settings in db.orm.scalars(select(ClientRow.settings)):
        longest = max(longest, *(settings.get(name) or 0 for name in LIFETIMES))
    return longest
