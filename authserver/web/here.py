"""The request under way without a proxy before it: Flask's look each attribute up anew, at ten times its cost."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request

# Private names: pyproject.toml keeps to the versions that have them.
from flask.globals import _cv_app, _cv_request

BODILESS = frozenset({"GET", "HEAD"})


def app() -> Flask:
    return _cv_app.get().app


def asked() -> Request:
    """What is asked: Flask's `request`."""
    return _cv_request.get().request


def kept() -> Any:
    """What is kept for the length of this request: Flask's `g`."""
    return _cv_app.get().g


def query() -> Mapping[str, str]:
    """What the address asks, of each name the first: Werkzeug's own raises an error for each that is not there."""
    here = kept()
    if "query" not in here:
        here.query = asked().args.to_dict()
    found: Mapping[str, str] = here.query
    return found


def form() -> Mapping[str, str]:
    """What was posted, in the same way."""
    here = kept()
    if "form" not in here:
        request = asked()
        here.form = {} if request.method in BODILESS else request.form.to_dict()
    found: Mapping[str, str] = here.form
    return found
