"""id_token_hint: an ID token of ours, given back to say who is meant. OpenID Connect Core §3.1.2.1."""

from dataclasses import dataclass

from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.jose import ID_HINT, BadToken, Expected, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Whom an ID token that we signed was about, in which session, for which client."""

    subject: str
    session: str | None
    client_id: str


def read(issuer: Issuer, token: str, client_id: str | None = None) -> Hint:
    """Verify our signature (retired keys too), issuer, kind, age and client, but not its end. LO-3."""
    try:
        claims = verify(
            ID_HINT,
            token,
            keys=issuer.keyring.hints,
            now=issuer.clock(),
            expect=Expected(
                issuer=issuer.url, audience=frozenset({client_id} if client_id is not None else ())
            ),
        )
    except BadToken as error:
        raise Refusal(
            "id_token_hint is not an ID token of this server for this app.",
            rule=f"id_token_hint.{error.rule}",
            value=error.value,
            nearest=error.nearest,
            detail=error.detail,
        ) from error
    return Hint(
        subject=claims.text("sub"),
        session=claims.text("sid") if "sid" in claims else None,
        client_id=claims.text("aud"),
    )
