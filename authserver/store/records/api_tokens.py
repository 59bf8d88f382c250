"""Statements on API tokens, of which only a digest is kept."""

from collections.abc import Sequence

from sqlalchemy import select

from authserver.store.database import Session
from authserver.store.records.operations import ApiTokenRow


def token_row(db: Session, token_id: str) -> ApiTokenRow | None:
    return db.orm.get(ApiTokenRow, token_id, populate_existing=True)


def locked_token(db: Session, token_id: str) -> ApiTokenRow | None:
    """The row, held until the transaction ends: a token that is being revoked makes no other."""
    return db.orm.get(ApiTokenRow, token_id, with_for_update=True, populate_existing=True)


def all_tokens(db: Session) -> Sequence[ApiTokenRow]:
    """Every token, the oldest first."""
    return db.orm.scalars(select(ApiTokenRow).order_by(ApiTokenRow.id)).all()
