"""Who asks an endpoint of one's own: a page by its session's cookie, or an app by its access token, never both."""

from flask import Flask, Response, g, request

from authserver.errors import Refusal, Unavailable
from authserver.login.enrolment import is_strong
from authserver.oauth.holder import holder, too_weak
from authserver.oauth.request import Headers, OAuthRequest
from authserver.web import cookies, cors, csrf, guards, sessions
from authserver.web.context import issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Demand, Guard


def enforce(demand: Demand) -> Response | None:
    """The demand OWN: `g.session` is theirs. A browser asks first whether its app may ask. WEB-7."""
    if request.method == "OPTIONS":
        found = cors.preflight(issuer(), _asked(), cors.of_holder(issuer(), _asked()))
        return Response(status=204, headers=list(found))
    if "Authorization" in request.headers:
        _of_app()
    else:
        _of_page()
    return None


def install(app: Flask) -> None:
    """Let browsers hand these answers to the apps that may read them."""
    app.after_request(_allow)


def check_fresh() -> None:
    """Demand a sign-in of the last minutes, and of both factors where somebody has two. PW-9, TOTP-7."""
    asked, session = issuer(), g.session
    limit = asked.settings.fresh_for
    if not guards.is_fresh(session.authentication, asked.clock(), limit):
        raise too_weak(max_age=limit)
    with asked.database.reading() as db:
        strong = is_strong(db, asked, session)
    if not strong:
        raise too_weak(acr="mfa")


def _of_app() -> None:
    if cookies.get(Cookie.SESSION) is not None:
        raise Refusal(
            "Send an access token or the session's cookie, not both.", rule="two_credentials", status=400
        )
    g.ignores_cookies = True
    found = holder(issuer(), _asked())
    g.client, g.session = found.client.client_id, found.session


def _of_page() -> None:
    g.session = sessions.standing()
    if g.session is None:
        raise Refusal("Nobody is signed in here any more.", code="session_expired", status=401)
    csrf.check_header()


def _asked() -> OAuthRequest:
    return OAuthRequest(
        method=request.method,
        path=request.path,
        authorization=request.headers.get("Authorization"),
        origin=request.headers.get("Origin"),
    )


def _allow(response: Response) -> Response:
    demand = guards.of_request()
    if demand is None or demand.guard is not Guard.OWN or request.method == "OPTIONS":
        return response
    try:
        found: Headers = cors.of_holder(issuer(), _asked()) if "Authorization" in request.headers else ()
    except Unavailable:
        found = cors.VARY
    response.headers.extend(found)
    return response
