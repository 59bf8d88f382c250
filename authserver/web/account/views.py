"""One's own account: name, password, connected apps."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound, Refusal
from authserver.login.passwords import change
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import edit
from authserver.web import cookies
from authserver.web.account import apps, show
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.login import visit
from authserver.web.pages import ConnectedApps, Done, WithdrawApp, render
from authserver.web.paths import safe_path

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
@demands(Guard.SESSION)
def profile() -> Response:
    return render(show.profile(_session()))


@blueprint.post("")
@demands(Guard.SESSION)
def save_name() -> Response:
    """Change the name, and nothing that is not for the person to change. AD-2."""
    asked, session = issuer(), _session()

    def attempt() -> None:
        with asked.database.writing() as db:
            name = request.form.get("name", "").strip()
            edit.edit_own(db, asked, session.user, {"name": name}, by=actor(session))

    try:
        retrying(attempt)
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return render(show.profile(session, errors=refusal.fields))
    return show.done("/account", Done.NAME_SAVED)


@blueprint.get("/fresh")
@demands(Guard.SESSION)
def fresh() -> Response:
    """Who is signed in proves it again, and is back at the page that asked."""
    return_to = safe_path(request.args.get("return_to")) or visit.ACCOUNT
    return visit.to_step("password", visit.fresh(return_to).value)


@blueprint.get("/password")
@demands(Guard.FRESH)
def password() -> Response:
    return render(show.password(_session()))


@blueprint.post("/password")
@demands(Guard.FRESH)
def change_password() -> Response:
    """A new password ends every other session and keeps this one, under a new handle. SS-7."""
    session = _session()
    try:
        kept, handle = change(issuer(), session, request.form.get("new", ""), by=actor(session))
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return render(show.password(session, errors={"new": refusal.fields["password"]}))
    answer = show.done("/account/password", Done.PASSWORD_CHANGED)
    cookies.put(answer, Cookie.SESSION, handle, kept.seconds_left(issuer().clock()))
    return answer


@blueprint.get("/apps")
@demands(Guard.SESSION)
def connected_apps() -> Response:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        found = apps.connected(db, asked, session.user)
    return render(ConnectedApps(**show.base(), apps=tuple(found.values())))


@blueprint.get("/apps/withdraw")
@demands(Guard.FRESH)
def confirm_withdrawal() -> Response:
    """Say what stops, and ask once more."""
    asked, session, client_id = issuer(), _session(), request.args.get("app", "")
    with asked.database.reading() as db:
        found = apps.connected(db, asked, session.user).get(client_id)
    if found is None:
        raise NotFound("This app has nothing of yours.", detail=f"no grant and no consent for {client_id!r}")
    return render(WithdrawApp(**show.base(), connected=found, action=found.withdraw_url))


@blueprint.post("/apps/withdraw")
@demands(Guard.FRESH)
def withdraw() -> Response:
    asked, session, client_id = issuer(), _session(), request.args.get("app", "")

    def attempt() -> None:
        with asked.database.writing() as db:
            apps.withdraw(db, asked, session.user, client_id, by=actor(session))

    retrying(attempt)
    return show.done("/account/apps", Done.APP_WITHDRAWN, about=client_id)


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
