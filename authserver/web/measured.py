"""Counts what the pages answer, by the name of the view: a path would let strangers make up labels."""

import time

from flask import Flask, Response

from authserver import metrics
from authserver.web import here


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    here.kept()["began"] = time.perf_counter()


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - here.kept()["began"]
    metrics.observe(here.asked().endpoint or "nothing", response.status_code, seconds)
    return response
