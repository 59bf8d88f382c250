"""How clients prove themselves: the same on every endpoint."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from authserver.apis import edit as apis
from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.store import Hot, bump
from tests.flow.test_code import tokens_of
from tests.flow.world import World
from tests.oidc import OAuthError, RelyingParty, random_text

ENDPOINTS = ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def party_for(world: World, method: str, key: ec.EllipticCurvePrivateKey) -> RelyingParty:
    given: dict[str, Any] = {"auth_method": method} if method != "none" else {"public": True}
    if method == "private_key_jwt":
        given["jwks"] = {"keys": [ECAlgorithm.to_jwk(key.public_key(), as_dict=True)]}
    if method != "none":
        given["grant_types"] = ["authorization_code", "refresh_token", "client_credentials"]
    party = world.add_client(f"client-{method}", **given)
    party.key = key
    party.auth = method  # type: ignore[assignment]
    return party


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("registered", METHODS)
def test_only_the_registered_method_works_on_every_endpoint(
    world: World, endpoint: str, registered: str
) -> None:
    """CL-1: matrix endpoint x method; a client that names itself without its secret is nobody."""
    party = party_for(world, registered, ec.generate_private_key(ec.SECP256R1()))
    party.secret = party.secret or random_text()
    form = {"grant_type": "client_credentials", "token": "x"}
    for used in METHODS:
        party.auth = used  # type: ignore[assignment]
        reply = party.call(endpoint, form)
        if used != registered:
            assert (reply.status, reply.json()["error"]) == (401, "invalid_client"), used
        elif registered == "none":
            assert reply.status in {200, 400}, reply.body
        else:
            assert reply.status == 200, reply.body


def test_two_ways_at_once_are_refused(world: World) -> None:
    """CL-2: also a client_id that is not the authenticated one's."""
    party = party_for(world, "client_secret_basic", ec.generate_private_key(ec.SECP256R1()))
    form = {"grant_type": "client_credentials"}
    for more in (
        {"client_secret": party.secret, "client_id": party.client_id},
        {"client_assertion": "x.y.z", "client_assertion_type": ASSERTION},
        {"client_id": "somebody-else"},
    ):
        reply = party.token(form | more)
        assert reply.json()["error"] in {"invalid_request", "invalid_client"}
        assert reply.status in {400, 401}
    assert party.token(form | {"client_id": party.client_id}).status == 200


CLAIMS: list[tuple[str, dict[str, Any], bool]] = [
    ("rfc7523-3-as-it-should-be", {}, True),
    ("iss-is-another", {"iss": "other"}, False),
    ("sub-is-another", {"sub": "other"}, False),
    ("no-exp", {"exp": None}, False),
    ("no-jti", {"jti": None}, False),
    ("jti-too-long", {"jti": "x" * 129}, False),
    ("jti-is-a-number", {"jti": 7}, False),
    ("no-aud", {"aud": None}, False),
    ("aud-is-a-list", {"aud": ["{issuer}"]}, False),
    ("aud-is-a-list-with-a-stranger", {"aud": ["{issuer}", "https://evil.example"]}, False),
    ("aud-is-the-token-endpoint", {"aud": "{issuer}/oauth/token"}, False),
    ("aud-with-a-slash", {"aud": "{issuer}/"}, False),
    ("aud-is-foreign", {"aud": "https://evil.example"}, False),
]


@pytest.mark.parametrize(("claims", "works"), [(c, w) for _, c, w in CLAIMS], ids=[i for i, _, _ in CLAIMS])
def test_an_assertion_says_who_for_whom_and_until_when(
    world: World, claims: dict[str, Any], works: bool
) -> None:
    """CL-3, CL-4: aud is the issuer as one string."""
    party = party_for(world, "private_key_jwt", ec.generate_private_key(ec.SECP256R1()))
    filled = {
        name: [v.format(issuer=world.url) for v in value]
        if isinstance(value, list)
        else (value.format(issuer=world.url) if isinstance(value, str) else value)
        for name, value in claims.items()
    }
    reply = send(party, party.assertion(**filled))
    assert (reply.status == 200) is works, reply.body
    if not works:
        assert reply.json()["error"] == ("invalid_request" if claims.get("sub") else "invalid_client")


TIMES = [
    ("exp", 300, True),
    ("exp", 301, False),
    ("exp", -59, True),
    ("exp", -61, False),
    ("iat", 10, True),
    ("iat", 61, False),
    ("nbf", 10, True),
    ("nbf", 61, False),
]


