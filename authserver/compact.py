"""The short ways of writing things down: JSON without spaces, base64 for URLs without padding.

json.dumps makes an encoder for each call, and so does JSONEncoder; and what pydantic writes its own JSON with takes a
quarter of the time of any encoder of the standard library, which counts for what is written in each token and answer.
"""

from binascii import b2a_base64
from collections.abc import Callable
from functools import partial
from json import JSONEncoder
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

from pydantic_core import from_json, to_json


def _writer(default: Callable[[Any], Any]) -> Callable[[Any], str]:
    """What JSONEncoder(separators=(",", ":"), default=default).encode does, by an encoder that is made once."""
    parts = c_make_encoder(None, default, encode_basestring_ascii, None, ":", ",", False, False, True)  # noqa: FBT003
    return lambda value: "".join(parts(value, 0))


dumps = _writer(JSONEncoder().default)
# Whatever else an audit event holds is told as text.
dumps_any = _writer(str)
# UTF-8, for claims and answers.
octets = to_json
# What we wrote ourselves: it takes no half of a surrogate pair, which a stranger's text may hold.
loads = partial(from_json, cache_strings="keys")

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def base64url(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=")
