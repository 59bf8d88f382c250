"""A request that succeeds for every route there is: bad input begins where a good request ends."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from authserver.once import open_ticket
from authserver.web.edge import ROUTES
from authserver.web.guards import Guard, table
from tests.agent import Browser, query_of
from tests.flow.admin import Admin, admin
from tests.flow.json_login import ORIGIN, App, app_in
from tests.flow.world import CALLBACK, Resident, World
from tests.oidc import RelyingParty, Tokens, sign_in
from tests.wire import FORM, Reply

Pairs = tuple[tuple[str, str], ...]
JSON = "application/json"
UNTOLD = " as it comes"  # of a route that has no sample of its own: it may be refused, and often is


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Query and form hold what goes over the wire, escaped already."""

    method: str
    path: str
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Pairs | None = None
    data: Any = None

    @property
    def body(self) -> bytes | None:
        if self.data is not None:
            return json.dumps(self.data).encode()
        return None if self.form is None else joined(self.form).encode("latin-1")


def joined(pairs: Pairs) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def escaped(pairs: Mapping[str, str] | list[tuple[str, str]]) -> Pairs:
    found = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple((quote_plus(name), quote_plus(value)) for name, value in found)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class House:
    """Who lives in the world, and one good request for each of its routes."""

    world: World
    person: Resident
    web: RelyingParty
    signed: RelyingParty
    visitor: Browser
    tokens: Tokens
    administrator: Admin
    app: App
    samples: Mapping[str, Sample]

    def __repr__(self) -> str:
        return "house"

    def send(self, sample: Sample) -> Reply:
        return self.world.ask(
            sample.method, sample.path, joined(sample.query), dict(sample.headers), sample.body
        )


def furnished(world: World) -> House:
    person = world.add_user("ada@example.org")
    web = world.add_client(scope="openid profile email groups offline_access", first_party=True)
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks = {"keys": [public | {"kid": "1", "use": "sig", "alg": "ES256"}]}
    world.add_client("signed", auth_method="private_key_jwt", jwks=jwks)
    visitor = world.browser()
    app = app_in(world, origins=[ORIGIN], access_token_lifetime=86_400)
    app.entered(app.login(world.add_user("grace@example.org")))
    house = House(
        world=world,
        person=person,
        web=web,
        signed=world.party("signed", auth="private_key_jwt", key=key),
        visitor=visitor,
        tokens=sign_in(visitor, web, person),
        administrator=admin(world),
        app=app,
        samples={},
    )
    return replace(house, samples=machines(house) | own(house) | pages(house) | administration(house))


def machines(house: House) -> dict[str, Sample]:
    """What programs ask: the edge's own rows."""
    found = {
        f"GET {path}": Sample(method="GET", path=path) for path in ROUTES if "GET" in ROUTES[path].methods
    }
    _, credentials = house.web.credentials()
    headers = {"Content-Type": FORM, **credentials}
    tokens = house.tokens
    assert tokens.refresh_token
    forms = {
        "refresh": ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}),
        "code": (
            "/oauth/token",
            {
                "grant_type": "authorization_code",
                "code": "not.a-code",
                "redirect_uri": CALLBACK,
                "code_verifier": "v" * 43,
            },
        ),
        "client": ("/oauth/token", {"grant_type": "client_credentials", "scope": "notes:read"}),
        "introspect": ("/oauth/introspect", {"token": tokens.access_token}),
        "introspect a refresh token": ("/oauth/introspect", {"token": tokens.refresh_token}),
        # What would be revoked is another's, so that the next example finds it alive.
        "revoke": ("/oauth/revoke", {"token": "as_rt1_nobodys", "token_type_hint": "refresh_token"}),
    }
    for name, (path, form) in forms.items():
        found[f"POST {path} {name}"] = Sample(method="POST", path=path, headers=headers, form=escaped(form))
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": house.signed.assertion(),
        "token": tokens.access_token,
    }
    found["POST /oauth/introspect assertion"] = Sample(
        method="POST", path="/oauth/introspect", headers={"Content-Type": FORM}, form=escaped(assertion)
    )
    for path in ROUTES:
        if path.startswith("/api/"):
            # Wrong in the end, so that the next example finds the house as it was.
            data = {
                "client_id": house.app.client_id,
                "username": house.person.email,
                "password": "not this one at all",
                "scope": "openid",
                "mfa_token": tokens.access_token,
                "method": "totp",
                "code": "123456",
                "conflict_token": tokens.access_token,
                "session_id": "0" * 32,
            }
            found[f"POST {path}"] = Sample(
                method="POST", path=path, headers={"Content-Type": JSON, "Origin": ORIGIN}, data=data
            )
    bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    found["GET /oauth/userinfo"] = Sample(method="GET", path="/oauth/userinfo", headers=bearer)
    found["POST /oauth/userinfo"] = Sample(
        method="POST", path="/oauth/userinfo", headers={"Content-Type": FORM, **bearer}, form=()
    )
    return found


