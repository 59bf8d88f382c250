"""A small strict relying party: OpenID Connect as a client must read it, on PyJWT and nothing of ours."""

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.agent import Browser, Visit, query_of
from tests.pages import Form
from tests.wire import Fields, Reply, post, send

__all__ = ["Browser", "OAuthError", "Person", "RelyingParty", "Request", "Tokens", "answer_pages", "sign_in"]

Auth = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
SKEW = 5


class OAuthError(Exception):
    """The server refused, with one of the error codes of its specification."""

    def __init__(self, error: str, description: str = "", status: int = 0) -> None:
        super().__init__(f"{status or ''} {error}: {description}".strip())
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in."""

    email: str
    password: str
    name: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One authorization request, and what the client remembers of it."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A token response whose ID token was verified."""

    access_token: str
    scope: str
    refresh_token: str | None
    id_token: str | None
    claims: dict[str, Any]
    answer: dict[str, Any]


def random_text() -> str:
    return secrets.token_urlsafe(32)


def challenge_of(verifier: str) -> str:
    return unpadded(hashlib.sha256(verifier.encode()).digest())


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(slots=True, kw_only=True)
class RelyingParty:
    """One client: `begin` a request, read what `returned`, `redeem` the code, `refresh`; all is checked."""

    issuer: str
    client_id: str
    redirect_uri: str = "https://app.example/callback"
    secret: str = ""
    auth: Auth = "client_secret_basic"
    key: ec.EllipticCurvePrivateKey | None = None
    scope: str = "openid profile email"
    id_token_alg: str = "ES256"
    now: Callable[[], float] = time.time
    tls: ssl.SSLContext | None = None
    known: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        """Discovery, read once."""
        if not self.known:
            found = send("GET", f"{self.issuer}/.well-known/openid-configuration", tls=self.tls).json()
            assert found["issuer"] == self.issuer, found["issuer"]
            self.known.update(found)
        return self.known

    # The front channel

    def begin(self, **parameters: str) -> Request:
        """An authorization request with PKCE, state and nonce; a parameter given as "" is left out."""
        state, nonce, verifier = random_text(), random_text(), random_text()
        given = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        } | parameters
        sent = {name: value for name, value in given.items() if value != ""}
        return Request(
            url=f"{self.metadata['authorization_endpoint']}?{urlencode(sent)}",
            state=given["state"],
            nonce=given["nonce"],
            verifier=verifier,
        )

    def returned(self, request: Request, url: str) -> dict[str, str]:
        """The parameters that came back to the redirect URI; an error among them is raised."""
        assert url.partition("?")[0] == self.redirect_uri.partition("?")[0], f"sent to {url}"
        assert "#" not in url, url
        return self.checked(request, query_of(url))

    def checked(self, request: Request, answer: dict[str, str]) -> dict[str, str]:
        assert answer.get("state", "") == request.state, answer
        assert answer.get("iss") == self.issuer, answer
        if "error" in answer:
            raise OAuthError(answer["error"], answer.get("error_description", ""))
        assert answer["code"]
        return answer

    # The back channel

    def token(self, form: Fields, headers: Mapping[str, str] | None = None) -> Reply:
        """The token endpoint's bare answer to this form, with our authentication."""
        return self.call("token_endpoint", form, headers)

    def call(self, endpoint: str, form: Fields, headers: Mapping[str, str] | None = None) -> Reply:
        """A form to an endpoint of discovery, authenticated as registered."""
        ours, credentials = self.credentials()
        pairs = [*(form.items() if isinstance(form, Mapping) else form), *ours]
        return post(self.metadata[endpoint], pairs, {**credentials, **(headers or {})}, self.tls)

    def credentials(self) -> tuple[list[tuple[str, str]], dict[str, str]]:
        """What the registered method adds to form and headers."""
        match self.auth:
            case "client_secret_basic":
                pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
                return [], {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
            case "client_secret_post":
                return [("client_id", self.client_id), ("client_secret", self.secret)], {}
            case "private_key_jwt":
                kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                return [("client_assertion_type", kind), ("client_assertion", self.assertion())], {}
            case "none":
                return [("client_id", self.client_id)], {}

    def assertion(self, **changed: Any) -> str:
        """A client assertion of RFC 7523; a claim changed to None is left out."""
        assert self.key is not None
        now = int(self.now())
        claims: dict[str, Any] = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": random_text(),
        }
        claims |= {"iat": now, "exp": now + 60} | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.key, "ES256", {"typ": "client-authentication+jwt"})

    def redeem(self, request: Request, code: str, **changed: str) -> Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": request.verifier,
        } | changed
        return self.tokens(self.token(form), nonce=request.nonce)

    def refresh(self, token: Tokens | str, **changed: str) -> Tokens:
        before = token.refresh_token if isinstance(token, Tokens) else token
        assert before
        form = {"grant_type": "refresh_token", "refresh_token": before} | changed
        tokens = self.tokens(self.token(form))
        if isinstance(token, Tokens) and tokens.id_token:
            for claim in ("iss", "sub", "aud", "auth_time", "amr", "acr", "sid"):
                assert tokens.claims.get(claim) == token.claims.get(claim), claim
        return tokens

    def client_credentials(self, scope: str = "", **changed: str) -> Tokens:
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {}) | changed
        return self.tokens(self.token(form))

    def tokens(self, reply: Reply, nonce: str = "") -> Tokens:
        """Read a token response as RFC 6749 §5 has it."""
        answer = self.result(reply)
        assert answer["token_type"] == "Bearer"
        assert isinstance(answer["expires_in"], int)
        id_token = answer.get("id_token")
        claims = self.verify_id_token(id_token, answer["access_token"], nonce) if id_token else {}
        return Tokens(
            access_token=answer["access_token"],
            scope=answer.get("scope", ""),
            refresh_token=answer.get("refresh_token"),
            id_token=id_token,
            claims=claims,
            answer=answer,
        )

    def result(self, reply: Reply) -> dict[str, Any]:
        """The JSON of a machine endpoint; its error is raised."""
        assert (reply.header("Content-Type") or "").partition(";")[0] == "application/json", reply
        assert "no-store" in (reply.header("Cache-Control") or ""), reply.headers
        answer: dict[str, Any] = reply.json()
        if reply.status != 200:
            raise OAuthError(answer["error"], answer.get("error_description", ""), reply.status)
        return answer

    def introspect(self, token: str, **more: str) -> dict[str, Any]:
        return self.result(self.call("introspection_endpoint", {"token": token} | more))

    def revoke(self, token: str, **more: str) -> Reply:
        return self.call("revocation_endpoint", {"token": token} | more)

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """The claims about the person; 401 and 403 are raised with their code."""
        headers = {"Authorization": f"Bearer {access_token}"}
        reply = send("GET", self.metadata["userinfo_endpoint"], headers, tls=self.tls)
        if reply.status != 200:
            raise OAuthError(challenge_error(reply), status=reply.status)
        claims: dict[str, Any] = reply.json()
        return claims

    def logout_url(self, **parameters: str) -> str:
        return f"{self.metadata['end_session_endpoint']}?{urlencode(parameters)}"

    # Verification

    def verify_id_token(self, token: str, access_token: str = "", nonce: str = "") -> dict[str, Any]:
        """OpenID Connect Core §3.1.3.7 and §3.1.3.8."""
        claims = self.verified(token, audience=self.client_id, typ="JWT", alg=self.id_token_alg)
        assert claims["aud"] == self.client_id
        assert claims.get("azp", self.client_id) == self.client_id
        assert claims.get("nonce") == (nonce or None), claims.get("nonce")
        assert isinstance(claims["auth_time"], int)
        assert isinstance(claims["amr"], list)
        if access_token:
            digest = hashlib.sha256(access_token.encode("ascii")).digest()
            assert claims["at_hash"] == unpadded(digest[:16])
        return claims

    def verify_access_token(self, token: str, audience: str) -> dict[str, Any]:
        """RFC 9068 §4, as the API named by `audience` does it."""
        claims = self.verified(token, audience=audience, typ="at+jwt", alg="ES256")
        assert {"jti", "client_id"} <= set(claims)
        return claims

    def verified(self, token: str, *, audience: str, typ: str, alg: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        assert header["alg"] == alg
        assert header.get("typ") == typ, header
        claims: dict[str, Any] = jwt.decode(
            token,
            self.key_of(header["kid"]),
            algorithms=[alg],
            audience=audience,
            issuer=self.issuer,
            # The test's clock decides, not the machine's.
            options={
                "require": ["exp", "iat", "iss", "aud", "sub"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        assert claims["iat"] - SKEW <= self.now() <= claims["exp"] + SKEW, claims
        return claims

    def key_of(self, kid: str) -> jwt.PyJWK:
        """The published key of this id; the set is read again when it is unknown."""
        if kid not in self.keys:
            published = send("GET", self.metadata["jwks_uri"], tls=self.tls).json()
            self.keys.update({key["kid"]: jwt.PyJWK(key) for key in published["keys"]})
        return self.keys[kid]


def challenge_error(reply: Reply) -> str:
    """The error of a WWW-Authenticate header (RFC 6750 §3)."""
    header = reply.header("WWW-Authenticate") or ""
    assert header.startswith("Bearer"), header
    return header.partition('error="')[2].partition('"')[0]


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def consent_form(forms: list[Form]) -> Form | None:
    return next((form for form in forms if any("allow" in b.words.lower() for b in form.buttons)), None)


def answer_pages(browser: Browser, visit: Visit, person: Person) -> Visit:
    """Do what the pages ask, as this person would, until the browser is sent back to the app."""
    for _ in range(5):
        if visit.left_for is not None or visit.status != 200:
            return visit
        forms = visit.page.forms
        if password := next((form for form in forms if form.has("password")), None):
            filled = {password.named(kind="password"): person.password}
            names = [entry.name for entry in password.inputs if "username" in entry.autocomplete.split()]
            visit = browser.submit(password, filled | dict.fromkeys(names[:1], person.email))
        elif consent := consent_form(forms):
            visit = browser.submit(consent, button=consent.button("allow"))
        else:
            return visit
    raise AssertionError(f"the pages do not end: {visit.url}: {visit.page.words[:400]}")


def sign_in(browser: Browser, party: RelyingParty, person: Person, **parameters: str) -> Tokens:
    """The whole flow: authorize, the pages, the code, verified tokens."""
    request = party.begin(**parameters)
    visit = browser.open(request.url, initiator=party.redirect_uri)
    visit = answer_pages(browser, visit, person)
    assert visit.left_for, f"{visit.status} {visit.url}: {visit.page.words[:400]}"
    return party.redeem(request, party.returned(request, visit.left_for)["code"])
