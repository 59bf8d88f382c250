"""How the admin API answers: JSON with an entity tag, pages with a cursor; and the one unit of work of a view."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

from flask import Response, request

from authserver.store import Session, retrying
from authserver.web.api.reading import after, limit
from authserver.web.context import issuer
from authserver.web.paths import ADMIN

T = TypeVar("T")
READS = frozenset({"GET", "HEAD"})


def looked(act: Callable[[Session], T]) -> T:
    """Read something in one transaction."""
    with issuer().database.reading() as db:
        return act(db)


def acted(act: Callable[[Session], T]) -> T:
    """Change something in one durable transaction; it holds in this process when this returns."""
    asked = issuer()

    def attempt() -> T:
        with asked.database.writing() as db:
            return act(db)

    done = retrying(attempt)
    asked.revisions.forget()
    return done


def answer(data: Mapping[str, Any], *, version: object = None, status: int = 200) -> Response:
    """One resource; 304 where the asker has this version already."""
    etag = None if version is None else str(version)
    if etag is not None and request.method in READS and request.if_none_match.contains_weak(etag):
        response = Response(status=304)
    else:
        response = Response(_json(data), status, mimetype="application/json")
    if etag is not None:
        response.set_etag(etag)
    return response


def created(data: Mapping[str, Any], *at: str, version: object = None) -> Response:
    """A resource that was made just now, and where it is."""
    response = answer(data, version=version, status=201)
    response.headers["Location"] = address(*at)
    return response


def gone() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def paged(
    found: Iterable[T],
    shown: Callable[[T], Mapping[str, Any]],
    key: Callable[[T], str],
    given: Mapping[str, str],
) -> Response:
    """Some of what is held in memory in the order of its keys, from the cursor on."""
    start, most = after(given), limit(given)
    rest = [each for each in sorted(found, key=key) if key(each) > unquote(start)]
    following = _cursor(key(rest[most - 1])) if len(rest) > most else None
    return listed(map(shown, rest[:most]), following)


def listed(items: Iterable[Mapping[str, Any]], following: str | None) -> Response:
    """A page; `next` is the cursor of the following one, also as a link. RFC 8288."""
    response = answer({"items": list(items), "next": following})
    if following is not None:
        more = urlencode({**request.args.to_dict(), "after": following})
        response.headers["Link"] = f'<{issuer().url}{request.path}?{more}>; rel="next"'
    return response


def address(*parts: str) -> str:
    """Where a resource of the admin API is."""
    return issuer().url + "/".join((ADMIN, *(quote(part, safe="") for part in parts)))


def _cursor(key: str) -> str:
    # Keys are names that people gave: a cursor of plain ASCII survives every shell and log.
    return quote(key, safe="")


def _json(data: Any) -> bytes:
    return json.dumps(data, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case set() | frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"{type(value).__name__} is nothing that the admin API shows")