def own(house: House) -> dict[str, Sample]:
    """What an app asks for who is signed in to it; wrong enough that they stay so, as they are."""
    headers = {"Authorization": f"Bearer {house.app.bearer}", "Origin": ORIGIN}
    given: Mapping[str, Any] = {
        "/api/users/me/mfa/enroll": {"method": "totp"},
        "/api/users/me/mfa/confirm": {"code": "123456"},
        "/api/users/me/mfa/disable": {"password": "not this one at all", "code": "123456"},
    }
    found = {}
    for row in table(house.world.app.flask):
        if row.demand is None or row.demand.guard is not Guard.OWN:
            continue
        for method in row.methods:
            path = re.sub(r"<[^>]*>", "x", row.path)
            data, named = given.get(path), dict(headers)
            if data is not None:
                named["Content-Type"] = JSON
            if (method, path) == ("DELETE", "/api/session"):
                named["Authorization"] = "Bearer nobodys"
            found[f"{method} {path}"] = Sample(method=method, path=path, headers=named, data=data)
    return found


def pages(house: House) -> dict[str, Sample]:
    """What people ask, signed in, with the token that their forms carry."""
    world, visitor = house.world, house.visitor
    newcomer = world.browser()
    asked = house.web.begin(prompt="login", claims='{"userinfo":{"email":null}}', ui_locales="en")
    form = newcomer.open(asked.url).page.form("Sign in")
    sign_out = visitor.open("/logout").page.form("Sign out")
    token = dict(sign_out.fields())["csrf_token"]
    asking = visitor.open(world.add_client("third").begin().url).page.form("Allow")
    leaving = visitor.open("/oauth/logout?client_id=web").page.form("Sign out")
    with world.writing() as db:
        ticket = open_ticket(
            db,
            world.issuer.roots,
            "setup",
            key="first-owner",
            now=world.clock(),
            expires_at=world.clock().replace(year=2030),
        )
    tx = dict(form.fields())["tx"]
    signing_out = {
        "id_token_hint": house.tokens.id_token or "",
        "client_id": "web",
        "post_logout_redirect_uri": "https://app.example/goodbye",
        "state": "s",
        "ui_locales": "en",
    }
    csrf = {"csrf_token": token}
    posts: dict[str, Mapping[str, str]] = {
        "/account": csrf | {"name": "Ada Lovelace"},
        # Refused as too short, so that the next example's session still stands.
        "/account/password": csrf | {"new": "short"},
        "/oauth/consent": dict(asking.fields()) | {"choice": "deny"},
        "/oauth/logout/confirm": dict(leaving.fields()) | {"choice": "stay"},
        f"/setup/{ticket}": csrf | {"email": "x@example.org", "name": "X", "password": "short"},
    }
    found = {
        f"POST {path}": of_browser(visitor, "POST", path, form=escaped(fields))
        for path, fields in posts.items()
    }
    found["POST /account/apps/withdraw"] = of_browser(
        visitor, "POST", "/account/apps/withdraw", query=(("app", "nothing"),), form=escaped(csrf)
    )
    for path, more in (("/login/account", {"choice": "other"}), ("/login/password", {"password": "x"})):
        found[f"POST {path}"] = of_browser(newcomer, "POST", path, form=escaped(dict(form.fields()) | more))
    filled = form.fields({"username": house.person.email, "password": "not this one at all"})
    found["POST /login"] = of_browser(newcomer, "POST", "/login", form=escaped(filled))
    stranger = world.browser()
    found["POST /logout"] = of_browser(stranger, "POST", "/logout", form=escaped(csrf))
    authorize = escaped(query_of(asked.url))
    gets: dict[str, Pairs] = {
        "/oauth/authorize": authorize,
        "/oauth/authorize/resume": (("tx", "0" * 32),),
        "/oauth/consent": (("tx", dict(asking.fields())["tx"]),),
        "/language": (("to", "de"), ("return", "/login")),
        "/account/apps/withdraw": (("app", "web"),),
        f"/setup/{ticket}": (),
    }
    # Not of the visitor's browser: the hint would end the session that the other samples need.
    found["GET /oauth/logout"] = of_browser(stranger, "GET", "/oauth/logout", query=escaped(signing_out))
    for path in ("/login", "/login/again", "/login/choose", "/login/account"):
        query = (("tx", tx), ("return_to", "/account"))
        found[f"GET {path}"] = of_browser(newcomer, "GET", path, query=query)
    for path, query in gets.items():
        found[f"GET {path}"] = of_browser(visitor, "GET", path, query=query)
    for path, pairs in (("/oauth/authorize", authorize), ("/oauth/logout", escaped(signing_out))):
        found[f"POST {path}"] = of_browser(visitor, "POST", path, form=pairs)
    return found | untold(house, found, csrf)


