"""What running the server needs: settings, keys, roots, audit, leases, windows, refusals, API tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, Json, Sealed, UtcDateTime, partial


class SettingRow(Base):
    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SettingChangeRow(Base):
    __tablename__ = "settings_history"
    __table_args__ = (Index("ix_settings_history_name", "name", "at"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    old: Mapped[Any | None] = mapped_column(Json)  # NULL: the default held
    new: Mapped[Any | None] = mapped_column(Json)
    by: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class FactRow(Base):
    """What the installation knows of itself: the schema it requires, the epoch, which master key is backed up."""

    __tablename__ = "facts"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))


class SigningKeyRow(Base):
    __tablename__ = "signing_keys"
    __table_args__ = (partial("uq_signing_keys_alg_active", "alg", unique=True, where="state = 'active'"),)
    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    private: Mapped[bytes | None] = mapped_column(Sealed)
    state: Mapped[str] = mapped_column(String(16))  # next, active, retiring, retired
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activates_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    purge_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RootSecretRow(Base):
    __tablename__ = "root_secrets"
    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    root_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[bytes] = mapped_column(Sealed)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEventRow(Base):
    """Inserted in the acting transaction; position and hashes are given later, by one sealer."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_subject", "subject", "at"),
        Index("ix_audit_events_event", "event", "at"),
        Index("ix_audit_events_at", "at"),
        partial("uq_audit_events_position", "position", unique=True, where="position IS NOT NULL"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    client: Mapped[str | None] = mapped_column(String(255))
    session: Mapped[str | None] = mapped_column(Id)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(512))
    node: Mapped[str | None] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    position: Mapped[int | None] = mapped_column(BigInteger)
    previous: Mapped[bytes | None] = mapped_column(Digest)
    hash: Mapped[bytes | None] = mapped_column(Digest)


class LeaseRow(Base):
    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime] = mapped_column(UtcDateTime)


class RateWindowRow(Base):
    __tablename__ = "rate_windows"
    bucket: Mapped[str] = mapped_column(String(128), primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]


class RefusalRow(Base):
    __tablename__ = "refusals"
    __table_args__ = (Index("ix_refusals_cause", "cause", "last_at"), Index("ix_refusals_last_at", "last_at"))
    reference: Mapped[str] = mapped_column(String(32), primary_key=True)
    cause: Mapped[bytes] = mapped_column(Digest)
    rule: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiTokenRow(Base):
    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    digest: Mapped[bytes] = mapped_column(Digest, unique=True)
    role: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[str]] = mapped_column(Json, default=list)
    made_by: Mapped[str | None] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    made_with: Mapped[str | None] = mapped_column(Id, ForeignKey("api_tokens.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Revision(Base):
    __tablename__ = "revisions"
    topic: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]
