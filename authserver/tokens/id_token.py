"""The claim set of an ID token. OpenID Connect Core §2."""

import hashlib
from collections.abc import Mapping
from typing import Any

from authserver.authentication import Authentication
from authserver.vault import b64

TYP = "JWT"


def for_app(  # noqa: PLR0913
    *,
    issuer_url: str,
    client_id: str,
    subject: str,
    authentication: Authentication,
    amr: tuple[str, ...],
    nonce: str | None,
    access_token: str,
    issued: int,
    lifetime: int,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Reserved claims are set last, so that nothing a person or an upstream says can take their place. ID-1."""
    claims = {
        **extra,
        "iss": issuer_url,
        "sub": subject,
        "aud": client_id,
        "iat": issued,
        "exp": issued + lifetime,
        "auth_time": authentication.auth_time,
        "acr": authentication.acr,
        "amr": amr,
        "sid": authentication.session,
        # Both algorithms we sign ID tokens with hash with SHA-256.
        "at_hash": b64(hashlib.sha256(access_token.encode()).digest()[:16]),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return claims
