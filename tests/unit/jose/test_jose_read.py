"""What a token must look like before any library sees it."""

import json
import time
from base64 import urlsafe_b64encode

import pytest

from authserver.jose import ACCESS, CLIENT_ASSERTION, BadToken, claimant
from authserver.jose.read import MAX_HEADER, MAX_TOKEN, read, read_object
from tests.unit.jose.forge import CLAIMS, CLIENT, b64, compact, head, pair, read_as, token

HEAD = head(ACCESS)
BODY = CLAIMS[ACCESS.name]


def rule_of(text: str) -> str:
    with pytest.raises(BadToken) as caught:
        read_as(ACCESS, text)
    return caught.value.rule


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (["alg"], "json"),
        ("alg", "json"),
        (5, "json"),
        (None, "json"),
        ({}, "alg"),
        ({**HEAD, "alg": ["ES256"]}, "alg"),
        ({**HEAD, "alg": {"ES256": 1}}, "alg"),
        ({**HEAD, "alg": None}, "alg"),
        ({**HEAD, "alg": 256}, "alg"),
        ({**HEAD, "alg": "es256"}, "alg"),
        ({**HEAD, "alg": "ES384"}, "alg"),
        ({**HEAD, "alg": "XX999"}, "alg"),
        ({**HEAD, "typ": ["at+jwt"]}, "typ"),
        ({**HEAD, "typ": None}, "typ"),
        ({**HEAD, "typ": "at+\u212awt"}, "typ"),
        ({**HEAD, "kid": ["x"]}, "kid"),
        ({**HEAD, "kid": None}, "kid"),
        ({**HEAD, "kid": 5}, "kid"),
        ({**HEAD, "kid": ""}, "kid"),
        ({**HEAD, "kid": "x" * 129}, "kid"),
        (b"{", "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b'{"alg":"ES256"} x', "json"),
        (b'{"alg":NaN}', "json"),
        (b'{"alg":"\xff"}', "json"),
        (b'{"alg":"\xc0\x80"}', "json"),
        (b'{"alg":"ES256","kid":"\\u0000"}', "text"),
        (b'{"alg":"ES256","kid":"\\ud800"}', "text"),
        (b'{"alg":"ES256","x":[{"\\udc00":1}]}', "text"),
    ],
)
def test_a_header_is_an_object_with_strings(header: object, rule: str) -> None:
    """JOSE-4, JOSE-5, CVE-23: joserfc raises TypeError for the first two; here it is a bad token."""
    assert rule_of(compact(header, BODY)) == f"jwt.{rule}"


@pytest.mark.parametrize(
    "crit", [5, None, [], {}, "", "kid", ["kid"], ["exp"], ["b64"], [5], [[]], ["x", "x"]], ids=str
)
def test_any_crit_is_refused(crit: object) -> None:
    """JOSE-6, CVE-23: unknown, known, empty and ill-typed ones alike."""
    assert rule_of(compact({**HEAD, "crit": crit, "x": 1}, BODY)) == "jwt.crit"


@pytest.mark.parametrize(
    "member", [{"b64": False}, {"b64": True}, {"b64": 5}, {"zip": "DEF"}, {"enc": "A128GCM"}], ids=str
)
def test_members_that_change_the_reading_are_refused(member: dict[str, object]) -> None:
    """JOSE-6."""
    assert rule_of(compact({**HEAD, **member}, BODY)) == f"jwt.{next(iter(member))}"


def test_an_encrypted_token_is_refused() -> None:
    """JOSE-6: five segments, also with PBES2 and zip."""
    jwe = b64({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "zip": "DEF", "p2c": 2**31, "p2s": "AA"})
    assert rule_of(f"{jwe}.AA.AA.AA.AA") == "jwt.segments"


