"""Each kind of JWT is taken as what it is, and as nothing else."""

from typing import Any

import pytest

from authserver.jose import ACCESS, CLIENT_ASSERTION, ID_HINT, LOGOUT, PENDING, BadToken, Expected, Kind
from authserver.jose.kinds import ISSUED_TYPES, KINDS
from tests.unit.jose.forge import (
    API,
    CLAIMS,
    CLIENT,
    EVERYONE,
    EXPECTED,
    ISSUER,
    MFA,
    NOW,
    T,
    b64,
    compact,
    head,
    hmac_token,
    keyset,
    pair,
    read_as,
    token,
)


def names(kind: Any) -> str | None:
    return kind.name if isinstance(kind, Kind) else None


def refused(kind: Kind, text: str, rule: str, **changed: Any) -> None:
    with pytest.raises(BadToken) as caught:
        read_as(kind, text, **changed)
    assert caught.value.rule == f"jwt.{rule}"
    assert (caught.value.public, caught.value.status) == ("The token is not valid.", 401)


@pytest.mark.parametrize("read", KINDS, ids=names)
@pytest.mark.parametrize("made", KINDS, ids=names)
def test_a_token_is_taken_as_its_own_kind_and_no_other(made: Kind, read: Kind) -> None:
    """JOSE-1, SU-1, LO-3: same key, every claim of every kind, every audience welcome; the kind decides."""
    if made is read:
        assert dict(read_as(read, token(made))) == CLAIMS[made.name]
    else:
        with pytest.raises(BadToken) as caught:
            read_as(read, token(made))
        # Two kinds are typed JWT. One is from the issuer, the other from a client.
        same_typ = {made, read} == {ID_HINT, CLIENT_ASSERTION}
        assert caught.value.rule == ("jwt.iss" if same_typ else "jwt.typ")


@pytest.mark.parametrize("kind", KINDS, ids=names)
@pytest.mark.parametrize(
    "typ", ["at+jwt", "JWT", "logout+jwt", "mfa+jwt", "dpop+jwt", "JOSE", "", "a/at+jwt"]
)
def test_typ_is_what_the_kind_says(kind: Kind, typ: str) -> None:
    """JOSE-1: RFC 8725 §3.11."""
    forged = compact(head(kind, typ=typ), CLAIMS[kind.name])
    if typ.lower() in kind.typ:
        assert read_as(kind, forged)
    else:
        refused(kind, forged, "typ")


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_typ_is_a_media_type_without_regard_to_case(typ: str) -> None:
    """JOSE-1: RFC 7515 §4.1.9."""
    assert read_as(ACCESS, compact(head(ACCESS, typ=typ), CLAIMS[ACCESS.name]))


@pytest.mark.parametrize("kind", KINDS, ids=names)
def test_typ_may_be_absent_in_an_assertion_alone(kind: Kind) -> None:
    """JOSE-1, CL-3."""
    header = head(kind)
    del header["typ"]
    forged = compact(header, CLAIMS[kind.name])
    if kind is CLIENT_ASSERTION:
        assert read_as(kind, forged)
    else:
        refused(kind, forged, "typ")


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", ""])
@pytest.mark.parametrize("kind", KINDS, ids=names)
def test_an_unsigned_token_is_refused(kind: Kind, alg: str) -> None:
    """JOSE-1, CVE-23: alg none, with and without a signature."""
    signed = f"{b64(head(kind, alg=alg))}.{b64(CLAIMS[kind.name])}."
    refused(kind, signed + "AAAA", "alg")
    with pytest.raises(BadToken):
        read_as(kind, signed)


@pytest.mark.parametrize("kind", KINDS, ids=names)
def test_a_public_key_is_no_hmac_secret(kind: Kind) -> None:
    """JOSE-1, CVE-23: HS256 keyed with what everybody can read."""
    public = pair("ES256").public
    for secret in (
        public.thumbprint.encode(),
        repr(dict(public.jwk)).encode(),
        public.jwk["x"].encode(),
        b"",
    ):
        refused(kind, hmac_token(head(kind, alg="HS256"), CLAIMS[kind.name], secret), "alg")