@pytest.mark.parametrize(("claim", "ahead", "works"), TIMES)
def test_times_of_an_assertion(world: World, claim: str, ahead: int, works: bool) -> None:
    """CL-3, OPS-7: 10 s ahead accepted, more than 60 s refused; exp at most 5 minutes ahead."""
    party = party_for(world, "private_key_jwt", ec.generate_private_key(ec.SECP256R1()))
    reply = send(party, party.assertion(**{claim: int(world.clock.now()) + ahead}))
    assert (reply.status == 200) is works, reply.body


def send(party: RelyingParty, assertion: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }
    party.auth = "none"
    return party.token({k: v for k, v in form.items() if k != "client_id"})


def test_an_assertion_works_once(world: World) -> None:
    """CL-5, CVE-22: the second use is a replay, on any endpoint, until its end and the skew have passed."""
    party = party_for(world, "private_key_jwt", ec.generate_private_key(ec.SECP256R1()))
    assertion = party.assertion()
    assert send(party, assertion).status == 200
    again = send(party, assertion)
    assert (again.status, again.json()["error"]) == (401, "invalid_client")
    assert world.explain(again.json()["reference"]).rule == "assertion_replayed"


def test_the_legacy_switch_takes_the_endpoints_address_and_is_audited(world: World) -> None:
    """CL-4: per client."""
    party = party_for(world, "private_key_jwt", ec.generate_private_key(ec.SECP256R1()))
    with world.writing() as db:
        clients.edit(db, world.issuer, party.client_id, {"legacy_audience": True}, by=SYSTEM)
    assert send(party, party.assertion(aud=f"{world.url}/oauth/token")).status == 200
    assert send(party, party.assertion(aud=[f"{world.url}/oauth/token"])).status == 401
    assert world.events("assertion_legacy_audience")


def test_secrets_are_long_kept_as_digests_and_two_may_overlap(world: World) -> None:
    """CL-6: the old one works until its end, non-ASCII guesses are just wrong."""
    party = world.add_client(grant_types=["client_credentials"], redirect_uris=[], scope="")
    assert len(party.secret) >= 43
    old = party.secret
    with world.writing() as db:
        new = clients.rotate_secret(
            db, world.issuer, party.client_id, keep_old_for=timedelta(hours=1), by=SYSTEM
        )
    for secret, status in ((old, 200), (new.reveal(), 200), ("ü" * 20, 401), ("", 401)):
        party.secret = secret
        assert party.token({"grant_type": "client_credentials"}).status == status
    world.clock.advance(hours=1, seconds=1)
    party.secret = old
    assert party.token({"grant_type": "client_credentials"}).status == 401


@pytest.mark.parametrize(
    "change", [{"active": False}, {"auth_method": "client_secret_post"}], ids=["disabled", "method"]
)
def test_a_header_that_was_right_is_wrong_as_soon_as_its_client_moves(
    world: World, change: dict[str, object]
) -> None:
    """CL-1: what was proved holds for the client as it was."""
    party = world.add_client(grant_types=["client_credentials"], redirect_uris=[], scope="")
    form = {"grant_type": "client_credentials"}
    assert [party.token(form).status for _ in range(2)] == [200, 200]
    assert party.token(form | {"client_secret": party.secret}).status == 400
    assert party.token(form | {"client_id": "another"}).status == 400
    with world.writing() as db:
        clients.edit(db, world.issuer, party.client_id, change, by=SYSTEM)
    assert party.token(form).status == 401


def test_a_client_without_a_secret_that_lives_is_nobody(world: World) -> None:
    """CL-6: what stands in for the comparison opens nothing."""
    party = world.add_client(grant_types=["client_credentials"], redirect_uris=[], scope="")
    with world.writing() as db:
        db.hot(Hot("UPDATE client_secrets SET expires_at = :past"), {"past": db.time(world.clock())}).close()
        bump(db, "clients")
    for secret in (party.secret, "no client has this secret"):
        party.secret = secret
        assert party.token({"grant_type": "client_credentials"}).status == 401


BASIC = [
    "Basic",
    "Basic ",
    "Basic " + base64.b64encode(b"no-colon").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Basic " + base64.b64encode(b":").decode(),
    "Basic " + base64.b64encode(b"web:%zz").decode(),
    "Basic " + base64.b64encode(b"web:%ff").decode(),
    "Basic " + base64.b64encode(b"web%00:x").decode(),
    "Basic !!!",
    "Basic d2Vi\tOng=",
    "Bearer abc",
    "basic",
    "",
    "Digest username=x",
]


@pytest.mark.parametrize("header", BASIC)
def test_broken_credentials_are_a_401_never_a_500(world: World, header: str) -> None:
    """CL-7: with WWW-Authenticate."""
    world.add_client()
    reply = world.post("/oauth/token", {"grant_type": "client_credentials"}, {"Authorization": header})
    assert (reply.status, reply.json()["error"]) == (401, "invalid_client")
    assert (reply.header("WWW-Authenticate") or "").startswith("Basic")


