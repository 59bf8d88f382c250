"""Consents, grants (the family that every token descends from), and revoked access tokens."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Id, Json, UtcDateTime


class ConsentRow(Base):
    __tablename__ = "consents"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    scope: Mapped[str]  # space-separated, sorted
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantRow(Base):
    """One row is one refresh family. No index covers what rotation writes."""

    __tablename__ = "grants"
    __table_args__ = (
        # Whoever looks for those of a session knows whose it is; those of a client are looked for once, when it goes.
        Index("ix_grants_user_id", "user_id", "revoked_at", "session_id"),
        Index("ix_grants_ends_at", "ends_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    user_epoch: Mapped[int]
    client_id: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str] = mapped_column(Id)
    scope: Mapped[str]
    resources: Mapped[list[str]] = mapped_column(Json, default=list)
    claims: Mapped[str | None]  # the `claims` request parameter, normalized JSON text
    authentication: Mapped[str]  # Authentication.text
    offline: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoke_reason: Mapped[str | None] = mapped_column(String(32))


class RevokedTokenRow(Base):
    __tablename__ = "revoked_tokens"
    __table_args__ = (Index("ix_revoked_tokens_expires_at", "expires_at"),)
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
