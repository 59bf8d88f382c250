"""What follows a sign-in by which recovery codes came or went, and the codes as a file."""

import re
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.factors import recovery_code
from authserver.login import enrolment
from authserver.login.completion import Entered
from authserver.store import retrying
from authserver.users import find
from authserver.web import csrf
from authserver.web.context import actor, branding, issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import visit
from authserver.web.pages import CodeUsed, KeepCodes, NoWayWorks, render

blueprint = Blueprint("codes", __name__)
UNSAFE = re.compile(r"[^\w .@-]")


@blueprint.post("/recovery-codes")
@demands(Guard.BROWSER_POST)
def as_file() -> Response:
    """The codes that the page shows, as a file: what came is given back, and nothing is kept."""
    codes = [code for code in request.form.getlist("code") if recovery_code.SHOWN.fullmatch(code)]
    if not codes or len(codes) > recovery_code.COUNT:
        raise Refusal("These are no recovery codes.", rule="codes.file")
    name = UNSAFE.sub("", branding().name)
    title = gettext("Recovery codes for %(name)s. Each one works once.", name=name)
    text = "\r\n".join([title, issuer().url, "", *codes, ""])
    answer = Response(text, mimetype="text/plain")
    answer.headers["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return answer


@blueprint.get("/login/help")
@demands(Guard.OPEN)
def no_way() -> Response:
    """None of one's second factors is at hand: a person helps."""
    if not request.args.get("tx"):
        return visit.go("/login")
    under = visit.under_way()
    if under is None:
        return visit.go("/login")
    return render(NoWayWorks(back_url=f"/login?tx={under.value}", app=visit.app_of(under.tx)))


def keep(outcome: Entered) -> Response:
    """Signed in with an app that was set up in this login: its recovery codes, once, before it goes on. RC-1."""
    asked, user = issuer(), outcome.session.user

    def attempt() -> tuple[str, ...]:
        with asked.database.writing() as db:
            return enrolment.new_codes(db, asked, find.load(db, user), by=actor(outcome.session))

    codes = retrying(attempt)
    onwards = urlsplit(visit.way_onwards(outcome.tx))
    page = KeepCodes(
        here=visit.ACCOUNT,
        csrf_token=csrf.token(),
        codes=codes,
        to=onwards.path,
        fields=tuple(parse_qsl(onwards.query, keep_blank_values=True)),
        app=visit.app_of(outcome.tx),
    )
    return visit.entered(outcome, render(page))


def used(outcome: Entered) -> Response:
    """Signed in by a recovery code: how many are left, and the way to a new app. RC-5."""
    with issuer().database.reading() as db:
        left = recovery_code.left(db, outcome.session.user).left
    page = CodeUsed(
        here=visit.ACCOUNT, left=left, to=visit.way_onwards(outcome.tx), app=visit.app_of(outcome.tx)
    )
    return visit.entered(outcome, render(page))
