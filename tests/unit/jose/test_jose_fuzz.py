"""Whatever is sent, the answer is a refusal."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authserver.jose import BadKey, BadToken, Kind, PublicKeys, claimant
from authserver.jose.kinds import KINDS
from authserver.jose.read import read_object
from authserver.jose.verify import verify
from tests.unit.jose.forge import EXPECTED, NOW, TYPES, b64, compact, keyset, pair, token

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
KIND = st.sampled_from(KINDS)
HEADER_NAMES = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc", "cty"])
CLAIM_NAMES = st.sampled_from(
    [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_id",
        "nonce",
        "azp",
        "sid",
        "acr",
        "amr",
        "scope",
        "events",
    ]
)
SOUND = {kind.name: token(kind) for kind in KINDS}


def never_breaks(kind: Kind, text: str) -> None:
    rule = ""
    try:
        verify(kind, text, keys=keyset(), now=NOW, expect=EXPECTED)
    except BadToken as refusal:
        rule = refusal.rule
    assert rule != "jwt.unreadable"  # the last net is there, and nothing should fall into it


@given(KIND, st.text(max_size=200))
@settings(deadline=None)
def test_any_text(kind: Kind, text: str) -> None:
    """JOSE-4."""
    with pytest.raises(BadToken):
        verify(kind, text, keys=keyset(), now=NOW, expect=EXPECTED)


@given(KIND, st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=80))
@settings(deadline=None)
def test_any_octets_in_three_segments(kind: Kind, head: bytes, body: bytes, mark: bytes) -> None:
    """JOSE-4."""
    with pytest.raises(BadToken):
        verify(kind, f"{b64(head)}.{b64(body)}.{b64(mark)}", keys=keyset(), now=NOW, expect=EXPECTED)


@given(KIND, st.dictionaries(HEADER_NAMES, JSON), JSON)
@settings(deadline=None)
def test_any_header_over_any_claims_honestly_signed(kind: Kind, header: dict[str, Any], claims: Any) -> None:
    """JOSE-4."""
    base = {"alg": "ES256", "kid": pair("ES256").kid, "typ": TYPES[kind.name]}
    never_breaks(kind, compact({**base, **header}, claims))


@given(KIND, st.dictionaries(CLAIM_NAMES, JSON, min_size=1))
@settings(deadline=None)
def test_any_value_in_any_claim_honestly_signed(kind: Kind, claims: dict[str, Any]) -> None:
    """JOSE-3, JOSE-4."""
    never_breaks(kind, token(kind, **claims))


@given(KIND, st.data())
@settings(deadline=None)
def test_a_sound_token_changed_anywhere(kind: Kind, data: st.DataObject) -> None:
    """JOSE-11: any cut, insertion or replacement is refused."""
    sound = SOUND[kind.name]
    start = data.draw(st.integers(0, len(sound)))
    end = data.draw(st.integers(start, min(len(sound), start + 5)))
    spoilt = sound[:start] + data.draw(st.text(max_size=5)) + sound[end:]
    if spoilt != sound:
        with pytest.raises(BadToken):
            verify(kind, spoilt, keys=keyset(), now=NOW, expect=EXPECTED)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_json_is_an_object_or_refused(raw: bytes) -> None:
    """JOSE-4, JOSE-10."""
    with suppress(BadToken):
        assert read_object(raw) == json.loads(raw)


@given(st.text(max_size=100) | JSON.map(lambda value: compact({"alg": "x"}, value)))
@settings(deadline=None)
def test_asking_whose_it_is_never_breaks(text: str) -> None:
    """JOSE-4."""
    with suppress(BadToken):
        assert claimant(text)


JWK = st.dictionaries(
    st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e", "d", "k", "x5c"]),
    JSON | st.sampled_from(["EC", "RSA", "OKP", "oct", "P-256", "Ed25519", "AQAB", "sig", "ES256"]),
)


@given(JSON | st.fixed_dictionaries({"keys": st.lists(JWK | JSON, max_size=3)}))
@settings(deadline=None)
def test_any_key_set_is_taken_or_refused(document: object) -> None:
    """CL-13: a registration never breaks."""
    with suppress(BadKey):
        assert PublicKeys.of_client(document).keys
