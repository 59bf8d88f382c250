"""Signatures that are nearly right."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from authserver.jose import ACCESS, CLIENT_ASSERTION, BadKey, BadToken, PublicKeys
from tests.unit.jose.forge import b64, keyset, pair, raw_signature, read_as, token

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SOUND = token(ACCESS)
SIGNED = SOUND.rsplit(".", 1)[0]


def with_signature(octets: bytes) -> str:
    return f"{SIGNED}.{b64(octets)}"


def good() -> bytes:
    return raw_signature(pair("ES256"), SIGNED.encode())


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_the_vector_itself_is_sound() -> None:
    assert read_as(ACCESS, with_signature(good()))


@pytest.mark.parametrize(
    "spoil",
    {
        "r = 0": lambda g: number(0) + g[32:],
        "s = 0": lambda g: g[:32] + number(0),
        "r = s = 0": lambda _: bytes(64),
        "r = n": lambda g: number(ORDER) + g[32:],
        "s = n": lambda g: g[:32] + number(ORDER),
        "r = s = n": lambda _: number(ORDER) * 2,
        "r + n": lambda g: number((int.from_bytes(g[:32], "big") + ORDER) % 2**256) + g[32:],
        "r = s = 1": lambda _: number(1) * 2,
        "all ones": lambda _: b"\xff" * 64,
        "swapped": lambda g: g[32:] + g[:32],
        "one octet short": lambda g: g[:-1],
        "one octet long": lambda g: g + b"\0",
        "leading zeros": lambda g: b"\0" + g[:32] + b"\0" + g[32:],
        "half": lambda g: g[:32],
        "one octet": lambda g: g[:1],
        "twice": lambda g: g * 2,
        "DER": lambda _: pair("ES256").material.sign(SIGNED.encode(), ec.ECDSA(SHA256())),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_signature_that_is_nearly_right_is_refused(spoil: tuple[str, object]) -> None:
    """JOSE-11: zero, the group's order, other lengths, DER instead of raw."""
    with pytest.raises(BadToken) as caught:
        read_as(ACCESS, with_signature(spoil[1](good())))  # type: ignore[operator]
    assert caught.value.rule == "jwt.signature"


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
def test_no_bit_of_a_signature_may_flip(alg: str) -> None:
    """JOSE-11: every octet of the signature, one bit each."""
    by = pair(alg)
    sound = token(CLIENT_ASSERTION, by=by)
    signed = sound.rsplit(".", 1)[0]
    signature = raw_signature(by, signed.encode())
    for index in range(len(signature)):
        flipped = bytearray(signature)
        flipped[index] ^= 1 << index % 8
        with pytest.raises(BadToken) as caught:
            read_as(CLIENT_ASSERTION, f"{signed}.{b64(bytes(flipped))}", keys=keyset(by))
        assert caught.value.rule == "jwt.signature"


def test_no_character_of_a_token_may_change() -> None:
    """JOSE-11: bit flips over header, claims and signature."""
    for index in range(len(SOUND)):
        with pytest.raises(BadToken):
            read_as(ACCESS, SOUND[:index] + ("A" if SOUND[index] != "A" else "B") + SOUND[index + 1 :])
    for length in range(len(SOUND)):
        with pytest.raises(BadToken):
            read_as(ACCESS, SOUND[:length])


def test_a_signature_of_another_key_is_refused() -> None:
    """JOSE-11: same kid, other key; and a key of the other algorithm."""
    thief = pair("ES256", 1)
    with pytest.raises(BadToken):
        read_as(ACCESS, with_signature(raw_signature(thief, SIGNED.encode())))
    with pytest.raises(BadToken):
        read_as(ACCESS, SOUND, keys=keyset(thief))
    with pytest.raises(BadToken):
        read_as(ACCESS, SOUND, keys=PublicKeys.of(()))


@pytest.mark.parametrize(
    "change",
    [
        {"y": "x"},
        {"x": "AA"},
        {"x": ""},
        {"y": b64(b"\xff" * 32)},
        {"x": b64(bytes(32)), "y": b64(bytes(32))},
    ],
    ids=str,
)
def test_a_point_that_is_not_on_the_curve_is_no_key(change: dict[str, str]) -> None:
    """JOSE-11, CL-13: found out at import, never at use."""
    jwk = pair("ES256").jwk()
    spoilt = {**jwk, **{name: jwk["x"] if value == "x" else value for name, value in change.items()}}
    with pytest.raises(BadKey):
        PublicKeys.of_client({"keys": [spoilt]})
