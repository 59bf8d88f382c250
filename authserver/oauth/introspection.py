"""Token introspection for resource servers. RFC 7662."""

from collections.abc import Mapping
from typing import Any

from authserver.clients.client import Client
from authserver.compact import octets
from authserver.issuer import Issuer
from authserver.jose import BadToken, Claims
from authserver.oauth.bearer import Known, Living, look, read
from authserver.oauth.client_auth import authenticate
from authserver.oauth.errors import invalid_request, unauthorized_client
from authserver.oauth.request import Answer, OAuthRequest, json_answer
from authserver.oauth.server import admit, check_form
from authserver.tokens import refresh
from authserver.tokens.grant import load

SHOWN = ("iss", "aud", "sub", "client_id", "scope", "exp", "iat", "jti", "auth_time", "acr", "amr", "sid")
INACTIVE: Mapping[str, Any] = {"active": False}


def introspect(issuer: Issuer, request: OAuthRequest) -> Answer:
    """What a token is worth now, told to whom it is meant for; to others it is inactive. RS-5."""
    check_form(request)
    client = authenticate(issuer, request)
    admit(issuer, client)
    if client.is_public:
        raise unauthorized_client("a public client may not introspect", rule="public_client")
    token = request.form.get("token")
    if not token:
        raise invalid_request("token is missing", rule="token_missing")
    if token.startswith("as_rt1_"):
        return json_answer(200, _refresh_token(issuer, client, token))
    try:
        known = read(issuer, token)
    except BadToken:
        return json_answer(200, INACTIVE)
    if not _meant_for(client, known):
        return json_answer(200, INACTIVE)
    with issuer.database.reading() as db:
        found = look(db, issuer, known)
    if not isinstance(found, Living):
        return json_answer(200, INACTIVE)
    if known.introspected is None:
        known.introspected = _shown(known.claims)
    return Answer(status=200, body=known.introspected)


def _shown(claims: Claims) -> bytes:
    """What is said of a token that lives: it follows from the token alone."""
    shown = {name: claims[name] for name in SHOWN if name in claims}
    return octets({"active": True, "token_type": "Bearer", **shown})


def _meant_for(client: Client, known: Known) -> bool:
    """The token's own client, or the resource server of one of its audiences."""
    if known.client_id == client.client_id:
        return True
    return not {client.client_id, *client.serves}.isdisjoint(known.claims.texts("aud"))


def _refresh_token(issuer: Issuer, client: Client, token: str) -> Mapping[str, Any]:
    presented = refresh.read(issuer, token)
    if presented is None:
        return INACTIVE
    now = issuer.clock()
    with issuer.database.reading() as db:
        standing = load(db, client, presented.grant)
    if standing is None or standing.behind.lapse(client, now) is not None:
        return INACTIVE
    grant = standing.grant
    if grant.generation != presented.generation or grant.refresh_expires_at <= now:
        return INACTIVE
    return {
        "active": True,
        "iss": issuer.url,
        "sub": standing.behind.subject,
        "client_id": client.client_id,
        "scope": " ".join(grant.scope),
        "exp": int(grant.refresh_expires_at.timestamp()),
        "iat": int((grant.rotated_at or grant.granted_at).timestamp()),
    }
