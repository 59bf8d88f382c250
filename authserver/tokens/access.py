"""The claim set of an access token. RFC 9068."""

from collections.abc import Mapping
from typing import Any

from authserver.authentication import Authentication

TYP = "at+jwt"


def for_person(  # noqa: PLR0913
    *,
    issuer_url: str,
    audience: str | tuple[str, ...],
    subject: str,
    client_id: str,
    scope: tuple[str, ...],
    authentication: Authentication,
    amr: tuple[str, ...],
    grant_id: str,
    jti: str,
    issued: int,
    lifetime: int,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        **extra,
        "iss": issuer_url,
        "aud": audience,
        "sub": subject,
        "client_id": client_id,
        "iat": issued,
        "exp": issued + lifetime,
        "jti": jti,
        **said(scope),
        "auth_time": authentication.auth_time,
        "acr": authentication.acr,
        "amr": amr,
        "sid": authentication.session,
        "grant": grant_id,
    }


def for_client(  # noqa: PLR0913
    *,
    issuer_url: str,
    audience: str | tuple[str, ...],
    client_id: str,
    scope: tuple[str, ...],
    jti: str,
    issued: int,
    lifetime: int,
) -> dict[str, Any]:
    """A client acts for itself: it is the subject, and nobody authenticated. TK-8."""
    return {
        "iss": issuer_url,
        "aud": audience,
        "sub": client_id,
        "client_id": client_id,
        "iat": issued,
        "exp": issued + lifetime,
        "jti": jti,
        **said(scope),
    }


def said(scope: tuple[str, ...]) -> dict[str, str]:
    """The scope as a member; RFC 6749 §3.3 knows no empty one."""
    return {"scope": " ".join(scope)} if scope else {}
