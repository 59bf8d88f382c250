"""Flask's application, request and response, without what was seen to before them or is not asked of them here."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response
from werkzeug.routing import MapAdapter

from authserver.web.rules import LateRule

Environ = dict[str, Any]
Start = Callable[..., Any]

# What Werkzeug's iri_to_uri leaves as it is.
URI = re.compile(r"[A-Za-z0-9/:?&=._~%+#!$'()*,;@-]+")
WHOLE = frozenset({200, 303})


class Asked(Request):
    """What of a request is read at all was decided in sizes.py: Flask's own limits are its usual ones, unasked."""

    max_content_length = None
    max_form_memory_size = 500_000
    max_form_parts = 1_000


class Told(Response):
    """A page or a redirect goes out as it was made; Werkzeug would copy its headers, and look each of them over."""

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        body: Any = self.response
        headers = self.headers.to_wsgi_list()
        said = dict(headers)
        is_whole = (
            self.status_code in WHOLE
            and environ["REQUEST_METHOD"] != "HEAD"
            and isinstance(body, list)
            and ("Content-Length" in said or not body)
            and URI.fullmatch(said.get("Location", "/"))
        )
        if not is_whole:
            return super().__call__(environ, start_response)
        if not body:
            headers.append(("Content-Length", "0"))
        start_response(self.status, headers)
        return list(self.iter_encoded())


class Pages(Flask):
    """No view here is a coroutine, so none is looked at for being one: eleven looks a request."""

    url_rule_class = LateRule
    request_class = Asked
    response_class = Told

    def __init__(self, name: str, *, issuer_url: str) -> None:
        super().__init__(name, static_folder=None)
        self._host = urlsplit(issuer_url).netloc

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """No route asks for a host, so that of the issuer is not taken apart for each request."""
        if request is None or request.environ.get("HTTP_HOST") != self._host:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            self._host,
            request.root_path,
            "",
            request.scheme,
            request.path,
            request.method,
            request.query_string.decode("latin-1"),
        )
