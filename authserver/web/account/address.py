"""One's own e-mail address: asking for another one, and the code that puts it in place."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal, TooMany
from authserver.login import addresses
from authserver.mail import outbox
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import find
from authserver.web.account import show
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import visit
from authserver.web.pages import AddressChange, Done, render

blueprint = Blueprint("address", __name__, url_prefix="/account/email")
HERE = "/account/email"


@blueprint.get("")
@demands(Guard.FRESH)
def page() -> Response:
    return _page()


@blueprint.post("")
@demands(Guard.FRESH)
def ask() -> Response:
    """The old address stays until the new one is confirmed. PW-10."""
    asked, session = issuer(), _session()

    def attempt() -> None:
        with asked.database.writing() as db:
            user = find.load(db, session.user)
            addresses.begin(db, asked, user, session.id, request.form.get("email", ""), by=actor(session))

    try:
        retrying(attempt)
    except TooMany as soon:
        return _page(retry_after=soon.retry_after)
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return _page({"email": refusal.fields["email"]})
    return visit.go(HERE)


@blueprint.post("/confirm")
@demands(Guard.FRESH)
def confirm() -> Response:
    asked, session, code = issuer(), _session(), request.form.get("code", "")

    def attempt() -> bool:
        with asked.database.writing() as db:
            return addresses.confirm(db, asked, session.user, session.id, code, by=actor(session))

    try:
        done = retrying(attempt)
    except Refusal as refusal:
        if refusal.rule != addresses.OVER and not refusal.fields:
            raise
        return _page({"email": "This code has ended. Ask for another one."})
    if not done:
        return _page({"code": gettext("This is not the code from the mail. Check its digits.")})
    return show.done("/account", Done.EMAIL_CHANGED)


def _page(errors: dict[str, str] | None = None, retry_after: int = 0) -> Response:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        waiting = addresses.pending(db, asked, session.id)
    return render(
        AddressChange(
            **show.base(),
            can_send=outbox.can_send(asked),
            pending=waiting.address if waiting else "",
            typed=request.form.get("email", "")[:254],
            errors=errors or {},
            retry_after=retry_after,
        )
    )


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
