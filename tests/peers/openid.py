"""An OpenID provider that says what a test tells it to: the honest one is npm's oidc-provider (tests/openid).

there = OpenId.on_loopback(clock)          # keys, metadata, token and userinfo endpoints on a port of its own
there.person = {"sub": "s1", "name": "Ada"}
code = there.code_for(left)                # left: the query that a browser was sent there with
there.says(aud="another")                  # claims of the next ID tokens; None leaves one out
there.signs_with("none")                   # or HS256, another key, no kid …
there.asked["/jwks"]                       # how often something was asked for
"""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.unit.jose.forge import Pair, b64, compact, pair

SECRET = "between the two of us"
CLIENT = "us"


@dataclass(slots=True, kw_only=True)
class OpenId:
    now: Callable[[], float]
    server: ThreadingHTTPServer
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "s1", "name": "Ada Lovelace"})
    userinfo: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    by: Pair = field(default_factory=lambda: pair("RS256"))
    published: list[Any] | None = None
    forged: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    silent: bool = False
    broken: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    posted: list[dict[str, str]] = field(default_factory=list)
    nonces: dict[str, str] = field(default_factory=dict)
    signed_in_ago: float = 0
    released: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def on_loopback(cls, now: Callable[[], float] = time.time) -> Self:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        made = cls(now=now, server=server)
        server.provider = made  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()
        return made

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.server_address[1]}"

    @property
    def config(self) -> dict[str, Any]:
        return {"issuer": self.url, "client_id": CLIENT, "client_secret": SECRET, "userinfo": False}

    def code_for(self, left: Mapping[str, str]) -> str:
        """What a browser brings back after its person signed in here."""
        code = f"code-{len(self.nonces)}-{b64(hashlib.sha256(left['state'].encode()).digest())[:8]}"
        self.nonces[code] = left["nonce"]
        return code

    def says(self, **claims: Any) -> None:
        self.claims = claims

    def id_token(self, nonce: str) -> str:
        now = int(self.now())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "auth_time": int(now - self.signed_in_ago),
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.by.alg, "kid": self.by.kid, "typ": "JWT", **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        return self.forged(header, claims) if self.forged else compact(header, claims, self.by)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        match path:
            case "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize?tenant=1",
                    "token_endpoint": f"{self.url}/token",
                    "userinfo_endpoint": f"{self.url}/userinfo",
                    "jwks_uri": f"{self.url}/jwks",
                    **self.metadata,
                }
            case "/jwks":
                keys = self.published if self.published is not None else [pair("RS256").jwk()]
                return 200, {"keys": keys}
            case "/token" if form.get("code") in self.nonces:
                return 200, {
                    "access_token": "at",
                    "token_type": "Bearer",
                    "id_token": self.id_token(self.nonces.pop(form["code"])),
                }
            case "/token":
                return 400, {"error": "invalid_grant"}
            case "/userinfo":
                return 200, self.userinfo or {"sub": self.person["sub"]}
            case _:
                return 404, {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        form = dict(parse_qsl(body.decode()))
        self.provider.posted.append(form | {"authorization": self.headers.get("Authorization", "")})
        self._answer(form)

    @property
    def provider(self) -> OpenId:
        found: OpenId = self.server.provider  # type: ignore[attr-defined]
        return found

    def _answer(self, form: dict[str, str]) -> None:
        path = self.path.partition("?")[0]
        self.provider.asked[path] += 1
        if self.provider.silent:
            self.provider.released.wait(30)
            return
        if path in self.provider.broken:
            status, body = self.provider.broken[path]
        else:
            status, found = self.provider.answer(path, form)
            body = json.dumps(found).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def with_hmac(secret: bytes) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Tokens signed by what everybody can read."""

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{b64({**header, 'alg': 'HS256'})}.{b64(claims)}"
        return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    return forge


def unsigned(alg: str = "none", signature: str = "AAAA") -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Tokens that nobody signed."""
    return lambda header, claims: f"{b64({**header, 'alg': alg})}.{b64(claims)}.{signature}"


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".replace(" ", "+").encode()).decode()


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
