"""One's own sessions, for an open page or an app: how long is left, that somebody is there, and their end. SS-2."""

from typing import Any

from flask import Blueprint, Response, g, jsonify
from werkzeug.wrappers import Response as AnyResponse

from authserver.authentication import SessionId
from authserver.clock import seconds
from authserver.errors import NotFound
from authserver.login import everywhere
from authserver.oauth.json_login import answers
from authserver.sessions import ending, sso
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.web import cookies, csrf, here, holder, sessions
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.pages import Staying

blueprint = Blueprint("own_session", __name__, url_prefix="/api")


@blueprint.get("/session")
@demands(Guard.OWN)
def show() -> AnyResponse:
    """Which one it is, and how long is left. Asking changes nothing: only a person's own input does."""
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        # The person behind a token is the session's; when it was last seen is not the token's to say.
        shown = answers.session(db, asked, session)
    proved = session.authentication
    about = {"auth_time": seconds(proved.at), "acr": proved.acr, "amr": proved.amr}
    return jsonify({**shown, **about, **_left(session)})


@blueprint.post("/session/touch")
@demands(Guard.OWN)
def touch() -> AnyResponse:
    """Somebody pressed a button: their idle time begins again."""
    if g.get("ignores_cookies"):
        return jsonify(_left(_touched(_session())))
    sessions.current()
    return jsonify(_left(g.get("touched") or _session()))


@blueprint.delete("/session")
@demands(Guard.OWN)
def leave() -> AnyResponse:
    """Sign out here, with the apps that end with it. RT-10, LO-7."""
    _end(_session().id, "signed_out")
    answer = _gone()
    if not g.get("ignores_cookies"):
        cookies.drop(answer, Cookie.SESSION)
        cookies.drop(answer, Cookie.BROWSER)
    return answer


@blueprint.get("/sessions")
@demands(Guard.OWN)
def every() -> AnyResponse:
    """Everywhere that one is signed in, also where nobody is there and apps still run. SS-8."""
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        found = sso.of_user(db, asked, session.user, asked.clock())
        shown = [{**answers.session(db, asked, each), "current": each.id == session.id} for each in found]
    return jsonify({"sessions": shown})


@blueprint.delete("/sessions/<session_id>")
@demands(Guard.OWN)
def end(session_id: str) -> AnyResponse:
    """Sign one's own device out; for another than this one a fresh sign-in is asked. SS-8, AD-3."""
    asked, session = issuer(), _session()
    if session_id == session.id:
        return leave()
    with asked.database.reading() as db:
        found = sso.of_user(db, asked, session.user, asked.clock())
    if all(each.id != session_id for each in found):
        raise NotFound("You are not signed in there any more.", detail="no such session of this person")
    holder.check_fresh()
    _end(SessionId(session_id), everywhere.REASON)
    return _gone()


def staying() -> Staying | None:
    """What a page tells its reader of their session."""
    kept = here.kept()
    session = kept.get("touched") or kept.get("looked")
    if not isinstance(session, SsoSession):
        return None
    return Staying(idle=sessions.left_of(session).idle, csrf_token=csrf.token_of(session))


def _touched(session: SsoSession) -> SsoSession:
    asked, now = issuer(), issuer().clock()
    if not sso.is_due(session, now):
        return session

    def attempt() -> SsoSession:
        with asked.database.writing_fast() as db:
            return sso.touch(db, asked, session, now)

    return retrying(attempt)._replace(authentication=session.authentication)


def _end(session_id: SessionId, reason: str) -> None:
    asked, by = issuer(), actor(_session())

    def attempt() -> None:
        with asked.database.writing() as db:
            ending.end(db, asked, session_id, reason=reason, by=by, now=asked.clock())

    retrying(attempt)


def _left(session: SsoSession) -> dict[str, Any]:
    left = sessions.left_of(session)
    return {"idle_in": left.idle, "ends_in": left.absolute}


def _gone() -> Response:
    answer = Response(status=204)
    del answer.headers["Content-Type"]
    return answer


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
