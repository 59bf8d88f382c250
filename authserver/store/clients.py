"""Statements on clients with their secrets, and on the APIs that tokens are for, as every worker holds them."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from authserver.store.database import Hot, Session

CLIENT = "SELECT id, client_id, name, kind, auth_method, status, settings, jwks, version FROM clients"
BY_CLIENT_ID = Hot(f"{CLIENT} WHERE client_id = :client_id")
CLIENTS = Hot(f"{CLIENT} ORDER BY name, client_id")
# Rotation gives every secret but the newest an end: the current one comes first.
SECRET = "SELECT client, digest, expires_at FROM client_secrets"  # noqa: S105
SECRETS_OF = Hot(f"{SECRET} WHERE client = :client ORDER BY expires_at IS NOT NULL, expires_at DESC")
SECRETS = Hot(f"{SECRET} ORDER BY expires_at IS NOT NULL, expires_at DESC")
APIS = Hot(
    """SELECT id, identifier, name, scopes, token_lifetime, required_acr, required_max_age, is_default, version
         FROM apis ORDER BY identifier"""
)


class HeldClient(NamedTuple):
    """What a row of `clients` says."""

    id: str
    client_id: str
    name: str
    kind: str
    auth_method: str
    status: str
    settings: dict[str, Any]
    jwks: dict[str, Any] | None
    version: int


class HeldSecret(NamedTuple):
    digest: bytes
    expires_at: datetime | None


class HeldApi(NamedTuple):
    """What a row of `apis` says."""

    id: str
    identifier: str
    name: str
    scopes: list[dict[str, Any]]
    token_lifetime: int | None
    required_acr: str | None
    required_max_age: int | None
    is_default: bool
    version: int


def held_client(db: Session, client_id: str) -> HeldClient | None:
    row = db.one(BY_CLIENT_ID, {"client_id": client_id})
    return None if row is None else _client(row)


def held_secrets(db: Session, client: str) -> list[HeldSecret]:
    """A client's secrets, the current one first."""
    return [_secret(db, row) for row in db.hot(SECRETS_OF, {"client": client}).fetchall()]


def held_clients(db: Session) -> list[tuple[HeldClient, list[HeldSecret]]]:
    """All clients by name, with their secrets."""
    rows = db.hot(CLIENTS, {}).fetchall()
    secrets: dict[str, list[HeldSecret]] = {}
    for row in db.hot(SECRETS, {}).fetchall():
        secrets.setdefault(row[0], []).append(_secret(db, row))
    return [(_client(row), secrets.get(row[0], [])) for row in rows]


def held_apis(db: Session) -> list[HeldApi]:
    return [
        HeldApi._make((*row[:3], json.loads(row[3]), *row[4:7], bool(row[7]), row[8]))
        for row in db.hot(APIS, {}).fetchall()
    ]


def _client(row: tuple[Any, ...]) -> HeldClient:
    jwks = json.loads(row[7]) if row[7] is not None else None
    return HeldClient._make((*row[:6], json.loads(row[6]), jwks, row[8]))


def _secret(db: Session, row: tuple[Any, ...]) -> HeldSecret:
    return HeldSecret(row[1], None if row[2] is None else db.database.read_time(row[2]))
