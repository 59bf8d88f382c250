"""Tokens of every kind, sound and forged, made without the product's own signer."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from authserver.jose import (
    ACCESS,
    CLIENT_ASSERTION,
    CONFLICT,
    ID_HINT,
    LOGOUT,
    PENDING,
    Claims,
    Expected,
    Kind,
)
from authserver.jose.keys import PublicKey, PublicKeys, public_key
from authserver.jose.verify import verify

NOW = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
T = int(NOW.timestamp())
ISSUER = "https://id.example.org"
API = "https://api.example.org"
MFA = f"{ISSUER}/api/login/mfa"
ROOM = f"{ISSUER}/api/session/takeover"
CLIENT = "webapp"
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}

_COMMON = {
    "iss": ISSUER,
    "sub": "u1",
    "iat": T,
    "jti": "j1",
    "client_id": CLIENT,
    "sid": "s1",
    "events": EVENTS,
}
CLAIMS: dict[str, dict[str, Any]] = {
    # Each holds what the others ask for too, so that nothing but its kind is amiss elsewhere.
    ACCESS.name: {**_COMMON, "aud": [API, ISSUER], "exp": T + 60, "scope": "openid", "amr": ["pwd"]},
    ID_HINT.name: {**_COMMON, "aud": CLIENT, "exp": T + 60, "auth_time": T},
    CLIENT_ASSERTION.name: {**_COMMON, "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "exp": T + 60},
    LOGOUT.name: {**_COMMON, "aud": CLIENT, "exp": T + 60},
    PENDING.name: {**_COMMON, "aud": MFA, "exp": T + 60},
    CONFLICT.name: {**_COMMON, "aud": ROOM, "exp": T + 60},
}
TYPES = {
    ACCESS.name: "at+jwt",
    ID_HINT.name: "JWT",
    CLIENT_ASSERTION.name: "JWT",
    LOGOUT.name: "logout+jwt",
    PENDING.name: "mfa+jwt",
    CONFLICT.name: "conflict+jwt",
}
EVERYONE = frozenset({ISSUER, API, CLIENT, MFA, ROOM})
EXPECTED = Expected(issuer=ISSUER, audience=EVERYONE, client=CLIENT)


@dataclass(frozen=True)
class Pair:
    alg: str
    material: Any
    public: PublicKey

    @property
    def kid(self) -> str:
        assert self.public.kid is not None
        return self.public.kid

    def jwk(self, **more: object) -> dict[str, object]:
        return {**self.public.jwk, "kid": self.kid, **more}


@cache
def pair(alg: str, _which: int = 0) -> Pair:
    makers = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "PS256": lambda: rsa.generate_private_key(65537, 2048),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }
    material = makers[alg]()
    kid = public_key(material.public_key(), kid=None, algs=()).thumbprint
    return Pair(alg, material, public_key(material.public_key(), kid=kid, algs=(alg,)))


def keyset(*pairs: Pair) -> PublicKeys:
    return PublicKeys.of(each.public for each in pairs or (pair("ES256"),))


def b64(value: object) -> str:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def raw_signature(by: Pair, signed: bytes) -> bytes:
    key = by.material
    match by.alg:
        case "ES256":
            r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case "RS256":
            return key.sign(signed, padding.PKCS1v15(), SHA256())
        case "PS256":
            return key.sign(signed, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        case _:
            return key.sign(signed)


def compact(header: object, payload: object, by: Pair | None = None) -> str:
    """Any header over any payload, honestly signed."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(raw_signature(by or pair('ES256'), signed.encode()))}"


def hmac_token(header: object, payload: object, secret: bytes) -> str:
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def head(kind: Kind, by: Pair | None = None, **more: object) -> dict[str, object]:
    key = by or pair("ES256")
    return {"alg": key.alg, "kid": key.kid, "typ": TYPES[kind.name], **more}


def token(kind: Kind, *, by: Pair | None = None, without: str = "", **claims: object) -> str:
    """A sound token of this kind, but for the claims that are given or left out."""
    members = {**CLAIMS[kind.name], **claims}
    members.pop(without, None)
    return compact(head(kind, by), members, by)


def read_as(kind: Kind, text: str, **changed: Any) -> Claims:
    given = {"keys": keyset(), "now": NOW, "expect": EXPECTED, **changed}
    return verify(kind, text, **given)
