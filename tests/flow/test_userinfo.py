"""Userinfo, revocation, introspection and discovery."""

import base64
from urllib.parse import quote

import pytest

from authserver.audit import SYSTEM
from authserver.groups import edit as groups
from authserver.oauth.discovery import metadata
from tests.flow.conftest import MakeWorld
from tests.flow.test_code import tokens_of
from tests.flow.world import World
from tests.oidc import OAuthError, claims_of


def test_userinfo_says_what_the_scopes_release(world: World) -> None:
    """ID-8: scope to claim; sub always."""
    ada = world.add_user(username="ada", attributes={"given_name": "Ada", "phone_number": "+49 1"})
    web = world.add_client(scope="openid profile email phone")
    told = web.userinfo(tokens_of(world, web, ada).access_token)
    assert told["sub"] == ada.subject
    assert (told["name"], told["given_name"], told["preferred_username"]) == ("Ada Lovelace", "Ada", "ada")
    assert (told["email"], told["email_verified"]) == ("ada@example.org", True)
    assert told["phone_number"] == "+49 1"
    only = web.userinfo(tokens_of(world, web, ada, scope="openid").access_token)
    assert only == {"sub": ada.subject}


def test_absent_values_are_left_out(world: World) -> None:
    """ID-9: no null, no empty text; without an address neither email nor email_verified."""
    bob = world.add_user("bob@example.org", username="bob", name="")
    web = world.add_client()
    with world.writing() as db:
        from sqlalchemy import delete  # noqa: PLC0415

        from authserver.store.records.users import UserEmailRow  # noqa: PLC0415

        db.orm.execute(delete(UserEmailRow))
    nameless = type(bob)(email="bob", password=bob.password, id=bob.id, subject=bob.subject)
    tokens = tokens_of(world, web, nameless)
    told = web.userinfo(tokens.access_token)
    assert not told.keys() & {"email", "email_verified", "name", "given_name", "phone_number"}
    for claims in (told, tokens.claims, claims_of(tokens.access_token)):
        assert all(value not in (None, "", []) for value in claims.values()), claims


def test_the_claims_parameter_asks_by_name(world: World) -> None:
    """ID-8: for userinfo and id_token; what is unknown is ignored."""
    ada, web = world.add_user(), world.add_client()
    asked = '{"userinfo":{"name":null,"x_unknown":null},"id_token":{"email":{"essential":true}}}'
    tokens = tokens_of(world, web, ada, scope="openid email profile", claims=asked)
    assert tokens.claims["email"] == "ada@example.org"
    assert web.userinfo(tokens.access_token)["name"] == "Ada Lovelace"


def test_attributes_cannot_take_the_place_of_what_happened(world: World) -> None:
    """ID-1: a declared attribute may not have a reserved name, and one in the row is not released."""
    ada, web = world.add_user(), world.add_client()
    for name in ("sub", "amr", "acr", "auth_time", "aud", "iss", "sid", "grant"):
        with pytest.raises(Exception, match="saved"), world.writing() as db:
            groups.declare(
                db,
                world.issuer,
                {"name": name, "scope": "profile", "tokens": ["id_token", "userinfo", "access_token"]},
                by=SYSTEM,
            )
    asked = '{"id_token":{"amr":null,"sub":null,"aud":null},"userinfo":{"iss":null}}'
    tokens = tokens_of(world, web, ada, claims=asked)
    assert (tokens.claims["amr"], tokens.claims["aud"]) == (["pwd"], "web")


