"""Which origins may read an answer of a machine endpoint. WEB-7."""

from authserver.clients import find as clients
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.jose import BadToken, claimant
from authserver.oauth.client_auth import present
from authserver.oauth.request import Headers, OAuthRequest
from authserver.oauth.userinfo import bearer_token

ANYONE: Headers = (("Access-Control-Allow-Origin", "*"),)
VARY: Headers = (("Vary", "Origin"),)
EXPOSED = ("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
METHODS = "GET, POST, DELETE, OPTIONS"
ASKED_HEADERS = "Authorization, Content-Type"
KEPT = "3600"


def of_client(issuer: Issuer, request: OAuthRequest) -> Headers:
    """Echo an origin of the client that the request names, however it does; where it names none, of any client."""
    if request.origin is None:
        return VARY
    try:
        name = present(request).client_id
    except Refusal:
        name = request.form.get("client_id", "")
    return _echo(issuer, request, name)


def of_holder(issuer: Issuer, request: OAuthRequest) -> Headers:
    """Echo an origin of the client that the token is for; where there is no token, of any client."""
    if request.origin is None:
        return VARY
    try:
        # Whether the token is good decides the answer, not who may read it.
        name = claimant(bearer_token(request), claim="client_id")
    except (Refusal, BadToken):
        name = ""
    return _echo(issuer, request, name)


def _echo(issuer: Issuer, request: OAuthRequest, name: str) -> Headers:
    client = clients.by_client_id(issuer, name) if name else None
    known = clients.origins_of(client) if client is not None else clients.origins(issuer)
    if request.origin not in known:
        return VARY
    return (("Access-Control-Allow-Origin", request.origin), EXPOSED, *VARY)


def preflight(issuer: Issuer, request: OAuthRequest, allowed: Headers) -> Headers:
    """What a browser asks before it sends. A preflight knows no client."""
    if not any(name == "Access-Control-Allow-Origin" for name, _ in allowed):
        return allowed
    return (
        *allowed,
        ("Access-Control-Allow-Methods", METHODS),
        ("Access-Control-Allow-Headers", ASKED_HEADERS),
        ("Access-Control-Max-Age", KEPT),
    )
