"""The one signer, compared with libraries that are not ours."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis.strategies import integers
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from authserver.errors import Misconfigured
from authserver.jose import ACCESS, ID_HINT, BadKey, PublicKeys, Signer, generate
from authserver.jose.kinds import ISSUED_TYPES
from authserver.jose.sign import raw
from tests.unit.jose.forge import CLAIMS, T, read_as

BODY = {
    **CLAIMS[ACCESS.name],
    "name": 'Zoë "😀" \\ \u2028',
    "n": 1.5,
    "none": None,
    "deep": {"a": [1, {"b": True}]},
}


def pkcs8(material: Any, encoding: Encoding = Encoding.PEM, password: bytes = b"") -> bytes:
    secret = BestAvailableEncryption(password) if password else NoEncryption()
    return material.private_bytes(encoding, PrivateFormat.PKCS8, secret)


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def signer(request: pytest.FixtureRequest) -> Signer:
    return Signer.load(generate(request.param))


@pytest.mark.parametrize("typ", ISSUED_TYPES)
def test_other_libraries_read_what_we_sign(signer: Signer, typ: str) -> None:
    """JOSE-1: joserfc and PyJWT agree with our signer, byte for byte of header and claims."""
    token = signer.sign(BODY, typ)
    theirs = joserfc_jwt.decode(token, joserfc_jwk.import_key(signer.public_jwk()), algorithms=[signer.alg])
    assert (theirs.header, theirs.claims) == ({"alg": signer.alg, "kid": signer.kid, "typ": typ}, BODY)
    key = pyjwt.PyJWK(signer.public_jwk())
    loose = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    assert pyjwt.decode(token, key, algorithms=[signer.alg], options=loose) == BODY


def test_short_numbers_in_a_signature_keep_their_zeros() -> None:
    """JOSE-11: one r or s in 128 is short; raw ES256 has 64 octets always."""
    signer = Signer.load(generate("ES256"))
    key = joserfc_jwk.import_key(signer.public_jwk())
    unseen = {0, 32}  # where r and s begin
    for n in range(20_000):
        token = signer.sign({"n": n}, "JWT")
        signature = urlsafe_b64decode(token.rsplit(".", 1)[1] + "==")
        assert len(signature) == 64
        short = {start for start in unseen if signature[start] == 0}
        if short:
            assert joserfc_jwt.decode(token, key).claims == {"n": n}
        unseen -= short
        if not unseen:
            return
    pytest.fail("no short number in 20,000 signatures")


ORDER = (
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-5: of the group of P-256
)


@given(r=integers(1, ORDER - 1) | integers(1, 2**200), s=integers(1, ORDER - 1) | integers(1, 2**200))
def test_the_numbers_of_a_signature_are_32_octets_each(r: int, s: int) -> None:
    """JOSE-11: however long or short each of them is in DER."""
    assert raw(encode_dss_signature(r, s)) == r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_what_we_sign_we_read(signer: Signer) -> None:
    kind, typ = (ACCESS, "at+jwt") if signer.alg == "ES256" else (ID_HINT, "JWT")
    token = signer.sign(CLAIMS[kind.name], typ)
    claims = read_as(kind, token, keys=PublicKeys.of_server([signer.public_jwk()]))
    assert (dict(claims), claims.kid) == (CLAIMS[kind.name], signer.kid)
    assert dict(read_as(kind, token, keys=PublicKeys.of([signer.public]))) == CLAIMS[kind.name]


def test_a_signer_names_the_one_key_it_has() -> None:
    """JOSE-9: with a key set and no kid joserfc picks any of them; 200 tokens of ours carry one kid."""
    old, new = Signer.load(generate("ES256")), Signer.load(generate("ES256"))
    heads = {new.sign({"n": n}, "at+jwt").split(".")[0] for n in range(200)}
    [head] = heads
    assert json.loads(urlsafe_b64decode(head + "==")) == {"alg": "ES256", "kid": new.kid, "typ": "at+jwt"}
    assert old.kid != new.kid


@pytest.mark.parametrize("typ", ["at+JWT", "jwt", "dpop+jwt", "", "JOSE"])
def test_nothing_else_is_signed(signer: Signer, typ: str) -> None:
    """JOSE-1: a typ that no verifier of ours stands for cannot be asked for."""
    with pytest.raises(KeyError):
        signer.sign(BODY, typ)


@pytest.mark.parametrize(
    "claims", [{"exp": float("nan")}, {"exp": float("inf")}, {"a": "\ud800"}, {"a": object}], ids=str
)
def test_what_is_not_json_is_not_signed(signer: Signer, claims: dict[str, object]) -> None:
    """JOSE-10: nothing leaves that we would refuse."""
    with pytest.raises((ValueError, TypeError)):
        signer.sign(claims, "JWT")


def test_a_key_comes_as_pem_or_der() -> None:
    """KEY-1: and is named alike."""
    material = ec.generate_private_key(ec.SECP256R1())
    pem, der = Signer.load(pkcs8(material)), Signer.load(pkcs8(material, Encoding.DER))
    assert (pem.kid, pem.alg, pem.public_jwk()) == (der.kid, "ES256", der.public_jwk())


@pytest.mark.parametrize(
    "private",
    [
        b"",
        b"x",
        b"-----BEGIN PRIVATE KEY-----",
        pkcs8(ec.generate_private_key(ec.SECP384R1())),
        pkcs8(ed25519.Ed25519PrivateKey.generate()),
        pkcs8(ec.generate_private_key(ec.SECP256R1()), password=b"secret"),
    ],
    ids=["empty", "junk", "cut", "P-384", "Ed25519", "encrypted"],
)
def test_a_key_that_cannot_sign_is_the_operators_error(private: bytes) -> None:
    with pytest.raises(Misconfigured):
        Signer.load(private)


def test_a_weak_key_signs_nothing() -> None:
    """JOSE-8."""
    with pytest.raises(BadKey):
        Signer.load(pkcs8(rsa.generate_private_key(65537, 1024)))  # noqa: S505


def test_no_key_is_made_for_another_algorithm() -> None:
    for alg in ("HS256", "none", "ES384", "es256"):
        with pytest.raises(ValueError, match="no signing key"):
            generate(alg)


def test_expired_and_timeless_tokens_pass_the_library_but_not_us(signer: Signer) -> None:
    """JOSE-2: joserfc.decode looks at no claim."""
    key = joserfc_jwk.import_key(signer.public_jwk())
    assert joserfc_jwt.decode(signer.sign({"exp": T - 9_999_999}, "JWT"), key, algorithms=[signer.alg]).claims
