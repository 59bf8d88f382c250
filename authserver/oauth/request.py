"""OAuthRequest: a request to an OAuth endpoint, parsed once; and Answer, what goes back."""

import re
from binascii import a2b_qp
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from authserver.audit import Actor
from authserver.compact import octets
from authserver.errors import Refusal

MAX_FIELDS = 64
FORM = "application/x-www-form-urlencoded"
NONE: frozenset[str] = frozenset()
NOTHING: Mapping[str, Any] = MappingProxyType({})
ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
AGENT = 512

Headers = tuple[tuple[str, str], ...]
JSON: Headers = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
)


class OAuthRequest(NamedTuple):
    """`query` and `form` hold each name once; what was sent twice is in `repeated`.

    `members` is the JSON object that came instead of a form; those of them that are text are in `form`, too.
    """

    method: str
    path: str
    query: Mapping[str, str] = NOTHING
    form: Mapping[str, str] = NOTHING
    members: Mapping[str, object] = NOTHING
    repeated: frozenset[str] = frozenset()
    authorization: str | None = None
    origin: str | None = None
    host: str = ""
    ip: str = ""
    user_agent: str = ""

    @property
    def actor(self) -> Actor:
        """Who acts, for what is written down."""
        return Actor(kind="client", ip=self.ip, user_agent=_plain(self.user_agent)[:AGENT])


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Headers = JSON


def json_answer(status: int, value: Mapping[str, Any], headers: Headers = ()) -> Answer:
    return Answer(status=status, body=octets(value), headers=JSON + headers if headers else JSON)


def read_pairs(text: bytes) -> tuple[dict[str, str], frozenset[str]]:
    """The fields of a query or form, each name once, and the names that came more than once.

    Strict UTF-8, no NUL, at most 64 fields; anything else is refused here, once, for every endpoint.
    """
    found: dict[str, str] = {}
    if not text:
        return found, NONE
    # A browser escapes everything beyond ASCII; raw bytes are read as UTF-8 or refused.
    plain = _utf8(text)
    pieces = plain.replace("+", " ").split("&")
    if len(pieces) > MAX_FIELDS:
        raise Refusal("there are too many fields", rule="too_many_fields", value=str(len(pieces)))
    repeated: set[str] = set()
    for piece in filter(None, pieces):
        key, _, given = piece.partition("=")
        if "%" in piece:
            key, given = _unescaped(key), _unescaped(given)
        if key in found:
            repeated.add(key)
            # RFC 8707 §2 alone lets a parameter come more than once; no URI holds a space.
            given = f"{found[key]} {given}" if key == "resource" else given
        found[key] = given
    # By here each % has begun an escape.
    if "\0" in plain or "%00" in plain:
        raise Refusal("a field contains a NUL character", rule="nul")
    return found, frozenset(repeated) if repeated else NONE


def _unescaped(text: str) -> str:
    if "%" not in text:
        return text
    if ESCAPED.search(text):
        raise Refusal("a field is not form-encoded", rule="bad_escape")
    # What is left to do is what quoted-printable does with = for %, which the standard library reads in C.
    return _utf8(a2b_qp(text.replace("=", "=3D").replace("%", "=").encode()))


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("a field is not UTF-8", rule="not_utf8") from error


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(character for character in text if " " <= character <= "~")