@pytest.mark.parametrize(
    ("kind", "alg", "good"),
    [
        (ACCESS, "ES256", True),
        (ACCESS, "RS256", False),
        (ACCESS, "EdDSA", False),
        (PENDING, "ES256", True),
        (PENDING, "RS256", False),
        (ID_HINT, "ES256", True),
        (ID_HINT, "RS256", True),
        (ID_HINT, "PS256", False),
        (LOGOUT, "RS256", True),
        (LOGOUT, "EdDSA", False),
        (CLIENT_ASSERTION, "ES256", True),
        (CLIENT_ASSERTION, "RS256", True),
        (CLIENT_ASSERTION, "PS256", True),
        (CLIENT_ASSERTION, "EdDSA", True),
    ],
    ids=lambda given: given.name if isinstance(given, Kind) else str(given),
)
def test_each_kind_has_its_own_algorithms(kind: Kind, alg: str, *, good: bool) -> None:
    """JOSE-1: RFC 8725 §3.1."""
    by = pair(alg)
    if good:
        assert read_as(kind, token(kind, by=by), keys=keyset(by))
    else:
        refused(kind, token(kind, by=by), "alg", keys=keyset(by))


def test_an_assertion_uses_an_algorithm_that_its_client_registered() -> None:
    """CL-3: the kind allows RS256, the client's record does not; a record cannot allow HS256."""
    by = pair("RS256")
    only = Expected(
        issuer=ISSUER, audience=EVERYONE, client=CLIENT, algs=frozenset({"ES256", "HS256", "none"})
    )
    refused(CLIENT_ASSERTION, token(CLIENT_ASSERTION, by=by), "alg", keys=keyset(by), expect=only)
    assert read_as(CLIENT_ASSERTION, token(CLIENT_ASSERTION), expect=only)
    forged = hmac_token(head(CLIENT_ASSERTION, alg="HS256"), CLAIMS[CLIENT_ASSERTION.name], b"k" * 32)
    refused(CLIENT_ASSERTION, forged, "alg", expect=only)


def test_a_key_is_used_with_its_own_algorithm_alone() -> None:
    """JOSE-1: PS256 with a key published for RS256."""
    by = pair("RS256")
    forged = compact(head(CLIENT_ASSERTION, by, alg="PS256"), CLAIMS[CLIENT_ASSERTION.name], pair("PS256"))
    refused(CLIENT_ASSERTION, forged, "key", keys=keyset(by))


@pytest.mark.parametrize("kind", KINDS, ids=names)
def test_a_header_never_brings_its_own_key(kind: Kind) -> None:
    """JOSE-5, CVE-23: jwk, jku, x5u and x5c change nothing, with the kid of a known key or without."""
    thief = pair("ES256", 1)
    brought = {
        "jwk": thief.jwk(),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x5u",
        "x5c": ["AA"],
    }
    claims = CLAIMS[kind.name]
    refused(kind, compact(head(kind, thief, **brought), claims, thief), "key")
    refused(kind, compact(head(kind, **brought), claims, thief), "signature")
    # An honest signature is judged by the known key alone.
    assert read_as(kind, compact(head(kind, **brought), claims))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "x" * 128, "\u00e9"])
def test_kid_is_only_a_name_in_the_known_set(kid: str) -> None:
    """JOSE-5."""
    refused(ACCESS, compact(head(ACCESS, kid=kid), CLAIMS[ACCESS.name]), "key")


@pytest.mark.parametrize("kind", KINDS, ids=names)
def test_our_own_tokens_name_their_key(kind: Kind) -> None:
    """JOSE-5, JOSE-9: a token without kid is tried against a client's few keys, never against ours."""
    header = head(kind)
    del header["kid"]
    forged = compact(header, CLAIMS[kind.name])
    if kind is CLIENT_ASSERTION:
        assert read_as(kind, forged, keys=keyset(pair("ES256", 1), pair("ES256")))
    else:
        refused(kind, forged, "kid")


MISSING = [(kind, name) for kind in KINDS for name in sorted(kind.essential)]


