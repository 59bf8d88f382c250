"""Clients with their secrets, and the APIs that tokens are for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Session
from authserver.store.types import Base, Digest, Id, Json, UtcDateTime, partial


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


# Rotation gives every secret but the newest an end.
CURRENT_FIRST = (ClientSecretRow.expires_at.is_(None).desc(), ClientSecretRow.expires_at.desc())


class ApiRow(Base):
    """`scopes` is a list of what apis/form.py's ScopeForm holds."""

    __tablename__ = "apis"
    __table_args__ = (partial("uq_apis_is_default", "is_default", unique=True, where="is_default"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    token_lifetime: Mapped[int | None]
    required_acr: Mapped[str | None] = mapped_column(String(32))
    required_max_age: Mapped[int | None]
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


def client_by_client_id(db: Session, client_id: str) -> ClientRow | None:
    return db.orm.scalar(select(ClientRow).where(ClientRow.client_id == client_id))


def locked_client(db: Session, client_id: str) -> ClientRow | None:
    """The row, held until the transaction ends."""
    return db.orm.scalar(select(ClientRow).where(ClientRow.client_id == client_id).with_for_update())


def secrets_of(db: Session, client: str) -> list[ClientSecretRow]:
    """A client's secrets, the current one first."""
    found = select(ClientSecretRow).where(ClientSecretRow.client == client)
    return list(db.orm.scalars(found.order_by(*CURRENT_FIRST)))


def all_apis(db: Session) -> list[ApiRow]:
    return list(db.orm.scalars(select(ApiRow).order_by(ApiRow.identifier)))


def api_by_identifier(db: Session, identifier: str) -> ApiRow | None:
    found = select(ApiRow).where(or_(ApiRow.identifier == identifier, ApiRow.id == identifier))
    return db.orm.scalar(found)


def locked_api(db: Session, identifier: str) -> ApiRow | None:
    """The row, held until the transaction ends."""
    found = select(ApiRow).where(or_(ApiRow.identifier == identifier, ApiRow.id == identifier))
    return db.orm.scalar(found.with_for_update())


def unset_default(db: Session, besides: str) -> None:
    """No other API is the default any more."""
    db.orm.execute(
        update(ApiRow)
        .where(ApiRow.is_default.is_(True), ApiRow.id != besides)
        .values(is_default=False, version=ApiRow.version + 1)
    )


def where_group_is_named(db: Session, group: str) -> list[str]:
    """The clients and API scopes that are kept to this group, in words."""
    clients = db.orm.scalars(select(ClientRow).order_by(ClientRow.client_id))
    named = [
        f"client {row.client_id}" for row in clients if group in (row.settings.get("allowed_groups") or ())
    ]
    for row in all_apis(db):
        named += [f"scope {each['name']}" for each in row.scopes if group in (each.get("groups") or ())]
    return named


def where_scope_is_owned(db: Session, scope: str) -> str | None:
    """The identifier of the API that has this scope."""
    owners = (row.identifier for row in all_apis(db) if any(each["name"] == scope for each in row.scopes))
    return next(owners, None)


def known_client_ids(db: Session, among: Iterable[str]) -> set[str]:
    return set(db.orm.scalars(select(ClientRow.client_id).where(ClientRow.client_id.in_(list(among)))))


def forget_client(db: Session, client_id: str) -> bool:
    """Take a client out of the lists of API scopes; whether it was in one."""
    found = False
    for row in all_apis(db):
        if any(client_id in (each.get("clients") or ()) for each in row.scopes):
            row.scopes = [_without(each, client_id) for each in row.scopes]
            row.version += 1
            found = True
    db.orm.flush()
    return found


def _without(scope: dict[str, Any], client_id: str) -> dict[str, Any]:
    named = scope.get("clients")
    return {**scope, "clients": named and [each for each in named if each != client_id]}
