"""Token revocation. RFC 7009."""

from datetime import UTC, datetime

from authserver.audit import record
from authserver.audit.events import TokenRevoked
from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.jose import BadToken
from authserver.oauth.bearer import read
from authserver.oauth.client_auth import authenticate
from authserver.oauth.errors import invalid_request
from authserver.oauth.request import JSON, Answer, OAuthRequest
from authserver.oauth.server import admit, check_form
from authserver.store import retrying
from authserver.store.grants import REVOKE_TOKEN
from authserver.tokens import refresh
from authserver.tokens.grant import load, revoke

DONE = Answer(status=200, headers=JSON)


def revoke_token(issuer: Issuer, request: OAuthRequest) -> Answer:
    """A refresh token takes its family along, an access token only itself; unknown and foreign ones: 200. RT-11."""
    check_form(request)
    client = authenticate(issuer, request)
    admit(issuer, client)
    token = request.form.get("token")
    if not token:
        raise invalid_request("token is missing", rule="token_missing")
    presented = refresh.read(issuer, token)
    if presented is not None:
        retrying(lambda: _family(issuer, request, client, presented.grant))
    else:
        _access_token(issuer, request, client, token)
    return DONE


def _family(issuer: Issuer, request: OAuthRequest, client: Client, grant_id: str) -> None:
    with issuer.database.writing() as db:
        standing = load(db, client, grant_id)
        if standing is not None and standing.grant.client_id == client.client_id:
            revoke(db, issuer, grant_id, reason="revoked_by_client", by=request.actor)


def _access_token(issuer: Issuer, request: OAuthRequest, client: Client, token: str) -> None:
    try:
        claims = read(issuer, token).claims
    except BadToken:
        return
    if claims.text("client_id") != client.client_id:
        return
    until = datetime.fromtimestamp(claims.time("exp"), UTC)
    event = TokenRevoked(client=client.client_id, jti=claims.text("jti"), session=_session(claims.get("sid")))

    def write() -> None:
        with issuer.database.writing() as db:
            values = {"jti": claims.text("jti"), "until": db.time(until)}
            if db.one(REVOKE_TOKEN, values) is not None:
                record(db, event, by=request.actor, at=issuer.clock())

    retrying(write)


def _session(value: object) -> str | None:
    return value if isinstance(value, str) else None
