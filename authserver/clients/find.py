"""Find clients: from memory on the paths of every request, from the database to administer them."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from authserver.clients.client import Client, StoredSecret
from authserver.clients.redirects import origins_of as origins_of  # noqa: PLC0414 - asked for beside origins()
from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.store import Session, records
from authserver.store.clients import HeldClient, HeldSecret, held_client, held_clients, held_secrets

TOPIC = "clients"
CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")
COLUMNS = frozenset(
    {"id", "client_id", "name", "kind", "auth_method", "active", "secrets", "jwks", "version"}
)
KEPT = {field.name: field for field in fields(Client) if field.name not in COLUMNS}


def by_client_id(issuer: Issuer, client_id: str) -> Client | None:
    """The client as it is now, also a disabled one; a change holds on every worker within a second."""
    return issuer.live_by_name(TOPIC, find).get(client_id)


def origins(issuer: Issuer) -> frozenset[str]:
    """Every web origin that an active client registered. WEB-7."""
    return issuer.live(TOPIC, _origins)


def _origins(db: Session) -> frozenset[str]:
    return frozenset().union(*(origins_of(client) for client in every(db) if client.active))


def find(db: Session, client_id: str) -> Client | None:
    row = held_client(db, client_id) if CLIENT_ID.fullmatch(client_id) else None
    return client_of(row, held_secrets(db, row.id)) if row else None


def load(db: Session, client_id: str) -> Client:
    found = find(db, client_id)
    if found is None:
        raise NotFound("There is no such client.", detail=f"no client {client_id!r}")
    return found


def every(db: Session, search: str = "") -> tuple[Client, ...]:
    """All clients by name, or those whose name or id holds `search`."""
    wanted = search.lower()
    return tuple(
        client_of(row, secrets)
        for row, secrets in held_clients(db)
        if wanted in row.name.lower() or wanted in row.client_id.lower()
    )


def client_of(
    row: "HeldClient | records.clients.ClientRow",
    secrets: "Sequence[HeldSecret | records.clients.ClientSecretRow]",
) -> Client:
    return Client(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        kind=row.kind,  # type: ignore[arg-type]
        auth_method=row.auth_method,  # type: ignore[arg-type]
        active=row.status == "active",
        secrets=tuple(StoredSecret(digest=each.digest, expires_at=each.expires_at) for each in secrets),
        jwks=row.jwks,
        version=row.version,
        **{name: _kept(value) for name, value in row.settings.items() if name in KEPT},
    )


def _kept(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
