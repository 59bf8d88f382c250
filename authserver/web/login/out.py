"""Sign out here, by one's own choice. What an app asks for is in web/oauth/logout.py."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.sessions import ending
from authserver.store import retrying
from authserver.web import cookies, csrf, sessions
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.login import visit
from authserver.web.pages import SignedOut, SignOutConfirm, render

blueprint = Blueprint("sign_out", __name__)


@blueprint.get("/logout")
@demands(Guard.OPEN)
def ask() -> Response:
    """Asked first while somebody is signed in; a link alone signs nobody out."""
    if sessions.current() is None:
        return render(SignedOut()) if sessions.idle() is None else visit.go("/oauth/logout")
    g.session = sessions.current()
    page = SignOutConfirm(csrf_token=csrf.token(), action="/logout", person=visit.person())
    return render(page)


@blueprint.post("/logout")
@demands(Guard.SESSION)
def leave() -> Response:
    """End the session with the apps that end with it, and forget its cookie by name. LO-7, RT-10."""
    asked, session = issuer(), g.session
    if request.form.get("choice") == "stay":
        return visit.go(visit.ACCOUNT)

    def attempt() -> None:
        with asked.database.writing() as db:
            now = asked.clock()
            ending.end(db, asked, session.id, reason="signed_out", by=actor(session), now=now)

    retrying(attempt)
    answer = visit.go("/logout")
    cookies.drop(answer, Cookie.SESSION)
    cookies.drop(answer, Cookie.BROWSER)
    return answer
