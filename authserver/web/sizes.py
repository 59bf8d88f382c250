"""What of a request is read at all, decided from its head before anything reads its body."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from authserver.errors import Refusal

BODY = 64 * 1024
DIGITS = len(str(BODY))
# What a provider posts back may be a SAML message of 256 KB in base64, in a form. SA-5.
RETURNED_BODY = 400 * 1024
RETURNS = re.compile(r"/login/upstream/[^/]+/callback")
HEADERS = 64
HEADER_BYTES = 16 * 1024
QUERY_BYTES = 16 * 1024
FIELDS = 64


class Unread(Refusal):
    """More than this server reads, or nothing that can be read; `status` says of what."""

    def __init__(self, status: int, public: str, *, rule: str, value: str = "") -> None:
        super().__init__(public, code="invalid_request", rule=rule, value=value, status=status)


def refused(environ: Mapping[str, Any]) -> Refusal | None:
    """Why this request is not read, or None."""
    names = _names(tuple(environ))
    size = names.size + sum(map(len, map(environ.__getitem__, names.headers)))
    if len(names.headers) > HEADERS or size > HEADER_BYTES:
        _names.cache_clear()  # nothing that was too much is remembered
        return Unread(
            431,
            "The request's headers are too big.",
            rule="header_size",
            value=f"{len(names.headers)} headers, {size} bytes",
        )
    query = environ.get("QUERY_STRING", "")
    return (_query_refused(query) if query else None) or _body_refused(environ)


class Names(NamedTuple):
    """Which of an environ's names are headers, and how long these names are together."""

    headers: tuple[str, ...]
    size: int


# The requests of one client differ in values, hardly ever in names.
@lru_cache(maxsize=32)
def _names(every: tuple[str, ...]) -> Names:
    found = tuple(name for name in every if name.startswith("HTTP_"))
    return Names(found, sum(map(len, found)))


def _query_refused(query: str) -> Refusal | None:
    if len(query) > QUERY_BYTES:
        return Unread(414, "The address is too long.", rule="query_size", value=f"{len(query)} bytes")
    if query.count("&") >= FIELDS:
        return Unread(
            400, "There are too many parameters.", rule="query_fields", value=str(query.count("&") + 1)
        )
    if not _is_text(query):
        return Unread(400, "The address is not UTF-8.", rule="query_encoding")
    return None


def _is_text(query: str) -> bool:
    """Whether the bytes that a server dressed as Latin-1 are UTF-8."""
    if query.isascii():
        return True
    try:
        query.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return False
    return True


def _body_refused(environ: Mapping[str, Any]) -> Refusal | None:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length:
        if "HTTP_TRANSFER_ENCODING" in environ:
            return Unread(411, "The request does not say how long it is.", rule="length_required")
        return None
    if not (length.isascii() and length.isdigit()):
        return Unread(400, "The request's length is not a number.", rule="length_number", value=length)
    if len(length) < DIGITS:
        return None
    most = RETURNED_BODY if RETURNS.fullmatch(environ.get("PATH_INFO", "")) else BODY
    if len(length) > len(str(most)) or int(length) > most:
        return Unread(413, "The request is too big.", rule="body_size", value=f"{length} bytes")
    return None
