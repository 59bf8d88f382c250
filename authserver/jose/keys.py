"""Public keys, loaded once: ours, and those that a client registered. RFC 7517, RFC 7638."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from authserver.jose.errors import BadKey
from authserver.jose.kinds import CLIENT_ALGS, EDDSA, ES256, PS256, RS256, SIGNING_ALGS
from authserver.jose.read import MAX_KID

MAX_KEYS = 10
MAX_PROVIDER_KEYS = 50
MIN_RSA = 2048
MAX_RSA = 8192
_MAX_RSA_TEXT = 2 * MAX_RSA // 8  # before anything computes with it
_MAX_EXPONENT_BITS = 32

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_NEEDED = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}
_CLASSES: dict[str, Any] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
PublicMaterial = EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies, with the algorithms it may be used with; `kid` is its owner's name for it."""

    kid: str | None
    thumbprint: str
    jwk: Mapping[str, str] = field(repr=False)
    _key: ECKey | RSAKey | OKPKey = field(repr=False)
    _algs: Mapping[str, JWSAlgModel] = field(repr=False)

    @property
    def algs(self) -> frozenset[str]:
        return frozenset(self._algs)

    def fits(self, alg: str) -> bool:
        return alg in self._algs

    def verifies(self, alg: str, signed: bytes, signature: bytes) -> bool:
        return self._algs[alg].verify(signed, signature, self._key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """An unchanging set of public keys; a token's header only ever picks among them."""

    keys: tuple[PublicKey, ...] = ()
    _named: Mapping[str, tuple[PublicKey, ...]] = field(repr=False)
    _unnamed: tuple[PublicKey, ...] = field(repr=False)

    @classmethod
    def of(cls, keys: Iterable[PublicKey]) -> Self:
        """Index these keys by `kid`."""
        every = tuple(keys)
        named: dict[str, tuple[PublicKey, ...]] = {}
        for key in every:
            if key.kid is not None:
                named[key.kid] = (*named.get(key.kid, ()), key)
        return cls(
            keys=every,
            _named=MappingProxyType(named),
            _unnamed=tuple(key for key in every if key.kid is None),
        )

    @classmethod
    def of_server(cls, jwks: Iterable[Mapping[str, object]]) -> Self:
        """Our own keys from their published form: each one alg, each named by its thumbprint."""
        keys = tuple(_load(jwk) for jwk in jwks)
        for key in keys:
            if len(key.algs) != 1 or not key.algs <= SIGNING_ALGS or key.kid != key.thumbprint:
                raise BadKey("A signing key needs one alg, and its thumbprint as kid.", rule="own")
        return cls.of(keys)

    @classmethod
    def of_provider(cls, document: object) -> Self:
        """Take the JWK set that a provider publishes."""
        return cls.of_client(document, most=MAX_PROVIDER_KEYS)

    @classmethod
    def of_client(cls, document: object, *, most: int = MAX_KEYS) -> Self:
        """Take a client's JWK set. RFC 7591 §2.

        One dangerous key (secret, private, weak, malformed) spoils the set. A key for other work, such as
        encryption or an algorithm that is not served, is left out, as RFC 7517 §5 asks.
        """
        members = document.get("keys") if isinstance(document, Mapping) else None
        if not isinstance(members, list) or not members:
            raise BadKey('A JWK set is an object with a list "keys".', rule="shape")
        if len(members) > most:
            raise BadKey(f"There are at most {most} keys.", rule="count", value=len(members))
        keys = tuple(_load(jwk) for jwk in map(_public, members) if _for_us(jwk))
        if not keys:
            served = ", ".join(sorted(CLIENT_ALGS))
            raise BadKey(f"None of the keys can verify a signature by {served}.", rule="unusable")
        return cls.of(keys)

    def fitting(self, kid: str | None, alg: str) -> tuple[PublicKey, ...]:
        """Find the keys of that name for that algorithm; a client's keys without a name answer to any."""
        keys = self.keys if kid is None else self._named.get(kid, self._unnamed)
        return tuple(key for key in keys if key.fits(alg))


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Compute the RFC 7638 SHA-256 thumbprint of a public JWK, in its canonical form whatever was given."""
    return _load(jwk).thumbprint


def public_key(material: PublicMaterial, *, kid: str | None, algs: Iterable[str]) -> PublicKey:
    """Prepare a key; its JWK is written anew, so nothing that came along with it survives."""
    key = _strong(material)
    canonical = cast("dict[str, str]", dict(key.as_dict(private=False)))
    models = {alg: _model(alg, key) for alg in algs}
    return PublicKey(
        kid=kid,
        thumbprint=key.thumbprint(),
        jwk=MappingProxyType(canonical),
        _key=key,
        _algs=MappingProxyType(models),
    )


def _model(alg: str, key: ECKey | RSAKey | OKPKey) -> JWSAlgModel:
    # Taken from the table, not by get_alg(): that warns about EdDSA, which profiles still ask for.
    model = JWSRegistry.algorithms[alg]
    model.check_key(key)
    return model


def _strong(material: PublicMaterial) -> ECKey | RSAKey | OKPKey:
    match material:
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return ECKey.import_key(material)
        case Ed25519PublicKey():
            return OKPKey.import_key(material)
        case RSAPublicKey():
            if not MIN_RSA <= material.key_size <= MAX_RSA:
                raise BadKey(
                    f"An RSA key has {MIN_RSA} to {MAX_RSA} bits.", rule="rsa_size", value=material.key_size
                )
            if material.public_numbers().e.bit_length() > _MAX_EXPONENT_BITS:
                raise BadKey("The RSA exponent is too large.", rule="rsa_exponent")
            return RSAKey.import_key(material)
        case _:
            raise BadKey("Keys are on P-256 or Ed25519, or RSA.", rule="curve")


def _public(jwk: object) -> Mapping[str, object]:
    if not isinstance(jwk, Mapping):
        raise BadKey("A key is a JSON object.", rule="shape")
    if jwk.get("kty") == "oct" or _PRIVATE_MEMBERS & jwk.keys():
        raise BadKey(
            "Send the public key alone: this set holds a secret, which is now burnt.", rule="private"
        )
    for name in ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"):
        if name in jwk and not isinstance(jwk[name], str):
            raise BadKey(f"{name} must be a string.", rule="shape", value=jwk[name])
    return jwk


def _for_us(jwk: Mapping[str, object]) -> bool:
    ops = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig" and isinstance(ops, list) and "verify" in ops and bool(_algs_of(jwk))
    )


def _algs_of(jwk: Mapping[str, object]) -> frozenset[str]:
    match jwk:
        case {"kty": "EC", "crv": "P-256"}:
            able = frozenset({ES256})
        case {"kty": "RSA"}:
            able = frozenset({RS256, PS256})
        case {"kty": "OKP", "crv": "Ed25519"}:
            able = frozenset({EDDSA})
        case _:
            able = frozenset()
    return able & {jwk["alg"]} if "alg" in jwk else able


def _load(jwk: Mapping[str, object]) -> PublicKey:
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID):
        raise BadKey(f"kid is a string of at most {MAX_KID} characters.", rule="kid", value=kid)
    return public_key(_material(_public(jwk)), kid=kid, algs=_algs_of(jwk))


def _material(jwk: Mapping[str, object]) -> PublicMaterial:
    kty = str(jwk.get("kty"))
    needed = _NEEDED.get(kty)
    if needed is None or any(name not in jwk for name in needed):
        raise BadKey("The key lacks a member that its kty needs.", rule="shape", value=kty)
    bare = {"kty": kty, **{name: str(jwk[name]) for name in needed}}
    if any(len(text) > _MAX_RSA_TEXT for text in bare.values()):
        raise BadKey("The key is too large.", rule="size")
    try:
        # Here a point that is not on its curve is found out.
        return cast("PublicMaterial", _CLASSES[kty].binding.import_public_key(bare))
    except (ValueError, KeyError, JoseError, UnsupportedAlgorithm) as error:
        raise BadKey("The key is malformed, or not a point of its curve.", rule="malformed") from error
