"""The claim set of a logout token. OpenID Connect Back-Channel Logout §2.4."""

from datetime import datetime
from typing import Any

from authserver.clock import seconds

TYP = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120


def for_app(
    *, issuer_url: str, client_id: str, subject: str, session: str, jti: str, now: datetime
) -> dict[str, Any]:
    """It names person and session, and says nothing that could pass for a sign-in. LO-4."""
    issued = seconds(now)
    return {
        "iss": issuer_url,
        "aud": client_id,
        "sub": subject,
        "sid": session,
        "iat": issued,
        "exp": issued + LIFETIME,
        "jti": jti,
        "events": {EVENT: {}},
    }