def test_a_token_has_at_most_16_kb() -> None:
    """JOSE-7: the limit comes before any parsing."""
    room = MAX_TOKEN - len(token(ACCESS, pad=""))
    fits = token(ACCESS, pad="x" * (room * 3 // 4 - 2))
    assert MAX_TOKEN - 8 < len(fits) <= MAX_TOKEN
    assert read_as(ACCESS, fits)
    assert rule_of(token(ACCESS, pad="x" * (room * 3 // 4 + 2))) == "jwt.size"
    assert rule_of("x" * 5_000_000) == "jwt.size"


def test_a_header_has_at_most_4_kb() -> None:
    """JOSE-7: joserfc's 512 characters are too few for a proof with an RSA key."""
    assert read_as(ACCESS, compact({**HEAD, "jwk": pair("RS256").jwk(), "pad": "x" * 2_000}, BODY))
    assert rule_of(compact({**HEAD, "pad": "x" * MAX_HEADER}, BODY)) == "jwt.size"


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "raw", [b"[" * 45_000, b'{"a":' * 45_000, nested(21)], ids=["arrays", "objects", "21"]
)
def test_deep_nesting_is_refused_before_it_is_parsed(raw: bytes) -> None:
    """JOSE-4, JOSE-7: 45,000 brackets raise RecursionError in the library, unsigned."""
    with pytest.raises(BadToken, match="not valid") as caught:
        read_object(raw)
    assert caught.value.rule == "jwt.depth"
    for each in (compact(HEAD, raw), compact(raw, BODY), f"{b64(HEAD)}.{b64(raw)}.AAAA"):
        assert rule_of(each) in {"jwt.size", "jwt.depth", "jwt.signature"}


def test_nesting_counts_depth_and_neither_width_nor_text() -> None:
    """JOSE-7: 20 levels, however many brackets stand beside each other or inside a string."""
    assert read_object(nested(20))
    assert read_object(json.dumps({"wide": [[1]] * 100, "text": '[{"\\' * 100}).encode())


@pytest.mark.parametrize(
    "raw", [b'"\\"' * 5_000, b'{"' + b'\\"' * 8_000 + b"[" * 30, b'"[' * 8_000], ids=["a", "b", "c"]
)
def test_looking_for_depth_takes_one_pass(raw: bytes) -> None:
    """JOSE-7: no text of that size makes the search start over and over."""
    started = time.process_time()
    with pytest.raises(BadToken):
        read_object(raw + b"[" * 30)
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    "raw",
    [
        b'{"iss":"a","iss":"a"}',
        b'{"iss":"a","\\u0069ss":"b"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"b":1}]}',
    ],
    ids=str,
)
def test_a_member_appears_once(raw: bytes) -> None:
    """JOSE-10: RFC 7519 §4, at every level, however it is spelled."""
    with pytest.raises(BadToken) as caught:
        read_object(raw)
    assert caught.value.rule == "jwt.duplicate"


def test_a_member_appears_once_in_header_and_claims() -> None:
    """JOSE-10."""
    twice = json.dumps(HEAD)[:-1].encode() + b',"alg":"ES256"}'
    assert rule_of(compact(twice, BODY)) == "jwt.duplicate"
    assert rule_of(compact(HEAD, json.dumps(BODY)[:-1].encode() + b',"sub":"u1"}')) == "jwt.duplicate"


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "base64url"),
        (b"[]", "json"),
        (b"null", "json"),
        (b'"text"', "json"),
        (b"{'a':1}", "json"),
        (b'{"a":1,}', "json"),
        (b'{"a":NaN}', "json"),
        (b'{"a":-Infinity}', "json"),
        (b'{"a":' + b"9" * 5_000 + b"}", "json"),
        (b'{"a":"\x00"}', "json"),
        (b'{"a":"\n"}', "json"),
        (b'{"a":"\xed\xa0\x80"}', "json"),
        ('{"a":1}'.encode("utf-16"), "json"),
        (b'{"a":"\\u0000"}', "text"),
        (b'{"a":"\\ud83d"}', "text"),
    ],
    ids=lambda x: str(x)[:30],
)
def test_claims_are_one_json_object(raw: bytes, rule: str) -> None:
    """JOSE-4, JOSE-10: honestly signed, and still refused."""
    assert rule_of(compact(HEAD, raw)) == f"jwt.{rule}"


