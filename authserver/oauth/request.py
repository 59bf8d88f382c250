"""OAuthRequest: a request to an OAuth endpoint, parsed once; and Answer, what goes back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from authserver.audit import Actor
from authserver.compact import octets
from authserver.errors import Refusal

MAX_FIELDS = 64
FORM = "application/x-www-form-urlencoded"
NONE: frozenset[str] = frozenset()
ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")

Headers = tuple[tuple[str, str], ...]
JSON: Headers = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthRequest:
    """`query` and `form` hold each name once; what was sent twice is in `repeated`.

    `members` is the JSON object that came instead of a form; those of them that are text are in `form`, too.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, object] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    authorization: str | None = None
    origin: str | None = None
    host: str = ""
    url: str = ""
    ip: str = ""
    user_agent: str = ""

    @property
    def actor(self) -> Actor:
        """Who acts, for what is written down."""
        return Actor(kind="client", ip=self.ip, user_agent=self.user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
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
    pieces = plain.split("&")
    if len(pieces) > MAX_FIELDS:
        raise Refusal("there are too many fields", rule="too_many_fields", value=str(len(pieces)))
    repeated: set[str] = set()
    for piece in pieces:
        if not piece:
            continue
        key, _, given = piece.partition("=")
        if "%" in piece or "+" in piece:
            key, given = _unescaped(key), _unescaped(given)
        if "\0" in key or "\0" in given:
            raise Refusal("a field contains a NUL character", rule="nul")
        if key in found:
            repeated.add(key)
            # RFC 8707 §2 alone lets a parameter come more than once; no URI holds a space.
            given = f"{found[key]} {given}" if key == "resource" else given
        found[key] = given
    return found, frozenset(repeated) if repeated else NONE


def _unescaped(text: str) -> str:
    plain = text.replace("+", " ")
    if "%" not in plain:
        return plain
    if ESCAPED.search(plain):
        raise Refusal("a field is not form-encoded", rule="bad_escape")
    return _utf8(unquote_to_bytes(plain))


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("a field is not UTF-8", rule="not_utf8") from error
