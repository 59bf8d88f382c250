"""A small HTTP server that answers as GitHub does: its authorize page agrees at once, its API knows one person."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT, SECRET = "Ov23example", "between the two of us"
OK, FOUND, BAD, UNAUTHORIZED, FORBIDDEN, MISSING = 200, 302, 400, 401, 403, 404


@dataclass(slots=True, kw_only=True)
class GitHubServer:
    """`person`, `emails` and `orgs` are what its API says; `broken` answers of a path with a status of its own."""

    person: dict[str, Any] = field(
        default_factory=lambda: {
            "id": 583231,
            "login": "octocat",
            "name": "Mona Lisa",
            "html_url": "https://github.com/octocat",
        }
    )
    emails: Any = field(
        default_factory=lambda: [
            {"email": "old@github.example", "primary": False, "verified": True},
            {"email": "mona@github.example", "primary": True, "verified": True},
        ]
    )
    orgs: Any = field(default_factory=lambda: [{"login": "acme"}, {"login": "octo-org"}])
    broken: dict[str, int] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.github = self  # type: ignore[attr-defined]
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.server_address[1]}"

    def agree(self, question: Mapping[str, str]) -> str:
        """Where the browser is sent once its person agreed there."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = question["code_challenge"]
        self.tokens[f"gho_{code}"] = question.get("scope", "")
        return f"{question['redirect_uri']}?{urlencode({'code': code, 'state': question['state']})}"

    def redeem(self, form: Mapping[str, str]) -> dict[str, str]:
        """GitHub answers 200 to everything here."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return {"error": "incorrect_client_credentials"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.codes.pop(form.get("code", ""), None) != challenge:
            return {
                "error": "bad_verification_code",
                "error_description": "The code passed is incorrect or expired.",
            }
        token = f"gho_{form['code']}"
        return {"access_token": token, "token_type": "bearer", "scope": self.tokens[token].replace(" ", ",")}

    def answer(self, path: str, token: str) -> tuple[int, Any]:
        """What its API says to the bearer of a token."""
        if token not in self.tokens:
            return UNAUTHORIZED, {"message": "Bad credentials"}
        scope = self.tokens[token].split()
        needed = {"/user": "read:user", "/user/emails": "user:email", "/user/orgs": "read:org"}
        if needed.get(path, "") not in scope:
            return FORBIDDEN, {"message": "Resource not accessible"}
        return OK, {"/user": self.person, "/user/emails": self.emails, "/user/orgs": self.orgs}[path]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    @property
    def github(self) -> GitHubServer:
        found: GitHubServer = self.server.github  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        """The page that asks whether somebody agrees, and the API."""
        parts = urlsplit(self.path)
        if parts.path == "/login/oauth/authorize":
            self.send_response(FOUND)
            self.send_header("Location", self.github.agree(dict(parse_qsl(parts.query))))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        # Its API refuses whoever does not say who they are.
        status, body = (
            self.github.answer(parts.path, self.headers.get("Authorization", "").removeprefix("Bearer "))
            if self.headers.get("User-Agent")
            else (FORBIDDEN, {"message": "Request forbidden by administrative rules."})
        )
        self._say(parts.path, status, body)

    def do_POST(self) -> None:
        """The token endpoint; it answers in JSON only if that is asked for."""
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        told = self.github.redeem(form)
        self._say(
            urlsplit(self.path).path,
            OK,
            told if "json" in self.headers.get("Accept", "") else urlencode(told),
        )

    def _say(self, path: str, status: int, body: Any) -> None:
        self.github.asked.append(path)
        status = self.github.broken.get(path, status)
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests look at what was asked."""
