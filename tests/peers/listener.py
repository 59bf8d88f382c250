"""The server of an app, on this machine: it is told by the back channel that sessions have ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl


@dataclass(slots=True, kw_only=True)
class Listener:
    """`tokens` are what came; the next answers are those of `answers`, then 200."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """An app that listens for as long as this lasts."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            if self.path != "/logout" or self.headers["Content-Type"] != "application/x-www-form-urlencoded":
                listener.elsewhere.append(self.path)
            listener.tokens.append(form["logout_token"])
            status = listener.answers.pop(0) if listener.answers else 200
            self.send_response(status)
            if status in {302, 307}:
                self.send_header("Location", f"{listener.url}/../elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            listener.elsewhere.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: the tests look at what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.url = f"http://127.0.0.1:{server.server_port}/logout"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
