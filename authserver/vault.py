"""Sealing: at rest under versioned master keys, and in transit under purpose roots.

A sealed value is bound to the place it was sealed for, so that ciphertexts cannot be swapped between rows.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authserver.compact import base64url

NONCE = 12
KEY = 32


class CannotOpen(Exception):
    """The value was sealed for another place, under a key we do not have, or was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value belongs: its table, column and row (or the id of the person it belongs to)."""

    table: str
    column: str
    row: str

    def bound(self, version: int) -> bytes:
        return "\x1f".join((self.table, self.column, self.row, str(version))).encode()


class Vault:
    """AES-256-GCM under a master key; older versions open, only the current one seals."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self.learn(keys)

    def learn(self, keys: Mapping[int, bytes]) -> None:
        """Take these versions, and no others, from now on."""
        if not keys or any(len(key) != KEY for key in keys.values()):
            raise ValueError("a vault needs master keys of 32 bytes")
        self._ciphers = {version: AESGCM(key) for version, key in keys.items()}
        self.version = max(keys)

    def __repr__(self) -> str:
        return f"Vault(version={self.version})"

    def seal(self, value: bytes, place: Place) -> bytes:
        nonce = os.urandom(NONCE)
        sealed = self._ciphers[self.version].encrypt(nonce, value, place.bound(self.version))
        return self.version.to_bytes(2, "big") + nonce + sealed

    def open(self, sealed: bytes, place: Place) -> bytes:
        version = self.version_of(sealed)
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise CannotOpen(f"master key version {version} is not configured")
        try:
            return cipher.decrypt(sealed[2 : 2 + NONCE], sealed[2 + NONCE :], place.bound(version))
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(f"the value in {place.table}.{place.column} does not open") from error

    @staticmethod
    def version_of(sealed: bytes) -> int:
        return int.from_bytes(sealed[:2], "big")


@dataclass(frozen=True, kw_only=True)
class Root:
    """A random secret in the database for one purpose; what it derives serves no other. KEY-7.

    Of its two keys one makes MACs and one seals: neither is used by both algorithms.
    """

    purpose: str
    id: str
    value: bytes = field(repr=False)
    made_at: datetime
    retired_at: datetime | None = None

    @cached_property
    def key(self) -> bytes:
        return self._derived(f"authserver/{self.purpose}")

    @cached_property
    def keyed(self) -> HMAC:
        """What every MAC begins with: its copy costs half of giving the key again."""
        return HMAC(self.key, SHA256())

    @cached_property
    def cipher(self) -> AESGCM:
        return AESGCM(self._derived(f"authserver/{self.purpose}/seal"))

    def mac(self, message: bytes) -> bytes:
        made = self.keyed.copy()
        made.update(message)
        return made.finalize()

    def _derived(self, info: str) -> bytes:
        return HKDF(SHA256(), KEY, salt=None, info=info.encode()).derive(self.value)


class Roots:
    """The purpose roots in force: the newest of each purpose makes, retired ones still verify."""

    def __init__(self, roots: Iterable[Root]) -> None:
        ordered = sorted(roots, key=lambda root: (root.retired_at is None, root.made_at))
        self._known = {(root.purpose, root.id): root for root in ordered}
        self._current = {root.purpose: root for root in ordered}
        self._of = {of: tuple(root for root in ordered if root.purpose == of) for of in self._current}

    def current(self, purpose: str) -> Root:
        return self._current[purpose]

    def known(self, purpose: str) -> tuple[Root, ...]:
        return self._of.get(purpose, ())

    def mac(self, purpose: str, message: bytes) -> tuple[str, bytes]:
        """The id of the root that was used, and the MAC."""
        root = self._current[purpose]
        return root.id, root.mac(message)

    def mac_by(self, purpose: str, root_id: str, message: bytes) -> bytes | None:
        """The MAC under a named root, or None if there is no such root."""
        root = self._known.get((purpose, root_id))
        return root.mac(message) if root else None

    def genuine(self, purpose: str, root_id: str, message: bytes, mac: bytes) -> bool:
        expected = self.mac_by(purpose, root_id, message)
        return expected is not None and hmac.compare_digest(expected, mac)

    def seal(self, purpose: str, value: bytes, bound_to: bytes = b"") -> str:
        """A value that travels through the browser: URL-safe, and it opens only for the same `bound_to`."""
        root = self._current[purpose]
        nonce = os.urandom(NONCE)
        return f"{root.id}.{b64(nonce + root.cipher.encrypt(nonce, value, bound_to))}"

    def open(self, purpose: str, sealed: str, bound_to: bytes = b"") -> bytes | None:
        """What was sealed, or None for anything that is not exactly ours."""
        root_id, _, body = sealed.partition(".")
        root = self._known.get((purpose, root_id))
        raw = unb64(body)
        if root is None or raw is None:
            return None
        try:
            return root.cipher.decrypt(raw[:NONCE], raw[NONCE:], bound_to)
        except (InvalidTag, ValueError):
            return None


def b64(value: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64url(value).decode()


def unb64(text: str) -> bytes | None:
    """The bytes of strict, unpadded, canonical base64url, or None."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if b64(raw) == text else None
