"""The userinfo endpoint. OpenID Connect Core §5.3."""

from authserver.clients.client import Client
from authserver.groups.attributes import live
from authserver.issuer import Issuer
from authserver.jose import BadToken
from authserver.oauth.bearer import Living, look, read
from authserver.oauth.errors import OAuthRefusal, invalid_request
from authserver.oauth.request import Answer, OAuthRequest, json_answer
from authserver.oauth.server import admit
from authserver.tokens.claims import release
from authserver.tokens.grant import Behind
from authserver.tokens.required import of


def userinfo(issuer: Issuer, request: OAuthRequest) -> Answer:
    """The claims that the token's scopes release; the token comes in the header only. ID-7."""
    token = bearer_token(request)
    try:
        known = read(issuer, token, audience=issuer.url)
    except BadToken as error:
        raise invalid_token(error.detail, rule=f"token_{error.rule}") from error
    if "openid" not in known.scope:
        raise OAuthRefusal(
            "the token's scope has no openid",
            code="insufficient_scope",
            status=403,
            rule="insufficient_scope",
            headers=(("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="openid"'),),
        )
    with issuer.database.reading() as db:
        found = look(db, issuer, known, whose="person")
    if not isinstance(found, Living) or found.behind is None or found.user is None:
        why = "no person is behind it" if isinstance(found, Living) else found.why
        raise invalid_token(why, rule="token_dead")
    admit(issuer, found.client)
    check_level(found.client, found.behind)
    released = release(live(issuer), found.user, known.scope, found.behind.claims, into="userinfo")
    return json_answer(200, {**released, "sub": found.behind.subject})


def check_level(client: Client, behind: Behind) -> None:
    """What the client requires now holds for tokens of before, too. SU-3, RFC 9470 §3."""
    needed, reached = of(client), behind.authentication
    if reached.reaches(needed.level):
        return
    age = "" if needed.max_age is None else f', max_age="{needed.max_age}"'
    code = "insufficient_user_authentication"
    raise OAuthRefusal(
        "a stronger sign-in is required",
        code=code,
        status=401,
        detail=f"the sign-in reached {reached.acr}, {needed.level.acr} is required",
        rule="required_acr",
        headers=(("WWW-Authenticate", f'Bearer error="{code}", acr_values="{needed.level.acr}"{age}'),),
    )


def bearer_token(request: OAuthRequest) -> str:
    if "access_token" in request.query or "access_token" in request.form:
        raise invalid_request("send the token in the Authorization header", rule="token_in_parameters")
    scheme, _, token = (request.authorization or "").partition(" ")
    if not token:
        raise OAuthRefusal(
            "an access token is needed",
            code="invalid_token",
            status=401,
            rule="token_missing",
            headers=(("WWW-Authenticate", 'Bearer realm="authserver"'),),
        )
    if scheme.lower() != "bearer":
        raise invalid_token("the Authorization header is not Bearer", rule="bearer_scheme")
    return token.strip()


def invalid_token(detail: str, *, rule: str) -> OAuthRefusal:
    return OAuthRefusal(
        "the access token is not valid",
        code="invalid_token",
        status=401,
        detail=detail,
        rule=rule,
        headers=(("WWW-Authenticate", 'Bearer error="invalid_token"'),),
    )
