"""The claim sets of what an app holds between two steps of a sign-in that it asks for by itself. SU-1."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authserver.clock import seconds
from authserver.jose import CONFLICT, PENDING, Kind

TYPES = {PENDING.name: "mfa+jwt", CONFLICT.name: "conflict+jwt"}
PLACES = {PENDING.name: "/api/login/mfa", CONFLICT.name: "/api/session/takeover"}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The app, the person, and their login, whose row is the truth about it."""

    client_id: str
    subject: str
    login: str


def audience(issuer_url: str, kind: Kind) -> str:
    """The one place where a token of this kind is taken."""
    return issuer_url + PLACES[kind.name]


def for_app(
    *, issuer_url: str, kind: Kind, about: About, now: datetime, expires_at: datetime
) -> dict[str, Any]:
    return {
        "iss": issuer_url,
        "aud": audience(issuer_url, kind),
        "sub": about.subject,
        "client_id": about.client_id,
        "iat": seconds(now),
        "exp": seconds(expires_at),
        "jti": about.login,
    }
