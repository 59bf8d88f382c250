"""ProtocolServer: Authlib's server, our requests in, our Answer out. Authlib picks the grant and renders nothing."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    BaseGrant,
    OAuth2Payload,
    OAuth2Request,
    TokenEndpointMixin,
)
from authlib.oauth2.rfc6749.errors import OAuth2Error

from authserver.clients.client import Client
from authserver.errors import TooMany
from authserver.issuer import Issuer
from authserver.metrics import count
from authserver.oauth.client_auth import authenticate
from authserver.oauth.errors import invalid_request, unauthorized_client, unsupported_grant_type
from authserver.oauth.request import Answer, Headers, OAuthRequest, json_answer
from authserver.tokens.access import said
from authserver.tokens.issue import TokenSet


class Fields(OAuth2Payload):
    """The body's fields, as Authlib asks for them; the query never counts. TK-5."""

    __slots__ = ("data",)

    def __init__(self, form: Mapping[str, str]) -> None:
        self.data = form

    @property
    def datalist(self) -> dict[str, list[str]]:
        return {name: [value] for name, value in self.data.items()}


class Scratch(OAuth2Request):
    """What Authlib writes on while it works; dead when the answer exists."""

    def __init__(self, issuer: Issuer, request: OAuthRequest) -> None:
        # Not the library's own __init__: it refuses http by itself, outside any handler. Ours is refused at start.
        self.method = request.method
        self.payload = Fields(request.form)
        self.client: Client | None = None
        self.issuer = issuer
        self.edge = request

    @property
    def form(self) -> Mapping[str, str]:
        return self.edge.form


class Grant(BaseGrant, TokenEndpointMixin):
    """One grant_type at the token endpoint: `admit` checks the request, `tokens` spends and issues."""

    request: Scratch

    @property
    def issuer(self) -> Issuer:
        return self.request.issuer

    def validate_token_request(self) -> None:
        client = authenticate(self.issuer, self.request.edge)
        admit(self.issuer, client)
        if self.GRANT_TYPE not in client.grant_types:
            raise unauthorized_client(
                "the client may not use this grant type", rule="grant_type", value=str(self.GRANT_TYPE)
            )
        self.request.client = client
        self.admit(client, self.request.edge.form)

    def create_token_response(self) -> tuple[int, dict[str, Any], Headers]:
        if self.request.client is None:
            raise TypeError("a grant is validated before it is answered")
        issued = self.tokens(self.request.client)
        count("tokens_issued", grant=str(self.GRANT_TYPE))
        return 200, body(issued), ()

    def admit(self, client: Client, form: Mapping[str, str]) -> None:
        raise NotImplementedError

    def tokens(self, client: Client) -> TokenSet:
        raise NotImplementedError


class ProtocolServer(AuthorizationServer):
    """The token endpoint. Refusals leave it as exceptions; the edge turns them into answers with a reference."""

    def __init__(self, grants: tuple[type[Grant], ...]) -> None:
        super().__init__()
        for grant in grants:
            self.register_grant(grant)

    def answer(self, issuer: Issuer, request: OAuthRequest) -> Answer:
        check_form(request)
        found: Answer = self.create_token_response(Scratch(issuer, request))
        return found

    def create_oauth2_request(self, request: Scratch) -> Scratch:
        return request

    def handle_response(self, status: int, body: dict[str, Any], headers: Headers) -> Answer:
        return json_answer(status, body, headers)

    def handle_error_response(self, request: Scratch, error: OAuth2Error) -> Answer:
        named = request.edge.form.get("grant_type")
        if named is None:
            raise invalid_request("grant_type is missing", rule="grant_type_missing")
        raise unsupported_grant_type("the grant type is not supported", rule="grant_type", value=named)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def admit(issuer: Issuer, client: Client) -> None:
    """One client cannot starve the others of this worker. RL-3."""
    wait = issuer.limiter.bucket(client.client_id)
    if wait is not None:
        raise TooMany("too many requests from this client", retry_after=wait, rule="client_requests")


def check_form(request: OAuthRequest) -> None:
    """Fields come once, and from the body only. TK-5."""
    if request.query:
        raise invalid_request("parameters belong in the body", rule="query_parameters")
    if request.repeated:
        raise invalid_request(
            "a parameter is repeated", rule="repeated_parameter", value=" ".join(sorted(request.repeated))
        )


def body(issued: TokenSet) -> dict[str, Any]:
    """The successful response. RFC 6749 §5.1; the scope is always said."""
    found: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        **said(issued.scope),
    }
    if issued.refresh_token is not None:
        found["refresh_token"] = issued.refresh_token
    if issued.id_token is not None:
        found["id_token"] = issued.id_token
    return found
