"""Keys that clients offer, and how a token finds its key."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, KeySet, RSAKey

from authserver.jose import CLIENT_ASSERTION, BadKey, BadToken, PublicKeys, Signer, generate, thumbprint
from authserver.jose.keys import public_key
from tests.unit.jose.forge import b64, compact, head, keyset, pair, read_as, token

RFC7638 = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgn"
        "Yb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqb"
        "w0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
}


def rsa_jwk(bits: int) -> dict[str, Any]:
    # Numbers of that size are enough: import looks at the size alone.
    return {"kty": "RSA", "n": b64(((1 << bits) - 1).to_bytes(bits // 8, "big")), "e": "AQAB"}


def offered(*keys: object) -> PublicKeys:
    return PublicKeys.of_client({"keys": list(keys)})


def refusal(document: object) -> BadKey:
    with pytest.raises(BadKey) as caught:
        PublicKeys.of_client(document)
    assert caught.value.code == "invalid_client_metadata"
    return caught.value


def test_kid_is_the_thumbprint_of_rfc_7638() -> None:
    """KEY-1: the example of §3.1, whatever else stands in the key."""
    assert thumbprint(RFC7638) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert thumbprint({**RFC7638, "alg": "RS256", "kid": "2011-04-29"}) == thumbprint(RFC7638)
    padded = {**RFC7638, "e": b64(b"\0\1\0\1")}
    assert thumbprint(padded) == thumbprint(RFC7638)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_what_is_published_is_public(alg: str) -> None:
    """MD-4, KEY-1: public members, kid, use and alg; no others."""
    signer = Signer.load(generate(alg))
    jwk = signer.public_jwk()
    members = {"ES256": {"kty", "crv", "x", "y"}, "RS256": {"kty", "n", "e"}}[alg]
    assert jwk.keys() == members | {"kid", "use", "alg"}
    assert (jwk["use"], jwk["alg"], jwk["kid"]) == ("sig", alg, thumbprint(jwk))
    [mine] = PublicKeys.of_server([jwk]).fitting(signer.kid, alg)
    assert mine.jwk == signer.public.jwk


def test_our_keys_are_named_by_their_thumbprint_and_have_one_alg() -> None:
    """KEY-1."""
    jwk = Signer.load(generate("ES256")).public_jwk()
    for change in ({"kid": "mine"}, {"alg": "ES384"}, {"alg": "EdDSA"}):
        with pytest.raises(BadKey):
            PublicKeys.of_server([{**jwk, **change}])
    with pytest.raises(BadKey):
        PublicKeys.of_server([{name: value for name, value in jwk.items() if name != "kid"}])
    rsa_without_alg = Signer.load(generate("RS256")).public_jwk()
    del rsa_without_alg["alg"]
    with pytest.raises(BadKey):
        PublicKeys.of_server([rsa_without_alg])


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
def test_a_client_may_have_keys_of_every_served_kind(alg: str) -> None:
    """CL-13."""
    by = pair(alg)
    for extra in ({}, {"use": "sig"}, {"alg": alg}, {"key_ops": ["verify"]}, {"x5t": "AA", "note": 1}):
        keys = offered(by.jwk(**extra))
        assert read_as(CLIENT_ASSERTION, token(CLIENT_ASSERTION, by=by), keys=keys)


@pytest.mark.parametrize(
    ("spoilt", "rule"),
    [
        ({"kty": "oct", "k": "AAAA"}, "private"),
        ({"kty": "oct"}, "private"),
        ({"kty": "EC", "d": "AA"}, "private"),
        ({**RFC7638, "d": "AA"}, "private"),
        ({**RFC7638, "p": "AA"}, "private"),
        ({**RFC7638, "oth": []}, "private"),
        ({**RFC7638, "use": "enc", "d": "AA"}, "private"),
        (rsa_jwk(1024), "rsa_size"),
        (rsa_jwk(2040), "rsa_size"),
        (rsa_jwk(8200), "rsa_size"),
        (rsa_jwk(65_536), "size"),
        ({**RFC7638, "e": b64(b"\1" * 6)}, "rsa_exponent"),
        ({**RFC7638, "e": "Ag"}, "malformed"),
        ({**RFC7638, "e": "AQ"}, "malformed"),
        ({**RFC7638, "n": "!"}, "malformed"),
        ({**RFC7638, "n": ""}, "malformed"),
        ({"kty": "RSA"}, "shape"),
        ({"kty": "EC", "crv": "P-256", "x": "AA"}, "shape"),
        ({**RFC7638, "n": 5}, "shape"),
        ({**RFC7638, "alg": ["RS256"]}, "shape"),
        ({**RFC7638, "use": 5}, "shape"),
        ({"kty": 5}, "shape"),
        ({"kty": ["RSA"]}, "shape"),
        ({**RFC7638, "kid": 5}, "shape"),
        ({**RFC7638, "kid": ""}, "kid"),
        ({**RFC7638, "kid": "x" * 129}, "kid"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "malformed"),
        (5, "shape"),
        ([], "shape"),
        (None, "shape"),
    ],
    ids=lambda x: str(x)[:40],
)
def test_one_dangerous_key_spoils_the_set(spoilt: object, rule: str) -> None:
    """CL-13, JOSE-8: joserfc verifies with 1024 bits and imports secrets."""
    assert refusal({"keys": [pair("ES256").jwk(), spoilt]}).rule == f"jwks.{rule}"


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"keys": 5}, {"keys": {}}, {"keys": []}], ids=str)
def test_a_set_is_an_object_with_keys(document: object) -> None:
    """CL-13: {"keys": 5} raises TypeError in the library."""
    assert refusal(document).rule == "jwks.shape"


@pytest.mark.parametrize(
    "other",
    [
        {**RFC7638, "use": "enc"},
        {**RFC7638, "key_ops": ["encrypt"]},
        {**RFC7638, "key_ops": "verify"},
        {**RFC7638, "alg": "RSA-OAEP"},
        {**RFC7638, "alg": "HS256"},
        {**RFC7638, "alg": "none"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        dict(ECKey.generate_key("P-384").as_dict(private=False)),
        dict(ECKey.generate_key("secp256k1").as_dict(private=False)),
    ],
)
def test_a_key_for_other_work_is_left_out(other: dict[str, object]) -> None:
    """CL-13: RFC 7517 §5; a set of nothing else is refused."""
    assert len(offered(other, pair("ES256").jwk()).keys) == 1
    assert refusal({"keys": [other]}).rule == "jwks.unusable"


def test_a_client_has_at_most_ten_keys() -> None:
    """CL-13."""
    jwk = pair("ES256").jwk()
    assert len(offered(*[{**jwk, "kid": str(i)} for i in range(10)]).keys) == 10
    assert refusal({"keys": [jwk] * 11}).rule == "jwks.count"


def test_a_weak_rsa_key_is_refused_however_it_comes() -> None:
    """JOSE-8."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    with pytest.raises(BadKey):
        public_key(weak.public_key(), kid="x", algs=("RS256",))
    with pytest.raises(BadKey):
        public_key(ec.generate_private_key(ec.SECP384R1()).public_key(), kid="x", algs=("ES256",))