def test_a_number_beyond_all_bounds_is_no_time() -> None:
    """JOSE-2: JSON's 1e999 is infinity to Python, and would never expire."""
    raw = json.dumps(BODY)[:-1].encode().replace(b'"exp"', b'"old"') + b',"exp":1e999}'
    assert rule_of(compact(HEAD, raw)) == "jwt.exp"


def test_text_beyond_ascii_is_welcome() -> None:
    assert read_as(ACCESS, token(ACCESS, name="Zoë 😀 \\u0000")).text("name") == "Zoë 😀 \\u0000"


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5])
def test_a_token_has_three_segments(count: int) -> None:
    """JOSE-11."""
    assert rule_of(".".join(["e30"] * count)) == "jwt.segments"


@pytest.mark.parametrize("index", [0, 1, 2], ids=["header", "claims", "signature"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s + "=",
        lambda s: s + "==",
        lambda s: s + "\n",
        lambda s: "\n" + s,
        lambda s: s + " ",
        lambda s: s[:5] + "\n" + s[5:],
        lambda s: s[:5] + "\n\n\n\n" + s[5:],
        lambda s: s[:5] + "====" + s[5:],
        lambda s: s[:5] + "!!!!" + s[5:],
        lambda s: s[:5] + "+" + s[6:],
        lambda s: s[:5] + "/" + s[6:],
        lambda s: s[:5] + "!" + s[6:],
        lambda s: s[:5] + "\u00e9" + s[6:],
        lambda s: s[:5] + "\ud800" + s[6:],
        lambda s: s[:5] + "\uff21" + s[6:],
        lambda s: s[:5] + "\x00" + s[6:],
        lambda _: "A",
        lambda _: "",
    ],
    ids=range(18),
)
def test_a_segment_has_one_spelling(index: int, spoil: object) -> None:
    """JOSE-11: no padding, newline, blank, foreign character or empty segment."""
    parts = token(ACCESS).split(".")
    parts[index] = spoil(parts[index])  # type: ignore[operator]
    assert rule_of(".".join(parts)) == "jwt.base64url"


def test_bits_left_over_are_refused() -> None:
    """JOSE-11: 64 octets leave four bits over, which would give a token sixteen spellings."""
    sound = token(ACCESS)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [sound[:-1] + each for each in alphabet if each != sound[-1]]
    assert {rule_of(each) for each in others} == {"jwt.base64url", "jwt.signature"}
    assert sum(rule_of(each) == "jwt.signature" for each in others) == 3


def test_every_octet_string_is_read_as_it_was_written() -> None:
    """JOSE-11: the strict decoder loses nothing."""
    for size in range(1, 40):
        octets = bytes((7 * size + 41 * i) % 256 for i in range(size))
        segment = urlsafe_b64encode(octets).rstrip(b"=").decode()
        assert read(f"{b64(HEAD)}.{segment}.{segment}").payload == octets


def test_whose_assertion_it_is_can_be_asked_without_trust() -> None:
    """CL-3: a name to look up by, read as strictly as all else."""
    assert claimant(token(CLIENT_ASSERTION)) == CLIENT
    for forged in (token(CLIENT_ASSERTION, sub=["x"]), token(CLIENT_ASSERTION, without="sub"), "x", ""):
        with pytest.raises(BadToken):
            claimant(forged)


@pytest.mark.parametrize("what", [None, 5, b"a.b.c", ["a.b.c"], {"a": "b"}], ids=str)
def test_the_last_net_holds(what: object) -> None:
    """JOSE-4: whatever a library raises, a stranger is told what a bad signature is told."""
    with pytest.raises(BadToken) as caught:
        read_as(ACCESS, what)  # type: ignore[arg-type]
    assert (caught.value.public, caught.value.status) == ("The token is not valid.", 401)