def untold(house: House, told: Mapping[str, Sample], csrf: Mapping[str, str]) -> dict[str, Sample]:
    """Every other route of people, asked with nothing but the token that forms carry."""
    known, found = {(sample.method, sample.path) for sample in told.values()}, {}
    for row in table(house.world.app.flask):
        if row.demand is None or row.demand.guard in {Guard.ADMIN, Guard.OWN}:
            continue
        path = re.sub(r"<[^>]*>", "x", row.path)
        for method in row.methods:
            if (method, path) not in known:
                form = None if method == "GET" else escaped(csrf)
                found[f"{method} {path}{UNTOLD}"] = of_browser(house.visitor, method, path, form=form)
    return found


def administration(house: House) -> dict[str, Sample]:
    """What administrators' programs ask; ids are nobody's, so that the house stays as it is."""
    given: Mapping[str, Any] = {
        "/api/admin/clients": {
            "name": "X",
            "client_id": "x",
            "redirect_uris": [CALLBACK],
            "scopes": ["openid"],
        },
        "/api/admin/users": {"email": "not an address", "name": "X", "groups": [], "attributes": {}},
        "/api/admin/apis": {"name": "X", "identifier": "no URI", "scopes": [{"name": "a", "sentences": {}}]},
    }
    found = {}
    for row in table(house.world.app.flask):
        if row.demand is None or row.demand.guard is not Guard.ADMIN:
            continue
        for method in row.methods:
            path = re.sub(r"<[^>]*>", "x", row.path)
            headers = {"Authorization": f"Bearer {house.administrator.text}", "If-Match": "*"}
            data = None
            if method in {"POST", "PATCH"}:
                headers["Content-Type"] = JSON
                data = given.get(path, {"name": 5, "value": None})
            found[f"{method} {path}"] = Sample(method=method, path=path, headers=headers, data=data)
    return found


def of_browser(
    browser: Browser, method: str, path: str, *, query: Pairs = (), form: Pairs | None = None
) -> Sample:
    url = browser.home + path
    headers = browser._headers(method, url, [url], browser.home, "null")
    return Sample(method=method, path=path, query=query, headers=headers, form=form)