def test_basic_credentials_are_form_decoded(world: World) -> None:
    """CL-7: an escaped name is the name; RFC 6749 §2.3.1."""
    party = world.add_client("a.b", grant_types=["client_credentials"], redirect_uris=[])
    for name in ("a.b", "a%2Eb", "%61.b"):
        pair = base64.b64encode(f"{name}:{party.secret}".encode()).decode()
        reply = world.post(
            "/oauth/token", {"grant_type": "client_credentials"}, {"Authorization": f"Basic {pair}"}
        )
        assert reply.status == 200


def test_an_unknown_client_looks_like_a_wrong_secret(world: World) -> None:
    """CL-8: same status, body and headers."""
    party = world.add_client()
    known = RelyingParty(issuer=world.url, client_id=party.client_id, secret=random_text())
    unknown = RelyingParty(issuer=world.url, client_id="nobody", secret=random_text())
    replies = [each.token({"grant_type": "refresh_token"}) for each in (known, unknown)]
    bodies = [{k: v for k, v in reply.json().items() if k != "reference"} for reply in replies]
    assert bodies[0] == bodies[1]
    assert replies[0].status == replies[1].status == 401
    assert "exist" not in bodies[0]["error_description"]


def test_public_clients_may_neither_act_for_themselves_nor_introspect(world: World) -> None:
    """CL-9, TK-8."""
    party = world.add_client(public=True)
    with pytest.raises(OAuthError, match="unauthorized_client"):
        party.client_credentials()
    with pytest.raises(OAuthError, match="unauthorized_client"):
        party.introspect("x")


def test_client_credentials_speak_for_the_client_alone(world: World) -> None:
    """TK-8: sub is the client, no refresh token, no openid, nobody authenticated."""
    party = world.add_client(grant_types=["client_credentials"], redirect_uris=[], scope="openid")
    tokens = party.client_credentials()
    claims = party.verify_access_token(tokens.access_token, world.url)
    assert claims["sub"] == claims["client_id"] == party.client_id
    assert tokens.refresh_token is None
    assert tokens.id_token is None
    assert not claims.keys() & {"amr", "acr", "auth_time", "sid"}
    for scope in ("openid", "profile", "offline_access", "unknown"):
        with pytest.raises(OAuthError, match="invalid_scope"):
            party.client_credentials(scope)
    with pytest.raises(OAuthError, match="insufficient_scope"):
        party.userinfo(tokens.access_token)
    ada = world.add_user()
    assert party.client_id != ada.subject


def test_a_client_credentials_token_ends_with_its_client(world: World) -> None:
    """TK-8: introspection reads client status and revoked tokens."""
    party = world.add_client(grant_types=["client_credentials"], redirect_uris=[], scope="")
    first, second = party.client_credentials(), party.client_credentials()
    assert party.introspect(first.access_token)["active"] is True
    assert party.revoke(first.access_token).status == 200
    assert party.introspect(first.access_token) == {"active": False}
    assert party.introspect(second.access_token)["active"] is True


def test_a_client_that_asks_too_often_waits(world: World) -> None:
    """RL-3: a bucket in the process; others are not touched."""
    world.set(client_requests=5)
    party, other = (
        world.add_client(name, grant_types=["client_credentials"], redirect_uris=[]) for name in ("a1", "b1")
    )
    replies = [party.token({"grant_type": "client_credentials"}) for _ in range(40)]
    refused = [reply for reply in replies if reply.status == 429]
    assert refused
    assert int(refused[0].header("Retry-After") or 0) >= 1
    assert other.token({"grant_type": "client_credentials"}).status == 200


def test_tokens_of_a_person_need_the_right_party(world: World) -> None:
    """RS-5: introspection tells the token's own client and the resource server it is for; nobody else."""
    ada, web, stranger = world.add_user(), world.add_client(), world.add_client("stranger")
    with world.writing() as db:
        about = {"identifier": "https://grades.example", "name": "Grades", "is_default": True}
        apis.add(db, world.issuer, about, by=SYSTEM)
    tokens = tokens_of(world, web, ada)
    own = web.introspect(tokens.access_token)
    assert own["active"] is True
    assert (own["sub"], own["client_id"], own["amr"]) == (ada.subject, "web", ["pwd"])
    assert stranger.introspect(tokens.access_token) == {"active": False}
    with world.writing() as db:
        clients.edit(db, world.issuer, "stranger", {"serves": ["https://grades.example"]}, by=SYSTEM)
    assert stranger.introspect(tokens.access_token)["active"] is True
