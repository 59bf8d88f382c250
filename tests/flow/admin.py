"""A program that administers a world through /api/admin with a token of its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authserver.audit import SYSTEM, Actor
from authserver.users import api_tokens
from authserver.users.access import scopes_of
from authserver.users.api_tokens import ApiToken
from tests.flow.world import World
from tests.wire import Reply

BASE = "/api/admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Holds a token; what it sends is JSON."""

    world: World
    text: str | None
    token: ApiToken | None = None

    def get(self, path: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, data: Any = None) -> Reply:
        return self.send("POST", path, data)

    def patch(self, path: str, data: Any, etag: str | None = "*") -> Reply:
        return self.send("PATCH", path, data, etag=etag)

    def delete(self, path: str, etag: str | None = None) -> Reply:
        return self.send("DELETE", path, etag=etag)

    def send(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        body = raw if raw is not None else None if data is None else json.dumps(data).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= {"Authorization": f"Bearer {self.text}"} if self.text else {}
        sent |= {"If-Match": etag} if etag else {}
        return self.world.send(method, self.world.url + BASE + path, {**sent, **(headers or {})}, body)


def admin(
    world: World,
    role: str = "owner",
    scopes: Iterable[str] | None = None,
    *,
    days: float = 30,
    by: Actor = SYSTEM,
) -> Admin:
    """A program with a token of this role, and all scopes that the role may hold unless some are named."""
    with world.writing() as db:
        token, text = api_tokens.make(
            db,
            world.issuer,
            name=f"{role} of a test",
            role=role,
            scopes=scopes_of(role) if scopes is None else scopes,
            expires_at=world.clock() + timedelta(days=days),
            by=by,
        )
    return Admin(world=world, text=text, token=token)


def stranger(world: World, text: str | None = None) -> Admin:
    return Admin(world=world, text=text)
