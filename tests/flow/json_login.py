"""A first-party app that signs people in by itself: what it sends, and nothing that it was not given."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from authserver.web.account.described import document
from tests.flow.world import Resident, World
from tests.wire import Reply

ORIGIN = "https://app.example"


@dataclass(slots=True, kw_only=True)
class App:
    """`secret` of a confidential client; `origin` where it runs in a browser. `bearer` is its access token."""

    world: World
    client_id: str = "app"
    secret: str = ""
    origin: str = ""
    agent: str = "Notes/2.1 (Android; Mobile)"
    bearer: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def headers(self, *, signed: bool) -> dict[str, str]:
        found = {"Content-Type": "application/json", "User-Agent": self.agent, **self.more}
        if self.secret and signed:
            pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            found["Authorization"] = f"Basic {pair}"
        if self.origin:
            found["Origin"] = self.origin
        return found

    def post(self, path: str, **members: Any) -> Reply:
        """A sign-in endpoint; its answer sets no cookie, whatever it is."""
        reply = self.world.send(
            "POST", self.world.url + path, self.headers(signed=True), json.dumps(members).encode()
        )
        assert not reply.all("Set-Cookie"), reply
        described(reply, "POST", path)
        return reply

    def login(self, person: Resident, **more: Any) -> Reply:
        named = {"client_id": self.client_id, "username": person.email, "password": person.password}
        return self.post("/api/login", **(named | more))

    def mfa(self, asked: Reply, method: str, code: Any = None, **more: Any) -> Reply:
        assert asked.json()["error"] == "mfa_required", asked.json()
        given = {} if code is None else {"assertion" if method == "passkey" else "code": code}
        return self.post(
            "/api/login/mfa", mfa_token=asked.json()["mfa_token"], method=method, **given, **more
        )

    def entered(self, reply: Reply) -> dict[str, Any]:
        """The tokens of an answer; asks with them from now on."""
        assert reply.status == 200, (reply.status, reply.json())
        found: dict[str, Any] = reply.json()
        self.bearer = found["access_token"]
        return found

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> Reply:
        """One of the endpoints for somebody signed in."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = {**self.headers(signed=False), "Authorization": f"Bearer {self.bearer}", **named}
        found = {name: value for name, value in found.items() if value}
        body = None if data is None else json.dumps(data).encode()
        reply = self.world.send(method, self.world.url + path, found, body)
        described(reply, method, path)
        return reply


def described(reply: Reply, method: str, path: str) -> None:
    """The description knows this answer."""
    told = document()
    said = told["paths"][re.sub(r"^(/api/sessions/).+", r"\1{session_id}", path)][method.lower()]["responses"]
    assert str(reply.status) in said, (method, path, reply.status, reply.body)
    if "content" in said[str(reply.status)]:
        schema = said[str(reply.status)]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": told["components"]}).validate(reply.json())


def app_in(world: World, client_id: str = "app", *, public: bool = True, **given: Any) -> App:
    """Register one; public and without an origin, as an app on a phone is, unless said otherwise."""
    party = world.add_client(
        client_id,
        public=public,
        **{
            "first_party": True,
            "json_login": True,
            "redirect_uris": [],
            "grant_types": ["refresh_token"],
            "idle_ends_tokens": True,
            **given,
        },
    )
    return App(world=world, client_id=client_id, secret=party.secret)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def spelled(reply: Reply) -> tuple[int, str]:
    """Status and code of a refusal."""
    return reply.status, reply.json()["error"]
