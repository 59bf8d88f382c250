"""/api/admin/invitations."""

from flask import Response

from authserver.login import inviting
from authserver.login.inviting import InvitationForm
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, created, gone, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("invitations")
LIST = ("limit", "after")


@route(blueprint, "GET", scope="users:read", gives="Invitation[]", query=LIST)
def list_invitations() -> Response:
    """List the invitations that nobody took up yet."""
    given = reading.query(*LIST)
    found = looked(lambda db: inviting.every(db, issuer()))
    return paged(found, shown.invitation, lambda each: each.id, given)


@route(blueprint, "POST", scope="users:write", takes=InvitationForm, gives="Invitation", status=201)
def invite() -> Response:
    """Mail somebody a link that makes their account, once."""
    given = reading.members()
    made = acted(lambda db: inviting.invite(db, issuer(), given, by=actor()))
    return created(shown.invitation(made), "invitations", made.id)


@route(blueprint, "DELETE", "/<invitation_id>", scope="users:write", status=204)
def withdraw_invitation(invitation_id: str) -> Response:
    """Withdraw an invitation; its link makes nothing any more."""
    acted(lambda db: inviting.withdraw(db, issuer(), invitation_id, by=actor()))
    return gone()
