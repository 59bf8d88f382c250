"""Somebody who is signed in to an app of the JSON sign-in, as its access token says."""

from dataclasses import dataclass

from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.jose import BadToken
from authserver.oauth.bearer import Living, look, read
from authserver.oauth.errors import OAuthRefusal
from authserver.oauth.request import OAuthRequest
from authserver.oauth.server import admit
from authserver.oauth.userinfo import bearer_token, invalid_token
from authserver.sessions import sso
from authserver.sessions.sso import Ended, SsoSession
from authserver.sessions.takeover import TAKEN_OVER

SENTENCES = {
    "idle": "nobody was there for too long",
    "expired": "it lasted as long as it may",
    TAKEN_OVER: "another device took over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """`session` is proved by what the token says, and by no later proof of another one."""

    client: Client
    session: SsoSession


def holder(issuer: Issuer, request: OAuthRequest) -> Holder:
    """Who holds the token, while app, grant and session stand; 401 session_expired once the session does not. SS-3."""
    token = bearer_token(request)
    try:
        known = read(issuer, token, audience=issuer.url)
    except BadToken as error:
        raise invalid_token(error.detail, rule=f"token_{error.rule}") from error
    claims = known.claims
    with issuer.database.reading() as db:
        found = look(db, issuer, known)
        session = sso.of_id(db, claims.text("sid"), issuer.clock()) if "sid" in claims else None
    if isinstance(session, Ended):
        raise _expired(session)
    if not isinstance(found, Living) or found.behind is None or session is None:
        why = "no person is behind it" if isinstance(found, Living) else found.why
        raise invalid_token(why, rule="token_dead")
    if not found.client.json_login:
        raise invalid_token("its client does not use the JSON sign-in", rule="json_login")
    admit(issuer, found.client)
    proved = found.behind.authentication
    return Holder(client=found.client, session=session._replace(authentication=proved))


def too_weak(*, acr: str = "", max_age: int | None = None) -> OAuthRefusal:
    """What the app has to ask for before this is done. RFC 9470 §3."""
    code, words = "insufficient_user_authentication", "a fresh or stronger sign-in is needed"
    members = {"acr_values": acr} if acr else {"max_age": max_age}
    told = "".join(f', {name}="{value}"' for name, value in members.items())
    return OAuthRefusal(
        words,
        code=code,
        status=401,
        rule="own_account",
        members=members,
        headers=(("WWW-Authenticate", f'Bearer error="{code}"{told}'),),
    )


def _expired(ended: Ended) -> OAuthRefusal:
    return OAuthRefusal(
        f"the session is over: {SENTENCES.get(ended.reason, 'it was ended')}",
        code="session_expired",
        status=401,
        rule="session_expired",
        detail=ended.reason,
        members={"reason": ended.reason if ended.reason in SENTENCES else "ended"},
        headers=(("WWW-Authenticate", 'Bearer error="invalid_token"'),),
    )
