"""The request under way without a proxy before it: Flask's look each attribute up anew, at ten times its cost.

`kept` is what is kept for the length of the request, the very names that Flask's `g` has; `asked` is Flask's `request`,
`issuer` this server as a value.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from flask import Flask, Request

# A private name: pyproject.toml keeps to the versions that have it.
from flask.globals import _cv_app
from werkzeug.datastructures import MultiDict

from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.oauth.request import FORM, read_pairs

EXTENSION = "authserver"
KEPT: ContextVar[dict[str, Any]] = ContextVar("kept")
ASKED: ContextVar[Request] = ContextVar("asked")
ISSUER: ContextVar[Issuer] = ContextVar("issuer")
# Asked for so often that there is no function of Python between. web/wsgi.py sets them.
kept: Callable[[], dict[str, Any]] = KEPT.get
asked: Callable[[], Request] = ASKED.get
issuer: Callable[[], Issuer] = ISSUER.get
BODILESS = frozenset({"GET", "HEAD"})


def app() -> Flask:
    return _cv_app.get().app


def query() -> Mapping[str, str]:
    """What the address asks, of each name the first: Werkzeug's own raises an error for each that is not there."""
    here = kept()
    found: Mapping[str, str] | None = here.get("query")
    if found is None:
        request = asked()
        found = here["query"] = _first(request.query_string, lambda: request.args)
    return found


def form() -> Mapping[str, str]:
    """What was posted, in the same way."""
    here = kept()
    found: Mapping[str, str] | None = here.get("form")
    if found is None:
        request = asked()
        if request.method in BODILESS:
            found = {}
        elif request.environ.get("CONTENT_TYPE") == FORM:
            found = _first(request.get_data(), lambda: request.form)
        else:
            found = request.form.to_dict()
        here["form"] = found
    return found


def _first(text: bytes, by_werkzeug: Callable[[], MultiDict[str, str]]) -> Mapping[str, str]:
    """Of each name the first value; where one comes twice, or is not well-formed, as Werkzeug finds it."""
    try:
        found, twice = read_pairs(text)
    except Refusal:
        return by_werkzeug().to_dict()
    return by_werkzeug().to_dict() if twice else found
