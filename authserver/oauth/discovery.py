"""Metadata, computed from what is switched on. OpenID Connect Discovery §3, RFC 8414 §2."""

import json
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authserver.apis import find as apis
from authserver.authentication import Level
from authserver.factors.registry import factors
from authserver.groups.attributes import declared
from authserver.issuer import Issuer
from authserver.jose.kinds import CLIENT_ALGS
from authserver.oauth.grants import GRANTS
from authserver.oauth.prompts import supported
from authserver.opaque import digest
from authserver.vault import b64

log = logging.getLogger(__name__)
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
MOST_HOSTS = 20
CLIENT_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
PROTOCOL_CLAIMS = ("sub", "iss", "auth_time", "acr", "amr", "sid")
BACK_CHANNEL = {
    "token_endpoint": "/oauth/token",
    "userinfo_endpoint": "/oauth/userinfo",
    "introspection_endpoint": "/oauth/introspect",
    "revocation_endpoint": "/oauth/revoke",
    "jwks_uri": "/.well-known/jwks.json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Ready bytes."""

    body: bytes
    etag: str


def document(issuer: Issuer, base: str) -> Document:
    """The metadata for one base address: the issuer's, or one of internal_urls. MD-1, MD-3."""
    kept: dict[str, Document] = issuer.derived("discovery")
    found = kept.get(base)
    if found is None:
        body = json.dumps(metadata(issuer, base), separators=(",", ":")).encode()
        found = kept[base] = Document(body=body, etag=f'"{b64(digest(body)[:12])}"')
    return found


def base_for(issuer: Issuer, host: str) -> str:
    """Where the caller reaches us: a listed internal address it used, else the issuer. Others change nothing."""
    for url in issuer.config.internal_urls:
        if urlsplit(url).netloc == host:
            return url.rstrip("/")
    if issuer.config.is_development and host != urlsplit(issuer.url).netloc:
        _point_out(issuer, host)
    return issuer.url


def _point_out(issuer: Issuer, host: str) -> None:
    """In development: the line that would make this address one of ours, said once."""
    said: set[str] = issuer.kept("unlisted_hosts", set)
    if host not in said and len(said) < MOST_HOSTS and HOST.fullmatch(host):
        said.add(host)
        log.warning(
            "discovery was read at %s, which is not listed: endpoints stay at %s. To be reached there, add "
            'internal_urls = ["http://%s"] to the configuration.',
            host,
            issuer.url,
            host,
        )


def metadata(issuer: Issuer, base: str) -> dict[str, Any]:
    settings = issuer.settings
    signing = sorted(issuer.keyring.algs, key=lambda alg: alg != settings.id_token_alg)
    return {
        "issuer": issuer.url,
        "authorization_endpoint": f"{issuer.url}/oauth/authorize",
        "end_session_endpoint": f"{issuer.url}/oauth/logout",
        **{name: base + path for name, path in BACK_CHANNEL.items()},
        "scopes_supported": scopes(issuer),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": [grant.GRANT_TYPE for grant in GRANTS],
        "acr_values_supported": [level.acr for level in levels(issuer)],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": ["none", *CLIENT_METHODS],
        "token_endpoint_auth_signing_alg_values_supported": sorted(CLIENT_ALGS),
        "introspection_endpoint_auth_methods_supported": CLIENT_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": sorted(CLIENT_ALGS),
        "revocation_endpoint_auth_methods_supported": ["none", *CLIENT_METHODS],
        "revocation_endpoint_auth_signing_alg_values_supported": sorted(CLIENT_ALGS),
        "claims_supported": sorted({*PROTOCOL_CLAIMS, *(a.name for a in declared(issuer))}),
        "claims_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": [prompt.value for prompt in supported(issuer)],
        "ui_locales_supported": list(settings.languages),
        **{name: url for name, url in _texts(issuer).items() if url},
    }


def _texts(issuer: Issuer) -> dict[str, str]:
    settings = issuer.settings
    return {
        "op_policy_uri": f"{issuer.url}/privacy" if settings.privacy_text else settings.privacy_url,
        "op_tos_uri": f"{issuer.url}/terms" if settings.terms_text else "",
    }


def scopes(issuer: Issuer) -> list[str]:
    own = ["openid", "profile", "email", "phone", "address", "groups", "offline_access"]
    declared_scopes = sorted({a.scope for a in declared(issuer) if a.scope} - set(own))
    of_apis = sorted({s.name for api in apis.catalogue(issuer).every for s in api.scopes} - set(own))
    return [*own, *declared_scopes, *of_apis]


def levels(issuer: Issuer) -> list[Level]:
    """What a sign-in can reach with the factors that there are, alone or two of different kinds together."""
    known = tuple(factors(issuer).values())
    first = [factor for factor in known if factor.begins]
    found = {factor.alone for factor in first}
    found |= {other.beside for factor in first for other in known if other.kind != factor.kind}
    return sorted(found)
