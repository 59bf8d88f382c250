"""Wrong answers that were given for an account, known or unknown; see limits/passwords.py."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, UtcDateTime, partial


class FailureRow(Base):
    """One try that was not right; `account` is an HMAC, so that nobody reads here what was typed.

    A try is inserted before it is looked at; `counted` is set once it was found wrong. Most are right and go at once:
    SQLite has them in two trees, where it would have four.
    """

    __tablename__ = "failures"
    __table_args__ = (
        Index("ix_failures_account", "account", "kind", "at"),
        partial("ix_failures_at", "at", where="kind = 'stranger'"),
        {"sqlite_with_rowid": False},
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[bytes] = mapped_column(Digest)
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    counted: Mapped[bool] = mapped_column(default=False)
