"""Single-sign-on sessions, logins under way, and the browsers that are known."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, Json, UtcDateTime, holding, partial


class SsoSessionRow(Base):
    """What a request writes (last_seen_at, idle_until) is in no index that a server has."""

    __tablename__ = "sso_sessions"
    __table_args__ = (
        Index("ix_sso_sessions_user_id", "user_id", "ended_at"),
        Index("ix_sso_sessions_expires_at", "expires_at"),
        partial("ix_sso_sessions_expires_at_live", "expires_at", where="ended_at IS NULL"),
        partial("ix_sso_sessions_previous_digest", "previous_digest", where="previous_digest IS NOT NULL"),
        holding("ix_sso_sessions_standing", "id", "idle_until", "ended_at", where="ended_at IS NULL"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)  # on the wire: sid
    handle_digest: Mapped[bytes] = mapped_column(Digest, unique=True)
    previous_digest: Mapped[bytes | None] = mapped_column(Digest)  # reads for some seconds, for parallel tabs
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    user_epoch: Mapped[int]
    authentication: Mapped[str]  # Authentication.text
    kind: Mapped[str] = mapped_column(String(16), default="browser")  # browser, app: signed in without a page
    remembered: Mapped[bool] = mapped_column(default=False)
    device_id: Mapped[str | None] = mapped_column(Id)
    user_agent: Mapped[str] = mapped_column(String(512), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    idle_until: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(32))
    end_agent: Mapped[str | None] = mapped_column(String(512))  # the browser that ended it


class SessionClientRow(Base):
    __tablename__ = "session_clients"
    session_id: Mapped[str] = mapped_column(
        Id, ForeignKey("sso_sessions.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TransactionRow(Base):
    __tablename__ = "transactions"
    __table_args__ = (Index("ix_transactions_expires_at", "expires_at"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    browser_digest: Mapped[bytes] = mapped_column(Digest)
    purpose: Mapped[str] = mapped_column(String(16))
    request: Mapped[dict[str, str]] = mapped_column(Json)
    user_id: Mapped[str | None] = mapped_column(Id)
    user_epoch: Mapped[int | None]
    proofs: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    remembered: Mapped[bool] = mapped_column(default=False)
    trusts: Mapped[bool] = mapped_column(default=False)  # the device is to be trusted
    skips: Mapped[bool] = mapped_column(default=False)  # they gave no address, for now
    level: Mapped[int] = mapped_column(default=1)  # what the proofs must reach
    steps_up: Mapped[str | None] = mapped_column(Id)  # the session that only lacks a proof
    version: Mapped[int] = mapped_column(default=1)
    tries: Mapped[int] = mapped_column(default=0)  # answers of an app that were not right
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_id: Mapped[str | None] = mapped_column(Id)  # the session that its completion opened


class DeviceRow(Base):
    """A browser in which this person once signed in fully: it has a failure counter of its own."""

    __tablename__ = "devices"
    __table_args__ = (
        Index("uq_devices_digest", "digest", "user_id", unique=True),
        Index("ix_devices_user_id", "user_id"),
        Index("ix_devices_expires_at", "expires_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    user_agent: Mapped[str] = mapped_column(String(512), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
