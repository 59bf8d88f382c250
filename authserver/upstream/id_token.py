"""An ID token of a provider: verified for this very sign-in, or it proves nothing. OpenID Connect Core §3.1.3.7."""

from dataclasses import dataclass
from datetime import UTC, datetime

from authserver.jose import UPSTREAM_ID, BadToken, Claims, Expected, verify
from authserver.jose.read import read, read_object
from authserver.opaque import same
from authserver.upstream.contract import Authenticated, Distrusted
from authserver.upstream.http import Http
from authserver.upstream.oidc_config import GUID, TENANT, OidcConfig
from authserver.upstream.published import Metadata, Published

LONGEST_SUB = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the token must be for."""

    config: OidcConfig
    metadata: Metadata
    nonce: str
    at: datetime


def verified(token: str, wanted: Wanted, published: Published, http: Http) -> Claims:
    """The claims of a token that was made for us, now, in answer to our very question. OI-1, CVE-18."""
    config = wanted.config
    try:
        header = read(token).header
        if header.alg not in config.algs:
            # Said before any key is looked for, so that a flood of these asks the provider nothing.
            raise Distrusted(
                "it is signed by an alg that is not allowed",
                rule="id_token.alg",
                value=header.alg[:40],
                nearest=" ".join(config.algs),
            )
        keys = published.keys(wanted.metadata.jwks_uri, http, kid=header.kid, alg=header.alg)
        claims = verify(UPSTREAM_ID, token, keys=keys, now=wanted.at, expect=_expected(token, config))
    except BadToken as error:
        raise Distrusted(
            f"ID token: {error.detail}",
            rule=error.rule.replace("jwt.", "id_token."),
            value=error.value,
            nearest=error.nearest,
        ) from error
    _check(claims, wanted)
    return claims


def authenticated(claims: Claims, at: datetime) -> Authenticated:
    """What it says of how and when somebody signed in; never later than now. UP-11."""
    auth_time = claims.get("auth_time")
    amr = claims.get("amr")
    acr = claims.get("acr")
    methods = (amr,) if isinstance(amr, str) else tuple(each for each in _list(amr) if isinstance(each, str))
    return Authenticated(
        at=None if auth_time is None else min(_time(claims.time("auth_time")), at),
        said_at=min(_time(claims.time("iat")), at),
        acr=acr if isinstance(acr, str) else "",
        amr=methods,
    )


def issuer_of(config: OidcConfig, tenant: object) -> str:
    """The issuer that a token must name: at a provider of many tenants, that of its own tenant."""
    if not config.is_of_many:
        return config.issuer
    if not isinstance(tenant, str) or not GUID.fullmatch(tenant):
        raise Distrusted("it names no tenant", rule="id_token.tid", value=ascii(tenant)[:100])
    if config.tenants and tenant not in config.tenants:
        raise Distrusted("its tenant is not let in", rule="id_token.tenant", value=tenant)
    return config.issuer.replace(TENANT, tenant)


def _expected(token: str, config: OidcConfig) -> Expected:
    # What is read here is not proved yet: it only says which issuer the proof must be from.
    tenant = read_object(read(token).payload).get("tid") if config.is_of_many else None
    return Expected(
        issuer=issuer_of(config, tenant),
        audience=frozenset({config.client_id}),
        algs=frozenset(config.algs),
    )


def _check(claims: Claims, wanted: Wanted) -> None:
    config = wanted.config
    nonce, subject, azp = claims.text("nonce"), claims.text("sub"), claims.get("azp")
    if not same(nonce, wanted.nonce):
        raise Distrusted("the nonce is that of another sign-in", rule="id_token.nonce")
    if len(subject) > LONGEST_SUB or not subject.isascii():
        raise Distrusted("sub is no subject", rule="id_token.sub", value=ascii(subject)[:100])
    needs_azp = len(claims.texts("aud")) > 1
    if (needs_azp or azp is not None) and azp != config.client_id:
        raise Distrusted(
            "it was made for another client",
            rule="id_token.azp",
            value=ascii(azp)[:100],
            nearest=config.client_id,
        )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
