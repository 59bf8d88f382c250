"""The request under way without a proxy before it: Flask's look each attribute up anew, at ten times its cost."""

from typing import Any

from flask import Flask, Request, current_app, g, request


def app() -> Flask:
    found: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  Flask says to
    return found


def asked() -> Request:
    """What is asked: Flask's `request`."""
    return request._get_current_object()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001


def kept() -> Any:
    """What is kept for the length of this request: Flask's `g`."""
    return g._get_current_object()  # noqa: SLF001