@pytest.mark.parametrize(("kind", "name"), MISSING, ids=lambda x: names(x) or str(x))
def test_what_a_kind_needs_must_be_there(kind: Kind, name: str) -> None:
    """JOSE-2: joserfc takes a token without exp unless told."""
    refused(kind, token(kind, without=name), "missing")


def test_the_needed_claims_are_those_of_the_specifications() -> None:
    """JOSE-2: RFC 9068 §2.2, RFC 7523 §3, OpenID Connect Core §2 and Back-Channel Logout §2.4."""
    assert {"iss", "aud", "exp", "iat", "sub", "client_id", "jti"} == ACCESS.essential == PENDING.essential
    assert {"iss", "sub", "aud", "exp", "jti"} == CLIENT_ASSERTION.essential
    assert {"iss", "sub", "aud", "exp", "iat"} == ID_HINT.essential
    assert {"iss", "sub", "aud", "exp", "iat", "jti", "events", "sid"} == LOGOUT.essential


NOT_TEXT: list[object] = [["good", "x"], ["good"], {"a": "good"}, 5, True, None, ""]


@pytest.mark.parametrize("value", NOT_TEXT, ids=str)
@pytest.mark.parametrize(
    "name", ["nonce", "sub", "client_id", "htm", "htu", "sid", "azp", "iss", "jti", "acr", "scope"]
)
def test_a_scalar_claim_is_a_string(name: str, value: object) -> None:
    """JOSE-3: joserfc finds an expected value inside a list."""
    refused(ACCESS, token(ACCESS, **{name: value}), name)


@pytest.mark.parametrize("value", ["1", True, None, [T], {}, -1, 10**30, 1e300], ids=str)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
def test_a_time_is_a_number_of_a_real_moment(name: str, value: object) -> None:
    """JOSE-2, JOSE-3: a boolean is no time, and the year 10000 is none either."""
    refused(ACCESS, token(ACCESS, **{name: value}), name)


@pytest.mark.parametrize("value", ["pwd", [1], {"pwd": 1}, None, [["pwd"]]], ids=str)
def test_amr_is_a_list_of_strings(value: object) -> None:
    """JOSE-3."""
    refused(ACCESS, token(ACCESS, amr=value), "amr")


@pytest.mark.parametrize(
    ("kind", "claims", "rule"),
    [
        (ACCESS, {"exp": T}, "exp"),
        (ACCESS, {"exp": T - 1}, "exp"),
        (ACCESS, {"exp": T + 1}, None),
        (ACCESS, {"iat": T + 10}, None),
        (ACCESS, {"iat": T + 11}, "iat"),
        (ACCESS, {"nbf": T + 11}, "nbf"),
        (ACCESS, {"exp": T + 0.5, "iat": T - 0.5}, None),
        (PENDING, {"exp": T - 1}, "exp"),
        (PENDING, {"exp": T + 300}, None),
        (PENDING, {"exp": T + 301}, "exp"),
        (LOGOUT, {"exp": T + 120}, None),
        (LOGOUT, {"exp": T + 121}, "exp"),
        (LOGOUT, {"nonce": "n"}, "forbidden"),
        (ID_HINT, {"exp": T - 999_999}, None),
        (ID_HINT, {"iat": T - 30 * 86_400}, None),
        (ID_HINT, {"iat": T - 30 * 86_400 - 1}, "iat"),
        (ID_HINT, {"iat": T + 61}, "iat"),
        (CLIENT_ASSERTION, {"exp": T + 300}, None),
        (CLIENT_ASSERTION, {"exp": T + 301}, "exp"),
        (CLIENT_ASSERTION, {"exp": T + 3600}, "exp"),
        (CLIENT_ASSERTION, {"exp": T - 59}, None),
        (CLIENT_ASSERTION, {"exp": T - 61}, "exp"),
        (CLIENT_ASSERTION, {"iat": T + 10, "nbf": T + 10}, None),
        (CLIENT_ASSERTION, {"iat": T + 60}, None),
        (CLIENT_ASSERTION, {"iat": T + 61}, "iat"),
        (CLIENT_ASSERTION, {"nbf": T + 60}, None),
        (CLIENT_ASSERTION, {"nbf": T + 61}, "nbf"),
    ],
    ids=lambda x: names(x) or str(x),
)
def test_the_times_of_each_kind(kind: Kind, claims: dict[str, object], rule: str | None) -> None:
    """JOSE-2, CL-3, LO-3, SU-1, OPS-7: to the second, with the clock in the hand."""
    if rule is None:
        assert read_as(kind, token(kind, **claims))
    else:
        refused(kind, token(kind, **claims), rule)


