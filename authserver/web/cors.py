"""Which origins may read an answer of a machine endpoint. WEB-7."""

from authserver.clients import find as clients
from authserver.issuer import Issuer
from authserver.oauth.request import Headers, OAuthRequest

ANYONE: Headers = (("Access-Control-Allow-Origin", "*"),)
VARY: Headers = (("Vary", "Origin"),)
METHODS = "GET, POST, OPTIONS"
ASKED_HEADERS = "Authorization, Content-Type"
KEPT = "3600"


def of_registered(issuer: Issuer, request: OAuthRequest) -> Headers:
    """Echo an origin that the named client registered; where no client is named, that any client did."""
    if request.origin is None:
        return VARY
    client = (
        clients.by_client_id(issuer, request.form["client_id"]) if request.form.get("client_id") else None
    )
    known = clients.origins_of(client) if client is not None else clients.origins(issuer)
    if request.origin not in known:
        return VARY
    return (("Access-Control-Allow-Origin", request.origin), *VARY)


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
