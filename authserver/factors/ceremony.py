"""WebAuthn ceremonies: challenges that are kept nowhere, and what a browser is asked for. PK-1, PK-5."""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from secrets import token_bytes
from typing import Any
from urllib.parse import urlsplit

from authserver.clock import seconds
from authserver.issuer import Issuer
from authserver.once import remember
from authserver.store import Session
from authserver.transaction import Purpose, Transaction
from authserver.vault import b64

PURPOSE = "passkey"
MAKE, USE = "make", "use"
LASTS = timedelta(minutes=5)
RANDOM, TIME, MAC = 16, 8, 32
# ES256, EdDSA, RS256, by their numbers in COSE. PK-7.
ALGORITHMS = (-7, -8, -257)
MILLISECONDS = int(LASTS.total_seconds() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom a passkey is made for: `name` is what their authenticator shows beside it."""

    handle: bytes
    name: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new passkey, as its authenticator described it."""

    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    eligible: bool
    backed_up: bool
    verified: bool
    transports: list[str]
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An assertion as it came; nothing in it is proved yet."""

    credential: bytes
    handle: bytes
    parsed: Any = field(repr=False)
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What an assertion proves: the key is there, and `verified` its person by PIN or body."""

    sign_count: int
    verified: bool
    eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Mistrusted:
    """An answer that proves nothing, and why; `late`: the page was open for too long."""

    reason: str
    late: bool = False


def challenge(issuer: Issuer, ceremony: str, binding: str) -> bytes:
    """Random, with its time and a MAC over what it is for: showing a page writes nothing. PK-1."""
    random, at = token_bytes(RANDOM), struct.pack(">q", seconds(issuer.clock()))
    root, mac = issuer.roots.mac(PURPOSE, _message(ceremony, binding, random + at))
    return random + at + mac + root.encode()


def spend(db: Session, issuer: Issuer, value: bytes) -> bool:
    """True for the first who brings an answer to this challenge. PK-1."""
    return remember(db, PURPOSE, b64(value), issuer.clock() + LASTS)


def creation_options(issuer: Issuer, owner: Owner, known: Iterable[bytes], binding: str) -> str:
    """What a browser is asked for to make a passkey. PK-5, PK-7."""
    return json.dumps(
        {
            "rp": {"id": rp_id(issuer), "name": issuer.settings.site_name},
            "user": {"id": b64(owner.handle), "name": owner.name, "displayName": owner.shown},
            "challenge": b64(challenge(issuer, MAKE, binding)),
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
            "timeout": MILLISECONDS,
            "excludeCredentials": _listed(known),
            "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
            "attestation": "none",
        }
    )


def request_options(issuer: Issuer, allowed: Iterable[bytes], binding: str) -> str:
    """What a browser is asked for to use one; without `allowed` whichever it has, with its person verified. PK-3."""
    theirs = _listed(allowed)
    return json.dumps(
        {
            "rpId": rp_id(issuer),
            "challenge": b64(challenge(issuer, USE, binding)),
            "timeout": MILLISECONDS,
            "allowCredentials": theirs,
            "userVerification": "preferred" if theirs else "required",
        }
    )


def unfit(issuer: Issuer, ceremony: str, binding: str, value: bytes) -> Mistrusted | None:
    """Why this is no challenge of ours for this, now."""
    known, mac, root = (
        value[: RANDOM + TIME],
        value[RANDOM + TIME : RANDOM + TIME + MAC],
        value[RANDOM + TIME + MAC :],
    )
    name = root.decode("ascii", "replace")
    if len(mac) != MAC or not issuer.roots.genuine(PURPOSE, name, _message(ceremony, binding, known), mac):
        return Mistrusted("the challenge was made for something else")
    (at,) = struct.unpack(">q", known[RANDOM:])
    if not 0 <= seconds(issuer.clock()) - at <= LASTS.total_seconds():
        return Mistrusted("the challenge is older than five minutes", late=True)
    return None


def _message(ceremony: str, binding: str, known: bytes) -> bytes:
    return f"{ceremony}\x1f{binding}\x1f".encode() + known


def rp_id(issuer: Issuer) -> str:
    """The host of the configured issuer, whatever the request's Host says. PK-2."""
    return _host(issuer.url)


@lru_cache(maxsize=8)
def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def origin(issuer: Issuer) -> str:
    parts = urlsplit(issuer.url)
    return f"{parts.scheme}://{parts.netloc}"


def origins(issuer: Issuer, tx: Transaction) -> list[str]:
    """Where a passkey may be used in this login: here, and at the registered origin of the app that asks. PK-2."""
    of_app = tx.request.get("origin") if tx.purpose is Purpose.APP else None
    return [origin(issuer), *([of_app] if of_app else [])]


def _listed(credentials: Iterable[bytes]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": b64(each)} for each in credentials]
