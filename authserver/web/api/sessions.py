"""/api/admin/sessions, and those of somebody under /api/admin/users."""

from flask import Response

from authserver.authentication import UserId
from authserver.sessions import keeping_out, sso
from authserver.store import Session
from authserver.users import find
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, gone, listed, looked
from authserver.web.api.shown import Shown
from authserver.web.api.table import noun, route
from authserver.web.api.users import blueprint as users
from authserver.web.context import issuer

blueprint = noun("sessions")


@route(users, "GET", "/<user_id>/sessions", scope="users:read", gives="Session[]")
def list_sessions(user_id: str) -> Response:
    """List where somebody is signed in, also where nobody is there and apps still run."""
    reading.query()

    def look(db: Session) -> list[Shown]:
        user, asked = find.load(db, user_id), issuer()
        found = sso.of_user(db, asked, user.id, asked.clock())
        return [shown.session(each, sso.clients_of(db, each.id)) for each in found]

    return listed(looked(look), None)


@route(users, "DELETE", "/<user_id>/sessions", scope="users:help", status=204)
def end_sessions(user_id: str) -> Response:
    """Sign somebody out everywhere; their apps are told."""
    acted(lambda db: keeping_out.end_all(db, issuer(), UserId(user_id), by=actor()))
    return gone()


@route(blueprint, "DELETE", "/<session_id>", scope="users:help", status=204)
def end_session(session_id: str) -> Response:
    """Sign one device out; its apps are told."""
    acted(lambda db: keeping_out.end_session(db, issuer(), session_id, by=actor()))
    return gone()
