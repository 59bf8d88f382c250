"""Clients with their secrets, and the APIs that tokens are for."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, Json, UtcDateTime


class ClientRow(Base):
    """`settings` holds what clients/client.py's Client has beyond these columns."""

    __tablename__ = "clients"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))  # public, confidential
    auth_method: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), default="active")  # active, disabled
    settings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class ClientSecretRow(Base):
    __tablename__ = "client_secrets"
    __table_args__ = (Index("ix_client_secrets_client", "client"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    client: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(Digest)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiRow(Base):
    """`scopes` is a list of {name, sentences: {language: text}, clients: [...] | null, groups: [...] | null}."""

    __tablename__ = "apis"
    __table_args__ = (
        Index(
            "uq_apis_is_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    token_lifetime: Mapped[int | None]
    required_acr: Mapped[str | None] = mapped_column(String(32))
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
