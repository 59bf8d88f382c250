"""The answer of a page or a redirect, made and sent without what is not asked of Werkzeug's here."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as AnyResponse

Environ = dict[str, Any]
Start = Callable[..., Any]
Pairs = tuple[tuple[str, str], ...]

# What Werkzeug's iri_to_uri leaves as it is.
URI = re.compile(r"[A-Za-z0-9/:?&=._~%+#!$'()*,;@-]+")
WHOLE = frozenset({200, 303})
HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN = ("Content-Type", "text/plain; charset=utf-8")


class Told(Response):
    """A page or a redirect goes out as it was made; Werkzeug would copy its headers, and look each of them over."""

    @classmethod
    def page(cls, text: str, status: int, language: str) -> "Told":
        """A page in its language."""
        body = text.encode()
        length, spoken = ("Content-Length", str(len(body))), ("Content-Language", language)
        return cls._made(status, [HTML, length, spoken], [body])

    @classmethod
    def elsewhere(cls, url: str, status: int) -> "Told":
        """A redirect with nothing on the way that could be read or kept."""
        if "\n" in url or "\r" in url:
            raise ValueError("a header of two lines")
        return cls._made(status, [("Location", url), PLAIN], [])

    @classmethod
    def _made(cls, status: int, headers: list[tuple[str, str]], body: list[bytes]) -> "Told":
        # Nothing here is for Werkzeug to find out: the type, the length, what the status is called.
        self = cls.__new__(cls)
        self.headers = Headers()
        self.headers._list = headers  # noqa: SLF001
        self._status, self._status_code = _called(status), status
        self.direct_passthrough = False
        self._on_close = []
        self.response = body
        return self

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        body: Any = self.response
        headers = self.headers.to_wsgi_list()
        said = dict(headers)
        is_whole = (
            self._status_code in WHOLE
            and environ["REQUEST_METHOD"] != "HEAD"
            and isinstance(body, list)
            and not self._on_close
            and ("Content-Length" in said or not body)
            and URI.fullmatch(said.get("Location", "/"))
        )
        if not is_whole:
            return super().__call__(environ, start_response)
        if not body:
            headers.append(("Content-Length", "0"))
        start_response(self._status, headers)
        return list(self.iter_encoded())


def add(response: AnyResponse, pairs: Pairs) -> None:
    """Add headers of our own making, in which Werkzeug would look for line breaks, each by itself."""
    response.headers._list += pairs  # noqa: SLF001


def says(response: AnyResponse, name: str) -> bool:
    """Whether this header, in small letters, is there; Werkzeug's own way raises an error for each that is not."""
    return name in map(str.lower, dict(response.headers._list))  # noqa: SLF001


@cache
def _called(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES[status].upper()}"