def test_a_name_finds_its_key_and_no_name_tries_the_few() -> None:
    """JOSE-5, CL-3."""
    one, two = pair("ES256"), pair("ES256", 1)
    keys = offered(one.jwk(), two.jwk(), pair("RS256").jwk())
    assert [key.kid for key in keys.fitting(two.kid, "ES256")] == [two.kid]
    assert [key.kid for key in keys.fitting(None, "ES256")] == [one.kid, two.kid]
    assert keys.fitting("unknown", "ES256") == ()
    assert keys.fitting(two.kid, "RS256") == ()


def test_keys_without_a_name_answer_to_any() -> None:
    """JOSE-5: a client that published no kid may still send one."""
    one, two = pair("ES256"), pair("ES256", 1)
    nameless = {name: value for name, value in one.jwk().items() if name != "kid"}
    keys = offered(nameless, two.jwk())
    assert read_as(CLIENT_ASSERTION, token(CLIENT_ASSERTION), keys=keys)
    forged = compact(head(CLIENT_ASSERTION, kid=two.kid), {"sub": "x"})
    with pytest.raises(BadToken):
        read_as(CLIENT_ASSERTION, forged, keys=keys)


def test_equal_names_are_told_apart_by_algorithm() -> None:
    """JOSE-5: RFC 7517 §4.5."""
    es, rs = pair("ES256"), pair("RS256")
    keys = offered(es.jwk(kid="k"), rs.jwk(kid="k"))
    assert [key.thumbprint for key in keys.fitting("k", "RS256")] == [rs.public.thumbprint]


def test_nothing_secret_shows() -> None:
    """KEY-8: neither signer nor key shows its material."""
    private = generate("RS256")
    signer = Signer.load(private)
    for shown in (repr(signer), repr(signer.public), repr(keyset())):
        assert "Key object" not in shown
        assert str(private)[10:40] not in shown
        assert "n=" not in shown


def test_the_gaps_of_the_library_are_still_there() -> None:
    """JOSE-8, JOSE-9: when this fails, the library has learnt; see whether our own check can go."""
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505
    with pytest.warns(match="2048"):
        assert RSAKey.import_key(weak)
    keys = KeySet([ECKey.generate_key("P-256") for _ in range(4)])
    picked = [keys.pick_random_key("ES256") for _ in range(60)]
    assert len({key.kid for key in picked if key}) > 1
