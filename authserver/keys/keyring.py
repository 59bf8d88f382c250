"""What signs now, and what verifies: an immutable snapshot of the signing keys, under the topic "keys"."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from authserver.errors import Misconfigured
from authserver.jose import PublicKeys, Signer
from authserver.keys import custody
from authserver.opaque import digest
from authserver.store import Session
from authserver.store.keys import HeldKey, held_keys
from authserver.vault import Vault, b64

TOPIC = "keys"
ALGS = ("ES256", "RS256")
PUBLISHED = frozenset({"next", "active", "retiring"})
ETAG_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """`verifying` is what our endpoints accept, `hints` also what retired less than a month ago.

    A next key verifies too: on another node it may already sign, in the half second that our copy is old.
    """

    verifying: PublicKeys
    hints: PublicKeys
    jwks: bytes
    etag: str
    algs: tuple[str, ...]
    _active: Mapping[str, Signer] = field(repr=False)

    def signer(self, alg: str) -> Signer:
        """The one active key of this algorithm; never another one."""
        found = self._active.get(alg)
        if found is None:
            raise Misconfigured(
                f"There is no active signing key for {alg}.",
                "Run `authserver init`, which makes what is missing.",
            )
        return found


def load(db: Session, vault: Vault, now: datetime) -> Keyring:
    """Read the keys of this server, and open those that sign."""
    rows = [row for row in held_keys(db) if row.purge_at is None or row.purge_at > now]
    active = {
        row.alg: custody.signer(vault, row.kid, row.private)
        for row in rows
        if row.state == "active" and row.private is not None
    }
    published = [row for row in rows if row.state in PUBLISHED]
    jwks = _jwks(published)
    return Keyring(
        verifying=PublicKeys.of_server(row.public_jwk for row in published),
        hints=PublicKeys.of_server(row.public_jwk for row in rows),
        jwks=jwks,
        etag=f'"{b64(digest(jwks)[:ETAG_BYTES])}"',
        algs=tuple(sorted(active)),
        _active=MappingProxyType(active),
    )


def _jwks(rows: Iterable[HeldKey]) -> bytes:
    keys: list[dict[str, Any]] = [row.public_jwk for row in rows]
    return json.dumps({"keys": keys}, separators=(",", ":"), sort_keys=True).encode()
