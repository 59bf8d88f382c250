"""Opaque values: identifiers, secrets, and how they are compared and kept."""

import hashlib
import hmac
import secrets
import threading
from os import urandom
from time import time_ns

from authserver.compact import base64url

# Version and variant, and the bits that are drawn: all others but the uppermost, which stays for what is added.
MARKS, DRAWN = 7 << 76 | 1 << 63, 0xFFF << 64 | (1 << 61) - 1
_making = threading.Lock()
_latest = 0


def new_id() -> str:
    """A time-ordered UUID (version 7) as 32 hex digits: unique anywhere, and ascending within a process."""
    global _latest  # noqa: PLW0603
    drawn = int.from_bytes(urandom(10))
    fresh = time_ns() // 1_000_000 << 80 | drawn & DRAWN | MARKS
    with _making:
        # Of two in one millisecond the second is a little more than the first, and as hard to foresee.
        made = _latest = fresh if fresh > _latest else _latest + 1 + (drawn & 0xFFFFFFFF)
    return "%032x" % made  # noqa: UP031


def new_secret(size: int = 32) -> str:
    """`size` random bytes, URL-safe. The default is 256 bits."""
    return base64url(urandom(size)).decode()


def digits(count: int) -> str:
    """A decimal code of `count` digits, each value as likely as any other."""
    return f"{secrets.randbelow(10**count):0{count}d}"


def digest(value: str | bytes) -> bytes:
    """What is stored of a secret that has 128 bits or more; shorter ones need a keyed digest."""
    return hashlib.sha256(
        value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    ).digest()


def same(one: str | bytes, other: str | bytes) -> bool:
    """Equality in constant time, for anything secret; any text may be compared."""
    try:
        return hmac.compare_digest(one, other)  # type: ignore[arg-type]
    except TypeError:  # text beyond ASCII, or text beside bytes
        return hmac.compare_digest(_octets(one), _octets(other))


def _octets(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


class Secret:
    """Text that must never be shown: its repr and str are an ellipsis."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "…"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same(self._value, other._value)

    def __hash__(self) -> int:
        return hash(digest(self._value))

    def __bool__(self) -> bool:
        return bool(self._value)
