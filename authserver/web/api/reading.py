"""What a request to the admin API says: its body, its query, and which version it means to change."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import request

from authserver.errors import Refusal
from authserver.input import Form, conflict, invalid, read
from authserver.jose.errors import BadToken
from authserver.jose.read import read_object
from authserver.oauth.request import read_pairs

F = TypeVar("F", bound=Form)
JSON = ("application/json",)
PATCH = ("application/merge-patch+json", *JSON)
TAG = re.compile(r'(?:W/)?"([!#-~]{0,64})"')
CURSOR = re.compile(r"[!-~]{1,400}")
LARGEST_PAGE, PAGE = 200, 50
ANY = "*"


def body(form: type[F]) -> F:
    """The body, read against a form: unknown members are refused. AD-2."""
    return read(form, members())


def members() -> dict[str, Any]:
    """The body as a JSON object; 415 for another type, 400 for what no parser would read alike. WEB-8."""
    kinds = PATCH if request.method == "PATCH" else JSON
    raw = request.get_data()
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in kinds or charset != "utf-8":
        raise Refusal(
            f"Send {kinds[0]}.",
            code="unsupported_media_type",
            rule="content_type",
            value=request.headers.get("Content-Type", "")[:100],
            nearest=kinds[-1],
            status=415,
        )
    try:
        return read_object(raw)
    except BadToken as error:
        raise Refusal(
            "The body is not a sound JSON object.", code="invalid_json", detail=error.detail, rule=error.rule
        ) from error


def nothing() -> None:
    """Refuse a body that says something where there is nothing to say."""
    if request.get_data() and members():
        raise invalid(dict.fromkeys(members(), "There is no such field."))


def expected() -> int | None:
    """The version that If-Match names; None for any. 428 without it."""
    tag = expected_tag()
    if tag is None:
        return None
    if not tag.isascii() or not tag.isdigit() or len(tag) > 18:  # noqa: PLR2004
        raise conflict("another", tag)
    return int(tag)


def expected_tag() -> str | None:
    """The entity tag that If-Match names; None for any. RFC 9110 §13.1.1, RFC 6585 §3."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise Refusal(
            "Say in If-Match which version this is to change: the ETag of what was read, or *.",
            code="precondition_required",
            rule="if_match",
            status=428,
        )
    if header == ANY:
        return None
    found = TAG.fullmatch(header)
    if found is None:
        raise Refusal("If-Match holds one entity tag, or *.", rule="if_match", value=header[:100])
    if header.startswith("W/"):
        raise conflict("a strong one", header)
    return found[1]


def query(*known: str) -> Mapping[str, str]:
    """The query's parameters, each once; one that means nothing here is refused, not ignored."""
    given, twice = read_pairs(request.query_string)
    for name in given:
        if name not in known:
            near = next(iter(difflib.get_close_matches(name, known, n=1)), "")
            hint = f" Did you mean {near}?" if near else ""
            raise Refusal(
                f"There is no parameter of this name.{hint}", rule="query", value=name[:100], nearest=near
            )
    if twice:
        raise Refusal("A parameter is given twice.", rule="query", value=min(twice)[:100])
    return given


def limit(given: Mapping[str, str]) -> int:
    """How many are asked for."""
    text = given.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_PAGE):  # noqa: PLR2004
        raise Refusal(f"limit is a number from 1 to {LARGEST_PAGE}.", rule="limit", value=text[:100])
    return int(text)


def after(given: Mapping[str, str]) -> str:
    """Where the page before ended."""
    text = given.get("after", "")
    if text and not CURSOR.fullmatch(text):
        raise Refusal("after is what `next` said of the page before.", rule="after", value=text[:100])
    return text
