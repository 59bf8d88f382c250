"""Counts what the pages answer, by the name of the view: a path would let strangers make up labels."""

import time

from flask import Flask, Response, g, request

from authserver import metrics


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    metrics.observe(request.endpoint or "nothing", response.status_code, time.perf_counter() - g.began)
    return response
