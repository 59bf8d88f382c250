"""Machine endpoints, answered before Flask's request context: half the cost of a token is otherwise framework.

The edge owns its checks: exact path and method, size and type of the body, no repeats. It ignores cookies.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any, TypedDict
from urllib.parse import urlsplit

from authserver import metrics
from authserver.errors import AuthserverError, Fault, Misconfigured, Refusal, Unavailable
from authserver.issuer import Issuer
from authserver.oauth.discovery import base_for, document
from authserver.oauth.errors import refused
from authserver.oauth.grants import GRANTS
from authserver.oauth.introspection import introspect
from authserver.oauth.request import FORM, Answer, Headers, OAuthRequest, json_answer
from authserver.oauth.revocation import revoke_token
from authserver.oauth.server import ProtocolServer
from authserver.oauth.userinfo import userinfo
from authserver.web import cors, health
from authserver.web.bridge import JSON, read, status_line
from authserver.web.environ import REQUEST_ID
from authserver.web.policy import common

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
Handler = Callable[[Issuer, OAuthRequest], Answer]
Cors = Callable[[Issuer, OAuthRequest], Headers]

TOKENS = ProtocolServer(GRANTS)
BODILESS = frozenset({204, 304})
PUBLIC_CACHE = "public, max-age=300"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row of the edge's table; `name` is what metrics and refusals call it."""

    name: str
    handler: Handler
    methods: frozenset[str]
    cors: Cors | None = None
    takes: str = FORM


def _of_app(name: str) -> Handler:
    """A step of the JSON sign-in; what takes it is loaded with the first one, not at the start."""

    def handler(issuer: Issuer, request: OAuthRequest) -> Answer:
        found: Answer = getattr(import_module("authserver.oauth.json_login.sign_in"), name)(issuer, request)
        return found

    return handler


class OfApp(TypedDict):
    """What the routes of the JSON sign-in have in common."""

    methods: frozenset[str]
    cors: Cors
    takes: str


def _jwks(issuer: Issuer, request: OAuthRequest) -> Answer:
    keyring = issuer.keyring
    return _published(keyring.jwks, keyring.etag, "application/jwk-set+json")


def _discovery(issuer: Issuer, request: OAuthRequest) -> Answer:
    found = document(issuer, base_for(issuer, request.host))
    return _published(found.body, found.etag, "application/json", (("Vary", "Host"),))


def _published(body: bytes, etag: str, kind: str, more: Headers = ()) -> Answer:
    headers = (("Content-Type", kind), ("Cache-Control", PUBLIC_CACHE), ("ETag", etag), *more)
    return Answer(status=200, body=body, headers=headers)


def _anyone(issuer: Issuer, request: OAuthRequest) -> Headers:
    return cors.ANYONE


GET, POST = frozenset({"GET", "HEAD"}), frozenset({"POST"})
APP: OfApp = {"methods": POST, "cors": cors.of_client, "takes": JSON}
ROUTES: Mapping[str, Route] = {
    "/oauth/token": Route(name="token", handler=TOKENS.answer, methods=POST, cors=cors.of_client),
    "/oauth/introspect": Route(name="introspect", handler=introspect, methods=POST),
    "/oauth/revoke": Route(name="revoke", handler=revoke_token, methods=POST, cors=cors.of_client),
    "/oauth/userinfo": Route(name="userinfo", handler=userinfo, methods=GET | POST, cors=cors.of_holder),
    "/api/login": Route(name="login", handler=_of_app("login"), **APP),
    "/api/login/mfa": Route(name="login_mfa", handler=_of_app("mfa"), **APP),
    "/api/login/mfa/email": Route(name="login_mfa_email", handler=_of_app("send"), **APP),
    "/api/session/start": Route(name="session_start", handler=_of_app("start"), **APP),
    "/api/session/takeover": Route(name="session_takeover", handler=_of_app("takeover"), **APP),
    "/.well-known/jwks.json": Route(name="jwks", handler=_jwks, methods=GET, cors=_anyone),
    "/.well-known/openid-configuration": Route(
        name="discovery", handler=_discovery, methods=GET, cors=_anyone
    ),
    "/.well-known/oauth-authorization-server": Route(
        name="discovery", handler=_discovery, methods=GET, cors=_anyone
    ),
    "/healthz": Route(name="healthz", handler=health.healthz, methods=GET),
    "/readyz": Route(name="readyz", handler=health.readyz, methods=GET),
}


