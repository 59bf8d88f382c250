"""What /api/admin answers to requests that are wrong: a table of status codes, and noise that never breaks it."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.admin import Admin, admin, stranger
from tests.flow.test_admin_api import routes
from tests.flow.world import World
from tests.wire import Reply

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request, and what it is answered with."""

    method: str = "POST"
    path: str = "/groups"
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int
    code: str


TABLE = {
    "rfc9110-15.5.6-no-such-method": Row(method="PUT", status=405, code="invalid_request"),
    "no-such-noun": Row(method="GET", path="/unicorns", status=404, code="not_found"),
    "a-slash-too-many": Row(method="GET", path="/groups/", status=404, code="not_found"),
    "two-slashes": Row(method="GET", path="//groups", status=404, code="not_found"),
    "no-body": Row(status=415, code="unsupported_media_type"),
    "form-body": Row(
        raw=b"name=a",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        status=415,
        code="unsupported_media_type",
    ),
    "no-type": Row(raw=b"{}", headers={"Content-Type": ""}, status=415, code="unsupported_media_type"),
    "other-charset": Row(
        raw=b"{}",
        headers={"Content-Type": "application/json; charset=latin-1"},
        status=415,
        code="unsupported_media_type",
    ),
    "patch-type-on-post": Row(
        raw=b"{}",
        headers={"Content-Type": "application/merge-patch+json"},
        status=415,
        code="unsupported_media_type",
    ),
    "empty-body": Row(raw=b"", headers={"Content-Type": JSON}, status=400, code="invalid_json"),
    "not-json": Row(raw=b"{'name': 'a'}", status=400, code="invalid_json"),
    "a-list": Row(raw=b"[]", status=400, code="invalid_json"),
    "not-utf-8": Row(raw=b'{"name": "\xff"}', status=400, code="invalid_json"),
    "member-twice": Row(raw=b'{"name": "a", "name": "b"}', status=400, code="invalid_json"),
    "nan": Row(raw=b'{"name": NaN}', status=400, code="invalid_json"),
    "too-deep": Row(raw=b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}", status=400, code="invalid_json"),
    "nul": Row(raw=b'{"name": "a\\u0000"}', status=400, code="invalid_json"),
    "lone-surrogate": Row(raw=b'{"name": "\\ud800"}', status=400, code="invalid_json"),
    "control-character": Row(raw=b'{"name": "a\\u0007"}', status=422, code="invalid"),
    "wrong-type": Row(raw=b'{"name": 5}', status=422, code="invalid"),
    "too-big": Row(raw=b'{"name": "' + b"a" * 70_000 + b'"}', status=413, code="invalid_request"),
    "no-if-match": Row(
        method="PATCH",
        path="/settings/session_idle",
        raw=b'{"value": 700}',
        status=428,
        code="precondition_required",
    ),
    "old-version": Row(
        method="PATCH",
        path="/settings/session_idle",
        raw=b'{"value": 700}',
        headers={"If-Match": '"7"'},
        status=412,
        code="conflict",
    ),
    "weak-version": Row(
        method="PATCH",
        path="/settings/session_idle",
        raw=b'{"value": 700}',
        headers={"If-Match": 'W/"0"'},
        status=412,
        code="conflict",
    ),
    "broken-if-match": Row(
        method="PATCH",
        path="/settings/session_idle",
        raw=b'{"value": 700}',
        headers={"If-Match": "0"},
        status=400,
        code="invalid_request",
    ),
    "not-acceptable": Row(method="GET", headers={"Accept": "text/html"}, status=406, code="not_acceptable"),
    "unknown-parameter": Row(method="GET", path="/groups?serach=a", status=400, code="invalid_request"),
    "parameter-twice": Row(method="GET", path="/groups?limit=1&limit=2", status=400, code="invalid_request"),
    "limit-zero": Row(method="GET", path="/groups?limit=0", status=400, code="invalid_request"),
    "limit-no-number": Row(method="GET", path="/groups?limit=%C2%B2", status=400, code="invalid_request"),
    "broken-cursor": Row(method="GET", path="/groups?after=a%20b", status=400, code="invalid_request"),
    "query-not-utf-8": Row(method="GET", path="/groups?search=%FF", status=400, code="invalid_request"),
    "nul-in-path": Row(method="GET", path="/groups/a%00b", status=400, code="invalid_request"),
    "no-such-user": Row(method="GET", path="/users/nobody", status=404, code="not_found"),
    "no-such-setting": Row(method="GET", path="/settings/sesion_idle", status=404, code="not_found"),
    "action-with-a-body": Row(path="/users/nobody/lock", raw=b'{"why": 1}', status=422, code="invalid"),
    "setting-of-wrong-type": Row(
        method="PATCH",
        path="/settings/session_idle",
        raw=b'{"value": "700"}',
        headers={"If-Match": "*"},
        status=422,
        code="invalid",
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_a_wrong_request_is_told_what_is_wrong(world: World, row: Row) -> None:
    """WEB-8, T-2: each refusal is a problem document with a reference that explains it."""
    headers = {**({"Content-Type": JSON} if row.raw is not None else {}), **row.headers}
    reply = admin(world).send(row.method, row.path, raw=row.raw, headers=headers)
    assert reply.status == row.status, reply.text
    assert reply.header("Content-Type") == "application/problem+json"
    found = reply.json()
    assert found["type"] == f"urn:problem-type:authserver:{row.code}"
    assert found["status"] == row.status
    assert found["title"]
    assert found["detail"]
    assert world.explain(found["reference"]).rule
    assert (reply.header("Allow") is not None) is (row.status == 405)


def test_who_shows_no_token_is_told_how(world: World) -> None:
    assert stranger(world).get("/clients").header("WWW-Authenticate") == 'Bearer realm="authserver admin"'
    wrong = stranger(world, "as_api_x").get("/clients")
    assert wrong.header("WWW-Authenticate") == 'Bearer realm="authserver admin", error="invalid_token"'
    basic = stranger(world).get("/clients", headers={"Authorization": "Basic YTpi"})
    assert basic.status == 401


def test_a_token_in_the_address_does_not_count(world: World) -> None:
    """AD-4: it would stand in logs."""
    assert stranger(world).get(f"/clients?access_token={admin(world).text}").status == 401


def test_production_says_nothing_of_the_reason(world: World, make_world: Any) -> None:
    found = stranger(make_world(issuer="https://id.example", environment="production")).get("/clients").json()
    assert "reason" not in found
    assert "reason" in stranger(world).get("/clients").json()


def test_two_who_change_the_same_do_not_overwrite_each_other(world: World) -> None:
    """AD-5: If-Match holds the version that was read; the second gets 412."""
    owner = admin(world)
    for path, made, changes in (
        ("/groups", {"name": "staff"}, {"title": "a"}),
        ("/clients", {"name": "Web", "client_id": "web"}, {"name": "a"}),
        ("/apis", {"identifier": "https://a.example", "name": "A"}, {"name": "a"}),
        ("/attributes", {"name": "number"}, {"title": "a"}),
        ("/users", {"username": "ada"}, {"name": "a"}),
    ):
        new = owner.post(path, made)
        etag, where = new.header("ETag"), (new.header("Location") or "").partition("/api/admin")[2]
        assert owner.get(where).header("ETag") == etag
        assert owner.get(where, headers={"If-None-Match": etag or ""}).status == 304
        first = owner.patch(where, changes, etag)
        assert first.status == 200, first.text
        assert first.header("ETag") != etag
        assert owner.patch(where, changes, etag).status == 412
        assert owner.patch(where, changes, first.header("ETag")).status == 200


def test_pages_together_are_the_whole(world: World) -> None:
    owner = admin(world)
    names = sorted(["b/1", "a", "c d"[:1], "é", "Z"])
    for name in names:
        assert owner.post("/groups", {"name": name}).status == 201
        assert owner.post("/users", {"username": f"person{names.index(name)}"}).status == 201
    for path, key in (("/groups", "name"), ("/users", "id"), ("/audit", "id"), ("/attributes", "name")):
        whole = [each[key] for each in owner.get(f"{path}?limit=200").json()["items"]]
        seen: list[str] = []
        where: str | None = f"{path}?limit=2"
        while where:
            reply = owner.get(where)
            seen += [each[key] for each in reply.json()["items"]]
            assert (reply.json()["next"] is None) is (reply.header("Link") is None)
            where = _next(reply)
        assert seen == whole
        assert len(set(seen)) == len(seen) > 4


def _next(reply: Reply) -> str | None:
    link = reply.header("Link")
    return link.partition("/api/admin")[2].partition(">")[0] if link else None


def test_a_token_that_asks_too_often_waits(world: World) -> None:
    """RL-3: one script cannot starve the others."""
    busy, quiet = admin(world), admin(world)
    world.set(client_requests=2)
    replies = [busy.get("/keys") for _ in range(40)]
    late = next(reply for reply in replies if reply.status == 429)
    assert int(late.header("Retry-After") or 0) >= 1
    assert quiet.get("/keys").status == 200


@pytest.fixture
def owner(world: World) -> Admin:
    return admin(world)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(
        ["", "https://a.example/b", "a@b.example", "2" * 300, "\u202e", "%00", "../..", "*", "owner"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
HEADER = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=16)
QUIET = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@QUIET
@given(data=st.data())
def test_no_json_breaks_a_route(owner: Admin, data: st.DataObject) -> None:
    """T-2: whatever JSON a route is given, its answer is one of its own."""
    route = data.draw(st.sampled_from([each for each in routes(owner.world) if each.about.takes is not None]))
    assert route.about.takes is not None
    names = st.sampled_from([*route.about.takes.model_fields, "id"]) | st.text(max_size=6)
    given_body = data.draw(st.dictionaries(names, VALUES, max_size=6))
    name = data.draw(
        st.sampled_from(["nobody", "web", "session_idle", "languages", "é", "a%2Fb", "%25", "%F0%9F%92%A9"])
    )
    reply = owner.send(route.method, route.at(name), given_body, etag="*")
    assert reply.status < 500, f"{route.method} {route.path} {given_body!r}: {reply.text}"


@QUIET
@given(
    path=st.text(st.characters(codec="latin-1", exclude_characters="?#"), max_size=30),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30),
    raw=st.binary(max_size=60) | st.none(),
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    noise=st.tuples(HEADER | st.none(), HEADER),
)
def test_no_noise_breaks_it(
    owner: Admin, path: str, query: str, raw: bytes | None, method: str, noise: tuple[str | None, str]
) -> None:
    """T-2: paths, queries, bodies and headers of any bytes."""
    authorization, etag = noise
    headers = {"Content-Type": JSON, "If-Match": etag, "If-None-Match": etag, "Accept": etag}
    headers |= {"Authorization": authorization} if authorization is not None else {}
    for where in (f"/{path}?{query}", f"/users/{path}?{query}", f"/settings/{path}"):
        reply = owner.send(method, _ascii(where), raw=raw, headers=headers)
        assert reply.status < 500, f"{method} {where!r}: {reply.text}"


def _ascii(where: str) -> str:
    return "".join(char if " " < char < "\x7f" else f"%{ord(char):02X}" for char in where)


def test_bodies_are_json_on_the_wire(world: World) -> None:
    """Text beyond ASCII comes back as it was sent."""
    owner = admin(world)
    owner.post("/groups", {"name": "staff", "title": "Žluťoučký 🐎"})
    assert json.loads(owner.get("/groups/staff").body)["title"] == "Žluťoučký 🐎"