def test_times_hold_after_2038() -> None:
    """OPS-7."""
    late = 2**31 + 86_400
    there = NOW.fromtimestamp(late, NOW.tzinfo)
    assert read_as(ACCESS, token(ACCESS, iat=late, exp=late + 60), now=there).time("exp") == late + 60
    refused(ACCESS, token(ACCESS, iat=late, exp=late), "exp", now=there)


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        ({"iss": "other"}, "iss"),
        ({"sub": "other"}, "sub"),
        ({"iss": "other", "sub": "other"}, "iss"),
        ({"iss": ISSUER}, "iss"),
        ({"iss": [CLIENT]}, "iss"),
        ({"jti": "x" * 128}, None),
        ({"jti": "x" * 129}, "jti"),
        ({"jti": 5}, "jti"),
        ({"jti": ""}, "jti"),
        ({"aud": ISSUER}, None),
        ({"aud": [ISSUER]}, "aud"),
        ({"aud": [ISSUER, "https://evil.example"]}, "aud"),
        ({"aud": f"{ISSUER}/oauth/token"}, "aud"),
        ({"aud": f"{ISSUER}/"}, "aud"),
        ({"aud": "https://evil.example"}, "aud"),
        ({"aud": {"a": ISSUER}}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ""}, "aud"),
    ],
    ids=str,
)
def test_an_assertion_is_from_its_client_to_this_issuer(claims: dict[str, object], rule: str | None) -> None:
    """CL-3, CL-4: iss = sub = client, and one audience, as one string."""
    expect = Expected(issuer=ISSUER, audience=frozenset({ISSUER}), client=CLIENT)
    if rule is None:
        assert read_as(CLIENT_ASSERTION, token(CLIENT_ASSERTION, **claims), expect=expect)
    else:
        refused(CLIENT_ASSERTION, token(CLIENT_ASSERTION, **claims), rule, expect=expect)


def test_the_legacy_switch_adds_the_endpoint_and_nothing_else() -> None:
    """CL-4."""
    endpoint = f"{ISSUER}/oauth/token"
    legacy = Expected(issuer=ISSUER, audience=frozenset({ISSUER, endpoint}), client=CLIENT)
    assert read_as(CLIENT_ASSERTION, token(CLIENT_ASSERTION, aud=endpoint), expect=legacy)
    refused(CLIENT_ASSERTION, token(CLIENT_ASSERTION, aud=[endpoint]), "aud", expect=legacy)


@pytest.mark.parametrize("kind", [CLIENT_ASSERTION, LOGOUT, PENDING], ids=names)
def test_an_audience_that_nobody_named_is_refused(kind: Kind) -> None:
    """JOSE-1: forgetting to say what is expected opens nothing."""
    refused(kind, token(kind), "aud", expect=Expected(issuer=ISSUER, client=CLIENT))


@pytest.mark.parametrize("kind", [CLIENT_ASSERTION, PENDING], ids=names)
def test_a_client_that_nobody_named_is_refused(kind: Kind) -> None:
    """JOSE-1, SU-1."""
    refused(kind, token(kind), kind.client_claims[0], expect=Expected(issuer=ISSUER, audience=EVERYONE))


@pytest.mark.parametrize(
    ("aud", "rule"),
    [
        (ISSUER, None),
        ([API, ISSUER], None),
        (API, "aud"),
        ([API], "aud"),
        ([], "aud"),
        ([ISSUER, 5], "aud"),
        (5, "aud"),
    ],
    ids=str,
)
def test_an_access_token_is_for_whom_it_names(aud: object, rule: str | None) -> None:
    """JOSE-1, ID-7: userinfo takes what names the issuer."""
    ours = Expected(issuer=ISSUER, audience=frozenset({ISSUER}))
    if rule is None:
        assert ISSUER in read_as(ACCESS, token(ACCESS, aud=aud), expect=ours).texts("aud")
    else:
        refused(ACCESS, token(ACCESS, aud=aud), rule, expect=ours)


