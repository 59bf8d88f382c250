"""The words of `scope`: how a scope string is read, and the scopes that exist without an API."""

import re
from collections.abc import Iterable

TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
STANDARD = (
    "openid",
    "profile",
    "email",
    "phone",
    "address",
    "groups",
    "orcid",
    "eduperson",
    "offline_access",
)


def split(scope: str) -> tuple[str, ...]:
    """Take a scope string apart: each word once, in the order given. RFC 6749 §3.3."""
    return tuple(dict.fromkeys(word for word in scope.split(" ") if word))


def join(words: Iterable[str]) -> str:
    """Put words together in one order, so that equal sets are equal strings."""
    return " ".join(sorted(set(words)))


def is_word(text: str) -> bool:
    """Whether this can be one scope."""
    return TOKEN.fullmatch(text) is not None
