"""What an open page asks about its own session: how long is left, and that somebody is still there. SS-2."""

from flask import Blueprint, Response, g, jsonify
from werkzeug.wrappers import Response as AnyResponse

from authserver.sessions.sso import SsoSession
from authserver.web import csrf, sessions
from authserver.web.guards import Guard, demands
from authserver.web.pages import Staying

blueprint = Blueprint("own_session", __name__, url_prefix="/api/session")


@blueprint.get("")
@demands(Guard.OWN)
def show() -> AnyResponse:
    """How long is left. Asking changes nothing: only a person's own input does."""
    return _shown(g.session)


@blueprint.post("/touch")
@demands(Guard.OWN)
def touch() -> AnyResponse:
    """Somebody pressed the button: their idle time begins again."""
    sessions.current()
    return _shown(g.get("touched") or g.session)


def staying() -> Staying | None:
    """What a page tells its reader of their session."""
    session = g.get("touched") or g.get("looked")
    if not isinstance(session, SsoSession):
        return None
    return Staying(idle=sessions.left_of(session).idle, csrf_token=csrf.token_of(session))


def _shown(session: SsoSession) -> Response:
    left = sessions.left_of(session)
    return jsonify({"idle_in": left.idle, "ends_in": left.absolute})