def test_the_token_comes_in_the_header_only(world: World) -> None:
    """ID-7: GET and POST; a token in query or body is a 400; no openid is a 403; anything else a 401."""
    ada, web = world.add_user(), world.add_client(scope="openid profile email")
    token = tokens_of(world, web, ada).access_token
    headers = {"Authorization": f"Bearer {token}"}
    url = "/oauth/userinfo"
    assert world.get(url, headers).status == 200
    assert world.post(url, {}, headers).status == 200
    assert world.get(f"{url}?access_token={quote(token)}").status == 400
    assert world.post(url, {"access_token": token}).status == 400
    bare = world.get(url)
    assert (bare.status, bare.header("WWW-Authenticate")) == (401, 'Bearer realm="authserver"')
    refused = [
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {base64.b64encode(b'a:b').decode()}"},
        {"Authorization": f"Bearer {token[:-2]}AA"},
        {"Authorization": f"Bearer {tokens_of(world, web, ada).id_token}"},
    ]
    for each in refused:
        reply = world.get(url, each)
        assert (reply.status, reply.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in (reply.header("WWW-Authenticate") or "")
    world.clock.advance(minutes=5)
    assert world.get(url, headers).status == 401


def test_revoking_a_refresh_token_takes_the_family_an_access_token_only_itself(world: World) -> None:
    """RT-11: unknown and foreign tokens answer 200, and nothing happens."""
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    first = tokens_of(world, web, ada)
    second = web.refresh(first)
    assert web.revoke(first.access_token).status == 200
    assert web.introspect(first.access_token) == {"active": False}
    assert web.introspect(second.access_token)["active"] is True
    for token in (second.access_token, second.refresh_token or "", "unknown", "as_rt1_x"):
        assert other.revoke(token).status == 200
    assert web.introspect(second.access_token)["active"] is True
    third = web.refresh(second)
    assert web.revoke(second.refresh_token or "").status == 200
    assert web.introspect(third.access_token) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(third)
    assert len(world.events("token_revoked")) == 1


def test_a_refresh_token_can_be_introspected_by_its_client(world: World) -> None:
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    tokens = tokens_of(world, web, ada)
    assert web.introspect(tokens.refresh_token or "")["active"] is True
    assert other.introspect(tokens.refresh_token or "") == {"active": False}
    web.refresh(tokens)
    assert web.introspect(tokens.refresh_token or "") == {"active": False}


def test_introspection_is_few_statements(world: World) -> None:
    """The budget of a hot path: one read."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    web.introspect(tokens.access_token)
    with world.statements(2):
        web.introspect(tokens.access_token)


def test_discovery_is_the_same_at_both_addresses_and_never_the_hosts(world: World) -> None:
    """MD-1, MD-2: whatever Host says; JSON, CORS for everyone, an ETag."""
    plain = world.get("/.well-known/openid-configuration")
    assert plain.json()["issuer"] == world.url
    assert plain.header("Access-Control-Allow-Origin") == "*"
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        for name in ("openid-configuration", "oauth-authorization-server"):
            assert world.get(f"/.well-known/{name}", headers).body == plain.body
    again = world.get("/.well-known/openid-configuration", {"If-None-Match": plain.header("ETag") or ""})
    assert (again.status, again.body) == (304, b"")


def test_an_internal_address_is_used_for_the_back_channel_alone(make_world: MakeWorld) -> None:
    """MD-1: issuer and authorize stay; a host that is not listed changes nothing."""
    world = make_world(internal_urls=("http://authserver:8000",))
    found = world.get("/.well-known/openid-configuration", {"Host": "authserver:8000"}).json()
    assert (found["issuer"], found["authorization_endpoint"]) == (world.url, f"{world.url}/oauth/authorize")
    for name in ("token", "userinfo", "introspection", "revocation"):
        assert found[f"{name}_endpoint"].startswith("http://authserver:8000/oauth/")
    assert found["jwks_uri"] == "http://authserver:8000/.well-known/jwks.json"
    assert found["end_session_endpoint"].startswith(world.url)
    stranger = world.get("/.well-known/openid-configuration", {"Host": "elsewhere:8000"}).json()
    assert stranger["jwks_uri"].startswith(world.url)


def test_discovery_lists_what_works_now_and_nothing_else(world: World) -> None:
    """MD-3: a setting that changes what is served changes the document."""
    found = metadata(world.issuer, world.url)
    assert found["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert found["acr_values_supported"][0] == "pwd"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["id_token_signing_alg_values_supported"][0] == "ES256"
    for absent in ("pushed_authorization_request_endpoint", "device_authorization_endpoint"):
        assert absent not in found
    for endpoint in ("authorization", "token", "userinfo", "introspection", "revocation", "end_session"):
        reply = world.get(found[f"{endpoint}_endpoint"].removeprefix(world.url))
        assert reply.status != 404, endpoint
    world.set(languages=["de"], id_token_alg="RS256")
    changed = metadata(world.issuer, world.url)
    assert changed["ui_locales_supported"] == ["de"]
    assert changed["id_token_signing_alg_values_supported"][0] == "RS256"


def test_the_jwks_has_public_members_only(world: World) -> None:
    """MD-4: kid, use, alg; cached five minutes; nothing at a private path."""
    reply = world.get("/.well-known/jwks.json")
    assert "max-age=300" in (reply.header("Cache-Control") or "")
    for key in reply.json()["keys"]:
        assert {"kid", "use", "alg", "kty"} <= key.keys()
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
    for path in ("/.well-known/jwks-private.json", "/keys/master.key", "/.well-known/jwks.json/"):
        assert world.get(path).status == 404


def test_origins_of_clients_may_read_answers_and_strangers_may_not(world: World) -> None:
    """WEB-7: on success and on error, never with credentials; a preflight knows no client."""
    world.add_client("spa", public=True, redirect_uris=["https://spa.example/cb"])
    world.add_client("web", redirect_uris=["https://web.example/cb"])
    cases = [("https://spa.example", "spa", True), ("https://web.example", "spa", False)]
    for origin, client, allowed in [*cases, ("https://evil.example", "spa", False)]:
        reply = world.post(
            "/oauth/token", {"grant_type": "refresh_token", "client_id": client}, {"Origin": origin}
        )
        assert reply.header("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert reply.header("Access-Control-Allow-Credentials") is None
        assert reply.header("Vary") == "Origin"
    for origin, allowed in (("https://spa.example", True), ("https://evil.example", False)):
        reply = world.send("OPTIONS", f"{world.url}/oauth/token", {"Origin": origin}, None)
        assert reply.status == 204
        assert reply.header("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert (
        world.get("/oauth/authorize", {"Origin": "https://spa.example"}).header("Access-Control-Allow-Origin")
        is None
    )


def test_an_identified_client_shares_no_answer_with_origins_of_others(world: World) -> None:
    """WEB-7: named by Basic, by an assertion or by its token, a client's answer is for its own pages."""
    ada = world.add_user()
    web = world.add_client("web", origins=["https://web.example"])
    world.add_client("spa", public=True, redirect_uris=["https://spa.example/cb"])
    tokens = tokens_of(world, web, ada)
    form, basic = web.credentials()
    for origin, allowed in (("https://web.example", True), ("https://spa.example", False)):
        echoed = origin if allowed else None
        reply = world.post("/oauth/token", [*form, ("grant_type", "x")], {**basic, "Origin": origin})
        assert reply.header("Access-Control-Allow-Origin") == echoed
        for token, status in ((tokens.access_token, 200), (f"{tokens.access_token[:-4]}AAAA", 401)):
            shown = {"Authorization": f"Bearer {token}", "Origin": origin}
            reply = world.get("/oauth/userinfo", shown)
            assert (reply.status, reply.header("Access-Control-Allow-Origin")) == (status, echoed)
    nobody = world.get("/oauth/userinfo", {"Origin": "https://spa.example"})
    assert nobody.header("Access-Control-Allow-Origin") == "https://spa.example"


def test_development_says_which_line_makes_an_address_ours(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """MD-1: once for each host, and only what can be a host."""
    for host in ("authserver:8000", "authserver:8000", 'x"]\nforged'):
        world.get("/.well-known/openid-configuration", {"Host": host})
    assert caplog.text.count('internal_urls = ["http://authserver:8000"]') == 1
    assert "forged" not in caplog.text
