"""A copy of one's own data, and the end of one's own account."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.login import leaving, own_data
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.web import cookies
from authserver.web.account import show
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.pages import Told, ToldOf, render
from authserver.web.pages_account import DeleteAccount, ExportData

blueprint = Blueprint("own", __name__, url_prefix="/account")


@blueprint.get("/data")
@demands(Guard.FRESH)
def export() -> Response:
    return render(ExportData(**show.base()))


@blueprint.post("/data")
@demands(Guard.FRESH)
def download() -> Response:
    """What is kept of them, as a file."""
    asked, session = issuer(), _session()

    def attempt() -> Any:
        with asked.database.writing() as db:
            return own_data.take(db, asked, session, by=actor(session))

    text = json.dumps(retrying(attempt), default=_plain, ensure_ascii=False, indent=2)
    answer = Response(text, mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    return answer


@blueprint.get("/delete")
@demands(Guard.FRESH)
def ask() -> Response:
    """What goes, what stays, and that there is no way back."""
    leaving.check_allowed(issuer())
    return _ask()


@blueprint.post("/delete")
@demands(Guard.FRESH)
def delete() -> Response:
    asked, session = issuer(), _session()
    leaving.check_allowed(asked)
    if request.form.get("sure") != "yes":
        return _ask("required")
    try:
        leaving.leave(asked, session, by=actor(session))
    except Refusal as refusal:
        if refusal.rule != "last_owner":
            raise
        return _ask("last_owner")
    answer = render(Told(what=ToldOf.DELETED, to="/"))
    cookies.drop(answer, Cookie.SESSION)
    cookies.drop(answer, Cookie.TRUSTED)
    return answer


def _ask(problem: str = "") -> Response:
    page = DeleteAccount(
        **show.base(),
        kept_days=issuer().settings.audit_retention_days,
        is_last_owner=problem == "last_owner",
        unsure=problem == "required",
    )
    return render(page)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is nothing that is exported")


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