def routes(issuer_url: str) -> dict[str, Route]:
    """The table under the issuer's own path; RFC 8414 §3.1 puts the well-known name before that path."""
    path = urlsplit(issuer_url).path
    found = {path + name: route for name, route in ROUTES.items()}
    if path:
        name = "/.well-known/oauth-authorization-server"
        found[name + path] = ROUTES[name]
    return found


class Edge:
    """A WSGI application around the other one."""

    def __init__(self, issuer: Issuer, following: Wsgi) -> None:
        self._issuer = issuer
        self._following = following
        self._routes = routes(issuer.url)
        self._common = common(issuer.config)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        route = self._routes.get(environ.get("PATH_INFO", ""))
        if route is None:
            return self._following(environ, start_response)
        began = perf_counter()
        (status, body, headers), allowed = self._answer(route, environ)
        metrics.observe(route.name, status, perf_counter() - began)
        told = [*headers, *allowed, *self._common, ("X-Request-Id", environ.get(REQUEST_ID, ""))]
        if status not in BODILESS:
            told.append(("Content-Length", str(len(body))))
        start_response(status_line(status), told)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, route: Route, environ: dict[str, Any]) -> tuple[Answer, Headers]:
        """The answer, and the headers that say which origins may read it."""
        method = environ["REQUEST_METHOD"]
        request: OAuthRequest | None = None
        try:
            if method not in route.methods and not (method == "OPTIONS" and route.cors):
                return _no_method(route), ()
            request = read(environ, route.takes)
            if method == "OPTIONS":
                return self._preflight(route, request), ()
            answer = route.handler(self._issuer, request)
            if "HTTP_IF_NONE_MATCH" in environ:
                answer = _conditional(environ["HTTP_IF_NONE_MATCH"], answer)
        except Exception as error:  # noqa: BLE001  the last resort: the answer says nothing of what happened
            answer = self._failed(route, request, environ, error)
        return answer, () if route.cors is None or request is None else self._cors(route.cors, request)

    def _cors(self, of: Cors, request: OAuthRequest) -> Headers:
        try:
            return of(self._issuer, request)
        except Unavailable:
            return cors.VARY

    def _preflight(self, route: Route, request: OAuthRequest) -> Answer:
        allowed = route.cors(self._issuer, request) if route.cors else ()
        return Answer(status=204, headers=cors.preflight(self._issuer, request, allowed))

    def _failed(
        self, route: Route, request: OAuthRequest | None, environ: Mapping[str, Any], error: Exception
    ) -> Answer:
        known: AuthserverError = Fault(type(error).__name__)
        if isinstance(error, AuthserverError) and not isinstance(error, Misconfigured):
            known = error
        reference = self._issuer.refusals.note(
            known,
            step=route.name,
            client=request.form.get("client_id") if request is not None else None,
            request_id=environ.get(REQUEST_ID),
        )
        if known is not error:
            log.error("fault %s at %s", reference, route.name, exc_info=error)
        if isinstance(known, Refusal):
            return refused(known, reference)
        wait = known.retry_after if isinstance(known, Unavailable) else 2
        body = {"error": "temporarily_unavailable", "reference": reference}
        return json_answer(503, body, (("Retry-After", str(wait)),))


def _no_method(route: Route) -> Answer:
    allow = ", ".join(sorted(route.methods | ({"OPTIONS"} if route.cors else frozenset())))
    return json_answer(405, {"error": "invalid_request"}, (("Allow", allow),))


def _conditional(known: str, answer: Answer) -> Answer:
    etag = next((value for name, value in answer.headers if name == "ETag"), None)
    if etag is None or (etag not in known and known.strip() != "*"):
        return answer
    return answer._replace(status=304, body=b"")
