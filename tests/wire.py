"""One HTTP request on one connection: what goes over the wire is what a test wrote."""

import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

Fields = Mapping[str, str] | Iterable[tuple[str, str]]
FORM = "application/x-www-form-urlencoded"
TIMEOUT = 30.0
# Apps that run in this process, by origin: what is sent to them needs no socket (see tests/flow/world.py).
INSIDE: dict[str, Callable[[str, str, Mapping[str, str], bytes | None], "Reply"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it came: status, headers in their order, body."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one header of this name; None where it is absent, an error where it came twice."""
        found = self.all(name)
        assert len(found) < 2, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def location(self) -> str | None:
        """Where it sends the browser, as an absolute address."""
        to = self.header("Location")
        return None if to is None else urljoin(self.url, to)

    def json(self) -> Any:
        kind = (self.header("Content-Type") or "").partition(";")[0]
        assert kind == "application/json" or kind.endswith("+json"), f"{self.status} {kind}: {self.text}"
        return json.loads(self.body, object_pairs_hook=_without_repeats)


def send(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Send this, follow nothing, keep nothing."""
    parts = urlsplit(url)
    assert parts.hostname, f"not an absolute address: {url}"
    inside = INSIDE.get(f"{parts.scheme}://{parts.netloc}")
    if inside is not None:
        return inside(method, url, headers or {}, body)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    connection = (
        HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT, context=tls)
        if parts.scheme == "https"
        else HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
    )
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(url=url, status=answer.status, headers=tuple(answer.getheaders()), body=answer.read())
    finally:
        connection.close()


def post(
    url: str, form: Fields, headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Reply:
    """Send a form."""
    return send("POST", url, {"Content-Type": FORM, **(headers or {})}, encoded(form), tls)


def encoded(form: Fields) -> bytes:
    pairs = form.items() if isinstance(form, Mapping) else form
    return urlencode(list(pairs)).encode("ascii")


def _without_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in members]
    assert len(names) == len(set(names)), f"a JSON member came twice: {names}"
    return dict(members)
