"""Proof Key for Code Exchange: the challenge at authorize. RFC 7636, with S256 alone (RFC 9700 §2.1.1)."""

import re
from collections.abc import Mapping

from authserver.clients.client import Client
from authserver.errors import Refusal

METHOD = "S256"
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def challenge(asked: Mapping[str, str], client: Client, scope: tuple[str, ...]) -> str | None:
    """Give the challenge that the code will be bound to; None only where this client may do without."""
    given = asked.get("code_challenge")
    method = asked.get("code_challenge_method")
    if given is None and method is None and _may_do_without(asked, client, scope):
        return None
    if given is None:
        raise Refusal("code_challenge is required.", rule="pkce.missing", nearest="code_challenge with S256")
    if method != METHOD:
        raise Refusal(
            "code_challenge_method must be S256.", rule="pkce.method", value=method or "", nearest=METHOD
        )
    if not CHALLENGE.fullmatch(given):
        raise Refusal(
            "code_challenge must be a SHA-256 in base64url: 43 characters.",
            rule="pkce.challenge",
            value=given,
            nearest="43 of A-Z a-z 0-9 - _",
        )
    return given


def _may_do_without(asked: Mapping[str, str], client: Client, scope: tuple[str, ...]) -> bool:
    # A nonce in the ID token is the other way to see that a code was injected. RFC 9700 §2.1.1.
    return client.pkce_optional and not client.is_public and "openid" in scope and "nonce" in asked
