"""A compact JWT taken apart, before any library sees it. RFC 7515 §7.1, RFC 8725 §3.

Header members that name a key (jwk, jku, x5u, x5c and their kin) are never looked at: RFC 7515 §4.1 lets a
reader ignore them, and some clients send them with honest assertions. `kid` is a look-up among known keys.
"""

import re
from binascii import a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import JSONDecoder
from typing import NoReturn

from authserver.jose.errors import BadToken

MAX_TOKEN = 16 * 1024
MAX_HEADER = 4 * 1024
MAX_DEPTH = 20
MAX_KID = 128

# `crit` and `b64` change how a JWS is read; `enc` and `zip` belong to JWE, which nobody here sends us.
_REFUSED_HEADERS = ("crit", "b64", "enc", "zip")

# base64url alone: a character of plain base64 becomes one that no decoder takes.
_TO_BASE64 = bytes.maketrans(b"-_+/=", b"+/!!!")
# The last character of an open group must leave no bits over, else one token has several spellings.
_LAST_OF = {2: "AQgw", 3: "AEIMQUYcgkosw048"}

# An unclosed string is taken to the end, so that the search never starts over inside it.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_ILL_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The three protected members that we act on; `typ` in lower case and without "application/"."""

    alg: str
    typ: str | None
    kid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact:
    """A well-formed JWS of which nothing is proved yet."""

    header: Header
    payload: bytes
    signed: bytes
    signature: bytes


def read(token: str) -> Compact:
    """Take a compact JWS apart in its one canonical spelling; anything else is a BadToken."""
    if len(token) > MAX_TOKEN:
        raise BadToken(f"the token has {len(token)} characters", rule="size", nearest=str(MAX_TOKEN))
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004
        raise BadToken("a signed JWT has three segments", rule="segments", value=len(parts))
    head, body, mark = parts
    header = _header(head)
    return Compact(
        header=header,
        payload=_octets(body),
        signature=_octets(mark),
        signed=token[: -len(mark) - 1].encode("ascii"),
    )


def read_object(raw: bytes) -> dict[str, object]:
    """Read a JSON object as every parser would: strict UTF-8, no member twice, no NaN, no deep nesting."""
    _check_depth(raw)
    try:
        value: object = _decode(raw.decode("utf-8"))
    except ValueError as error:
        raise BadToken("not JSON", rule="json") from error
    if not isinstance(value, dict):
        raise BadToken("not a JSON object", rule="json", value=type(value).__name__)
    # Escapes are the only way to text that is no text; few tokens have any.
    if b"\\u" in raw and not _sound(value):
        raise BadToken("NUL or half a surrogate pair in a text", rule="text")
    return value


def claimant(token: str, *, claim: str = "sub") -> str:
    """Name the client that an assertion, or by `client_id` a token, says it is of, to look it up by; proves nothing."""
    name = read_object(read(token).payload).get(claim)
    if not isinstance(name, str) or not name:
        raise BadToken(f"{claim} must be a string", rule=claim)
    return name


@lru_cache(maxsize=64)  # Our own tokens have as many headers as we have keys.
def _header(segment: str) -> Header:
    if len(segment) > MAX_HEADER:
        raise BadToken(f"the header has {len(segment)} characters", rule="size", nearest=str(MAX_HEADER))
    members = read_object(_octets(segment))
    for name in _REFUSED_HEADERS:
        if name in members:
            raise BadToken(f"the header has {name}", rule=name, value=members[name])
    return Header(alg=_alg(members), typ=_typ(members), kid=_kid(members))


def _alg(members: dict[str, object]) -> str:
    alg = members.get("alg")
    if not isinstance(alg, str):
        raise BadToken("alg must be a string", rule="alg", value=alg)
    return alg


def _typ(members: dict[str, object]) -> str | None:
    if "typ" not in members:
        return None
    typ = members["typ"]
    if not isinstance(typ, str) or not typ.isascii():
        raise BadToken("typ must be a media type", rule="typ", value=typ)
    return typ.lower().removeprefix("application/")


def _kid(members: dict[str, object]) -> str | None:
    if "kid" not in members:
        return None
    kid = members["kid"]
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise BadToken(f"kid must be a string of at most {MAX_KID} characters", rule="kid", value=kid)
    return kid


def _octets(segment: str) -> bytes:
    rest = len(segment) % 4
    if not segment or rest == 1 or (rest and segment[-1] not in _LAST_OF[rest]):
        raise BadToken("a segment is not canonical base64url", rule="base64url")
    try:
        plain = segment.encode("ascii").translate(_TO_BASE64) + b"=="[: -rest % 4]
        return a2b_base64(plain, strict_mode=True)
    except ValueError as error:
        raise BadToken("a segment is not base64url", rule="base64url") from error


def _check_depth(raw: bytes) -> None:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for mark in _BRACKETS.findall(raw):
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
        if depth > MAX_DEPTH:
            raise BadToken("the JSON is nested too deeply", rule="depth", nearest=str(MAX_DEPTH))


def _sound(value: object) -> bool:
    match value:
        case str():
            return _ILL_TEXT.search(value) is None
        case dict():
            return all(_sound(name) and _sound(member) for name, member in value.items())
        case list():
            return all(map(_sound, value))
        case _:
            return True


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadToken("a JSON member appears twice", rule="duplicate")
    return members


def _no_number(word: str) -> NoReturn:
    raise BadToken("not a JSON number", rule="json", value=word)


_decode = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number).decode