def test_introspection_learns_the_audience_from_the_token() -> None:
    """RS-5: nobody is expected beforehand, yet somebody must be named."""
    anyone = Expected(issuer=ISSUER)
    assert read_as(ACCESS, token(ACCESS, aud="urn:x"), expect=anyone).texts("aud") == ("urn:x",)
    for nobody in ([], "", [""]):
        refused(ACCESS, token(ACCESS, aud=nobody), "aud", expect=anyone)


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        ({}, None),
        ({"aud": "other"}, "aud"),
        ({"aud": [CLIENT]}, "aud"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": f"{ISSUER}/"}, "iss"),
    ],
    ids=str,
)
def test_a_hint_is_our_id_token_for_this_client(claims: dict[str, object], rule: str | None) -> None:
    """LO-3: the library checks neither iss nor typ."""
    expect = Expected(issuer=ISSUER, audience=frozenset({CLIENT}))
    if rule is None:
        assert read_as(ID_HINT, token(ID_HINT, **claims), expect=expect).text("aud") == CLIENT
    else:
        refused(ID_HINT, token(ID_HINT, **claims), rule, expect=expect)


def test_an_access_token_is_no_hint() -> None:
    """LO-3: nor with the typ of one removed, which needs the key."""
    expect = Expected(issuer=ISSUER)
    refused(ID_HINT, token(ACCESS), "typ", expect=expect)
    refused(ID_HINT, compact(head(ID_HINT), CLAIMS[ACCESS.name]), "aud", expect=expect)


@pytest.mark.parametrize("claims", [{"aud": ISSUER}, {"aud": [MFA]}, {"client_id": "other"}], ids=str)
def test_a_pending_token_is_for_one_place_and_one_client(claims: dict[str, object]) -> None:
    """SU-1."""
    expect = Expected(issuer=ISSUER, audience=frozenset({MFA}), client=CLIENT)
    assert read_as(PENDING, token(PENDING), expect=expect).text("jti") == "j1"
    refused(PENDING, token(PENDING, **claims), next(iter(claims)), expect=expect)


def test_what_we_issue_has_a_kind_that_reads_it() -> None:
    """JOSE-1: no typ is signed that no verifier knows."""
    assert {typ.lower() for typ in ISSUED_TYPES} <= {typ for kind in KINDS for typ in kind.typ if typ}


def test_claims_are_read_only_and_typed() -> None:
    claims = read_as(ACCESS, token(ACCESS, exp=T + 59.5, amr=["pwd", "otp", "mfa"]))
    assert (claims.text("client_id"), claims.time("exp"), claims.kid) == (CLIENT, T + 60, pair("ES256").kid)
    assert (claims.texts("amr"), claims.texts("roles"), claims.get("nope")) == (
        ("pwd", "otp", "mfa"),
        (),
        None,
    )
    assert (len(claims), set(claims)) == (len(CLAIMS[ACCESS.name]), CLAIMS[ACCESS.name].keys())
    assert CLIENT not in repr(claims)
    with pytest.raises(TypeError):
        claims["sub"] = "other"  # type: ignore[index]
    for read in (claims.text, claims.time, claims.texts):
        with pytest.raises(BadToken):
            read("events")
    with pytest.raises(BadToken):
        claims.text("nope")


def test_the_reason_stays_private_and_short() -> None:
    with pytest.raises(BadToken) as caught:
        read_as(ACCESS, token(ACCESS, iss="\x1b[2J" + "é" * 500))
    refusal = caught.value
    assert refusal.value.isascii()
    assert len(refusal.value) <= 100
    assert "\x1b" not in refusal.value
    assert (refusal.nearest, refusal.detail, str(refusal)) == (ISSUER, "iss is another", refusal.public)
    assert EXPECTED.issuer not in str(refusal)
