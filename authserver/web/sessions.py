"""Who is signed in in this browser."""

from flask import Flask, g
from werkzeug.wrappers import Response

from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.web import cookies
from authserver.web.context import issuer
from authserver.web.cookies import Cookie


def current() -> SsoSession | None:
    """The live session of this browser, looked up once a request; somebody asking for a page is not idle."""
    if "looked_up" not in g:
        g.looked_up = _looked_up()
    found: SsoSession | None = g.looked_up
    return found


def forget() -> None:
    """Look again: what was found has ended within this request."""
    for name in ("looked_up", "touched"):
        g.pop(name, None)


def install(app: Flask) -> None:
    """Let the cookie of a session that was touched live as long as the session does now."""
    app.after_request(_renew_cookie)


def _looked_up() -> SsoSession | None:
    asked, handle = issuer(), cookies.get(Cookie.SESSION)
    if handle is None:
        return None
    now = asked.clock()
    with asked.database.reading() as db:
        found = sso.find(db, asked, handle, now)
    if found is None or not sso.is_due(found, now):
        return found
    session = found

    def touched() -> SsoSession:
        with asked.database.writing_fast() as db:
            return sso.touch(db, asked, session, now)

    g.touched = retrying(touched)
    return found


def _renew_cookie(response: Response) -> Response:
    session: SsoSession | None = g.get("touched")
    handle = cookies.get(Cookie.SESSION)
    already = any(cookies.sets(line, Cookie.SESSION) for line in response.headers.getlist("Set-Cookie"))
    if session is not None and session.remembered and handle and not already:
        cookies.put(response, Cookie.SESSION, handle, session.seconds_left(issuer().clock()))
    return response
