"""Who may do what through /api/admin, and what it never says: tables over every route it has."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from authserver.input import Form
from authserver.opaque import digest
from authserver.store.records.operations import ApiTokenRow
from authserver.users.access import SCOPES, reaches
from authserver.web.api import openapi
from authserver.web.api.settings import SettingForm
from authserver.web.api.table import About, about
from authserver.web.guards import Demand, Guard, demand_of, table
from tests.flow.admin import BASE, Admin, admin, stranger
from tests.flow.world import Resident, World
from tests.oidc import sign_in
from tests.wire import Reply

ROLES = ("auditor", "support", "admin", "owner")
NOBODY = "nobody"
OPEN_TO_ANY_TOKEN = {"/api/admin", "/api/admin/openapi.json"}
BODIES: dict[str, Any] = {
    "JoinForm": {"account": "nobody"},
    "MembersForm": {"users": [NOBODY]},
    "ExemptionForm": {"reason": "lost it on a journey"},
    "PasswordForm": {"password": "a quiet river in the morning"},
    "SettingForm": {"value": 1},
    "NewApiForm": {"identifier": "https://made.example", "name": "Made"},
    "NewClientForm": {"name": "Made", "client_id": "made"},
    "NewGroupForm": {"name": "made"},
    "NewAttributeForm": {"name": "made"},
    "NewProviderForm": {
        "slug": "made",
        "kind": "oidc",
        "title": "Made",
        "config": {"issuer": "https://made.example", "client_id": "us"},
    },
    "InvitationForm": {"email": "made@example.org"},
    "UserForm": {"username": "made"},
    "TokenForm": {"name": "made", "role": "auditor", "scopes": ["users:read"]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    method: str
    path: str
    demand: Demand
    about: About

    def at(self, name: str) -> str:
        """The path below /api/admin, each variable filled with this."""
        return openapi.VARIABLE.sub(name, self.path).removeprefix(BASE)

    @property
    def body(self) -> Any:
        form = self.about.takes
        if form is None:
            return None
        return {} if self.method == "PATCH" and form is not SettingForm else BODIES.get(form.__name__, {})


def routes(world: World) -> Iterator[Route]:
    flask = world.app.flask
    for rule in flask.url_map.iter_rules():
        view = flask.view_functions[rule.endpoint]
        said, demand = about(view), demand_of(view)
        if said is not None and demand is not None:
            yield Route(method=said.method, path=rule.rule, demand=demand, about=said)


def ask(asker: Admin, route: Route, name: str = NOBODY) -> Reply:
    return asker.send(route.method, route.at(name), route.body, etag="*")


def the_askers(world: World) -> dict[str, Admin]:
    """Everybody who might come, by name."""
    revoked, expired = admin(world), admin(world, days=1)
    assert revoked.token is not None
    assert admin(world).delete(f"/tokens/{revoked.token.id}").status == 204
    world.clock.advance(days=1)
    return {
        "anonymous": stranger(world),
        "garbage": stranger(world, "as_api_" + "x" * 43),
        "not a token": stranger(world, "é".encode().decode("latin-1") + "\x7f"),
        "revoked": revoked,
        "expired": expired,
        **{role: admin(world, role) for role in ROLES},
    }


def test_every_route_is_behind_the_one_guard(world: World) -> None:
    """AD-1: a route of the admin API without a scope is one of the two that any token may read."""
    rows = [row for row in table(world.app.flask) if row.path.startswith(BASE)]
    assert rows
    for row in rows:
        assert row.demand is not None, row.path
        assert row.demand.guard is Guard.ADMIN, row.path
        assert row.demand.scope in SCOPES or row.path in OPEN_TO_ANY_TOKEN, row.path
    assert len(rows) == len(list(routes(world)))


def test_only_whom_the_table_names_comes_in(world: World) -> None:
    """AD-1, AD-4: the matrix of every route and everybody who might come."""
    for name, asker in the_askers(world).items():
        for route in routes(world):
            status = ask(asker, route).status
            where = f"{name}: {route.method} {route.path} gave {status}"
            if name not in ROLES:
                assert status == 401, where
            elif reaches(name, route.demand.role or ""):
                assert status not in {401, 403}, where
                assert status < 500, where
            else:
                assert status == 403, where


def test_a_token_reaches_what_its_scopes_name_and_nothing_else(world: World) -> None:
    """AD-4: each route opens to its own scope, and stays closed to all others together."""
    own = {scope: admin(world, "owner", [scope]) for scope in SCOPES}
    rest = {scope: admin(world, "owner", SCOPES.keys() - {scope}) for scope in SCOPES}
    for route in routes(world):
        scope = route.demand.scope
        if scope is not None:
            assert ask(own[scope], route).status not in {401, 403}, f"{route.method} {route.path}"
            assert ask(rest[scope], route).status == 403, f"{route.method} {route.path}"


def test_a_role_that_lost_its_scopes_lost_its_routes(world: World) -> None:
    """AD-1: the role is asked for at each request, not only when the token was made."""
    asker = admin(world)
    assert asker.token is not None
    with world.writing() as db:
        row = db.orm.get(ApiTokenRow, asker.token.id)
        assert row is not None
        row.role = "auditor"
    for route in routes(world):
        reached = reaches("auditor", route.demand.role or "")
        assert (ask(asker, route).status != 403) is reached, f"{route.method} {route.path}"


def test_a_session_opens_nothing_here_and_a_token_opens_no_page(world: World) -> None:
    """AD-4: cookies do not count at the API, tokens do not count at the pages."""
    ada, web = world.add_user(role="owner"), world.add_client(first_party=True)
    browser = world.browser()
    sign_in(browser, web, ada)
    session = browser.jar.get("as_session")
    assert session is not None
    cookie = {"Cookie": f"{session.name}={session.value}"}
    assert world.get("/account", cookie).status == 200
    assert stranger(world).get("/clients", headers=cookie).status == 401
    page = world.get("/account", {"Authorization": f"Bearer {admin(world).text}"})
    assert page.status == 303
    assert "/login" in (page.location or "")


def test_there_is_no_cors(world: World) -> None:
    """WEB-7: no page of another origin reads an answer, and no cookie is set."""
    reply = admin(world).get("/clients", headers={"Origin": "https://app.example", "Accept-Language": "de"})
    assert not reply.all("Set-Cookie")
    assert reply.header("Cache-Control") == "no-store"
    assert not [name for name, _ in reply.headers if name.lower().startswith("access-control")]
    preflight = stranger(world).send(
        "OPTIONS",
        "/clients",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"},
    )
    assert preflight.status == 401
    assert not [name for name, _ in preflight.headers if name.lower().startswith("access-control")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """One of everything, by the name of its routes."""

    ids: dict[str, str]
    secrets: tuple[str, ...]


def one_of_each(world: World, owner: Admin) -> Things:
    secret = "hunter2 hunter2 hunter2"
    client = owner.post("/clients", {"name": "Web", "redirect_uris": ["https://app.example/cb"]}).json()
    rotated = owner.post(f"/clients/{client['client_id']}/secrets", {}).json()
    api = owner.post("/apis", {"identifier": "https://api.example", "name": "API"}).json()
    owner.post("/groups", {"name": "staff", "title": "Staff"})
    owner.post("/attributes", {"name": "number", "type": "integer"})
    user = owner.post("/users", {"email": "ada@example.org", "email_verified": True}).json()
    assert owner.post(f"/users/{user['id']}/password", {"password": secret}).status == 204
    world.signed_in(
        Resident(email="ada@example.org", password=secret, id=user["id"], subject=user["subject"])
    )
    assert owner.post("/groups/staff/members", {"users": [user["id"]]}).status == 200
    assert owner.patch("/settings/session_idle", {"value": 700}).status == 200
    made = owner.post("/tokens", {"name": "t", "role": "auditor", "scopes": ["users:read"], "days": 1}).json()
    known = {"issuer": "https://there.example", "client_id": "us", "client_secret": "kept between us two"}
    there = {"slug": "there", "kind": "oidc", "title": "There", "config": known}
    assert owner.post("/providers", there).status == 201
    world.set(registration="invited")
    invited = owner.post("/invitations", {"email": "grace@example.org", "groups": ["staff"]}).json()
    key = owner.get("/keys").json()["items"][0]["kid"]
    event = owner.get("/audit").json()["items"][0]["id"]
    return Things(
        ids={
            "clients": client["client_id"],
            "apis": api["id"],
            "groups": "staff",
            "attributes": "number",
            "users": user["id"],
            "settings": "session_idle",
            "tokens": made["id"],
            "providers": "there",
            "invitations": invited["id"],
            "keys": key,
            "audit": event,
        },
        secrets=(
            secret,
            client["secret"],
            rotated["secret"],
            made["token"],
            owner.text or "",
            known["client_secret"],
        ),
    )


def noun_of(route: Route) -> str:
    return route.path.removeprefix(f"{BASE}/").partition("/")[0]


def test_an_id_of_another_kind_is_not_found(world: World) -> None:
    """AD-3: ids are swapped in every route."""
    owner = admin(world)
    ids = one_of_each(world, owner).ids
    for route in routes(world):
        if not openapi.VARIABLE.search(route.path):
            continue
        for noun in ("clients", "users", "groups", "settings"):
            if noun != noun_of(route):
                foreign = ids[noun]
                reply = ask(owner, route, foreign)
                assert reply.status == 404, (
                    f"{route.method} {route.at(foreign)} gave {reply.status}: {reply.text}"
                )


FORBIDDEN = (
    "id", "client_id", "subject", "version", "created_at", "updated_at", "status", "epoch", "is_admin", "admin",
    "secret", "secrets", "password", "members", "origin", "made_by", "made_with", "digest", "built_in", "identifier",
    "mfa", "role", "groups", "email_verified", "__class__", "",
)  # fmt: skip


def test_members_that_are_not_of_the_form_are_refused(world: World) -> None:
    """AD-2: unknown and read-only members give 422 and change nothing."""
    owner = admin(world)
    ids = one_of_each(world, owner).ids
    before = world.events()
    for route in routes(world):
        form: type[Form] | None = route.about.takes
        if form is None:
            continue
        strange = {name: True for name in FORBIDDEN if name not in form.model_fields}
        where = route.at(ids.get(noun_of(route), ""))
        reply = owner.send(route.method, where, {**route.body, **strange}, etag="*")
        assert reply.status == 422, f"{route.method} {where}: {reply.status} {reply.text}"
        refused = {each["field"] for each in reply.json()["errors"] if "no such field" in each["detail"]}
        assert refused == {name or "_" for name in strange}, f"{route.method} {where}: {reply.text}"
    assert len(world.events()) == len(before)


def test_no_answer_holds_a_secret(world: World) -> None:
    """KEY-8, AD-6, CL-6: canaries are planted, and every answer that can be had is searched."""
    owner = admin(world)
    things = one_of_each(world, owner)
    canaries = {text for text in things.secrets if text}
    for text in things.secrets:
        raw = digest(text)
        canaries |= {
            raw.hex(),
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
    canaries |= {"$argon2", world.issuer.config.master_key_path.read_text().strip(), '"d":', "PRIVATE KEY"}
    searched = 0
    for route in routes(world):
        if route.method != "GET":
            continue
        reply = ask(owner, route, things.ids.get(noun_of(route), ""))
        assert reply.status == 200, f"{route.path}: {reply.text}"
        found = [canary for canary in canaries if canary in reply.text]
        assert not found, f"{route.path} shows {found}"
        searched += 1
    assert searched > 15
    shown = owner.get(f"/users/{things.ids['users']}").json()["password"]
    assert shown["set"] is True
    assert owner.get(f"/clients/{things.ids['clients']}").json()["secrets"][0]["set"] is True
    assert owner.get("/providers/there").json()["config"]["client_secret"] == {"set": True}


def test_answers_are_as_they_are_described(world: World) -> None:
    """The description holds for every record that can be read."""
    owner = admin(world)
    ids = one_of_each(world, owner).ids
    document = owner.get("/openapi.json").json()
    for route in routes(world):
        if route.method != "GET" or route.about.gives is None:
            continue
        found = ask(owner, route, ids.get(noun_of(route), "")).json()
        name = route.about.gives
        items = found["items"] if name.endswith("[]") else [found]
        assert items, route.path
        schema = {
            "$ref": f"#/components/schemas/{name.removesuffix('[]')}",
            "components": document["components"],
        }
        for item in items:
            Draft202012Validator(schema).validate(item)


def test_the_description_names_every_route(world: World) -> None:
    document = admin(world, "auditor").get("/openapi.json").json()
    described = {(method.upper(), path) for path, verbs in document["paths"].items() for method in verbs}
    assert described == {(route.method, openapi.path_of(route.path)) for route in routes(world)}
    assert json.dumps(document).count("#/components/schemas/") > 50
    for target in sorted(set(_references(document))):
        assert target.removeprefix("#/components/schemas/") in document["components"][
            "schemas"
        ] or target.endswith("responses/Problem"), target


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_a_token_is_told_what_it_may_do(world: World) -> None:
    asker = admin(world, "support", ["users:read", "users:help"])
    found = asker.get().json()
    assert found["role"] == "support"
    assert found["scopes"] == ["users:read", "users:help"]
    assert "POST /api/admin/users/{user_id}/lock" in found["routes"]
    assert "POST /api/admin/users" not in found["routes"]


@pytest.mark.parametrize(("name", "status"), [("x/members", 422), ("x/members/y", 422), ("members/x", 201)])
def test_no_group_is_called_as_the_list_of_its_people(world: World, name: str, status: int) -> None:
    """AD-5: each address of the API is one thing."""
    assert admin(world).post("/groups", {"name": name}).status == status
