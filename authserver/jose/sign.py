"""The one place that signs a JWT: a prepared header, compact JSON, one signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from json import JSONEncoder
from types import MappingProxyType
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from authserver.compact import base64url, octets
from authserver.errors import Misconfigured
from authserver.jose.keys import PublicKey, public_key
from authserver.jose.kinds import ES256, ISSUED_TYPES, RS256

PrivateMaterial = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_STRICT = JSONEncoder(allow_nan=False).encode
_ECDSA = ec.ECDSA(Prehashed(SHA256()))
_PKCS1 = PKCS1v15()
_SHA256 = SHA256()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One private key, its name and its algorithm; nothing else chooses what a token is signed with."""

    kid: str
    alg: str
    public: PublicKey = field(repr=False)
    _signature: Callable[[bytes], bytes] = field(repr=False)
    _headers: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def load(cls, private: bytes) -> Self:
        """From a private key as PKCS #8, DER or PEM: P-256 signs ES256, RSA of 2048 bits or more RS256."""
        material = _load(private)
        signature: Callable[[bytes], bytes]
        if isinstance(material, ec.EllipticCurvePrivateKey):
            alg, signature = ES256, partial(_es256, material)
        else:
            alg, signature = RS256, partial(_rs256, material)
        kid = public_key(material.public_key(), kid=None, algs=()).thumbprint
        headers = {typ: _segment({"alg": alg, "kid": kid, "typ": typ}) + b"." for typ in ISSUED_TYPES}
        return cls(
            kid=kid,
            alg=alg,
            public=public_key(material.public_key(), kid=kid, algs=(alg,)),
            _signature=signature,
            _headers=MappingProxyType(headers),
        )

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """Make a compact JWT of one of our own types; the header is ours alone."""
        signed = self._headers[typ] + _segment(claims)
        return (signed + b"." + base64url(self._signature(signed))).decode("ascii")

    def public_jwk(self) -> dict[str, str]:
        """Give what the JWKS publishes: the public members with kid, use and alg. RFC 7517 §4."""
        return {**self.public.jwk, "kid": self.kid, "use": "sig", "alg": self.alg}


def _es256(material: ec.EllipticCurvePrivateKey, signed: bytes) -> bytes:
    return raw(material.sign(sha256(signed).digest(), _ECDSA))


def raw(der: bytes) -> bytes:
    """The two numbers of a P-256 signature as JOSE wants them, 32 bytes each. RFC 7518 §3.4.

    In DER they are the INTEGERs of a SEQUENCE: never longer than 33 bytes each, so every length is one byte.
    """
    middle = 4 + der[3]
    return der[4:middle][-32:].rjust(32, b"\0") + der[middle + 2 :][-32:].rjust(32, b"\0")


def _rs256(material: rsa.RSAPrivateKey, signed: bytes) -> bytes:
    return material.sign(signed, _PKCS1, _SHA256)


def generate(alg: str) -> bytes:
    """Make a private key for ES256 or RS256, as PKCS #8 DER: seal it before it is kept."""
    material: PrivateMaterial
    match alg:
        case "ES256":
            material = ec.generate_private_key(ec.SECP256R1())
        case "RS256":
            material = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case _:
            raise ValueError(f"no signing key is made for {alg}")
    return material.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _load(private: bytes) -> PrivateMaterial:
    read = load_pem_private_key if private.startswith(b"-----BEGIN") else load_der_private_key
    try:
        # Proving that n is a product of two primes takes 40 ms; our own keys come out of a seal.
        material = read(private, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured("A signing key cannot be read.", "Give an unencrypted PKCS #8 key.") from error
    match material:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()) | rsa.RSAPrivateKey():
            return material
        case _:
            raise Misconfigured("A signing key is of a kind that is not served.", "Use P-256 or RSA.")


def _segment(members: Mapping[str, object]) -> bytes:
    text = octets(members)
    if b"NaN" in text or b"Infinity" in text:
        _STRICT(members)  # is it only a word in a text?
    return base64url(text)
