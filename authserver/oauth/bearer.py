"""Our own access tokens, when they come back to us: at userinfo, introspection and revocation."""

from collections.abc import Mapping
from dataclasses import dataclass

from authserver.clients import find as clients
from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.jose import ACCESS, Claims, Expected, verify
from authserver.store import Session
from authserver.store.grants import TOKEN_REVOKED
from authserver.tokens.grant import Standing, load_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    """An access token that counts now; `standing` is absent where a client acts for itself."""

    claims: Claims
    client: Client
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class Dead:
    """It verified once, but no longer counts."""

    why: str


def read(issuer: Issuer, token: str, audience: frozenset[str] = frozenset()) -> Claims:
    """The claims of an access token of ours; BadToken for anything else."""
    return verify(
        ACCESS,
        token,
        keys=issuer.keyring.verifying,
        now=issuer.clock(),
        expect=Expected(issuer=issuer.url, audience=audience),
    )


def look(db: Session, issuer: Issuer, claims: Claims) -> Living | Dead:
    """What has become of a token since it was issued: one read. RT-9, RT-10, RT-11, SS-3."""
    client = clients.by_client_id(issuer, claims.text("client_id"))
    if client is None or not client.active:
        return Dead("the client is gone or disabled")
    grant_id = grant_of(claims)
    if grant_id is None:
        if db.one(TOKEN_REVOKED, {"jti": claims.text("jti")}) is not None:
            return Dead("the token is revoked")
        return Living(claims=claims, client=client, standing=None)
    found = load_token(db, grant_id, claims.text("jti"))
    if found is None:
        return Dead("the grant is gone")
    standing, revoked = found
    why = "the token is revoked" if revoked else standing.lapse(client, issuer.clock())
    return Dead(why) if why is not None else Living(claims=claims, client=client, standing=standing)


def grant_of(claims: Mapping[str, object]) -> str | None:
    value = claims.get("grant")
    return value if isinstance(value, str) else None
