"""The request under way without a proxy before it: Flask's look each attribute up anew, at ten times its cost."""

from typing import Any

from flask import Flask, current_app, g


def app() -> Flask:
    found: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  Flask says to
    return found


def kept() -> Any:
    """What is kept for the length of this request: Flask's `g`."""
    return g._get_current_object()  # noqa: SLF001
