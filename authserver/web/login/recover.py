"""A forgotten password: asking for a link, and the page that the link leads to."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound, Refusal
from authserver.login import passwords, recovery
from authserver.mail import outbox
from authserver.web import csrf
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.login import visit
from authserver.web.pages import Forgotten, NewPassword, Problem, Told, ToldOf, render

blueprint = Blueprint("recover", __name__)


@blueprint.get("/login/forgotten")
@demands(Guard.OPEN)
def forgotten() -> Response:
    _check_mail()
    return render(_forgotten())


@blueprint.post("/login/forgotten")
@demands(Guard.BROWSER_POST)
def ask() -> Response:
    """One answer for every name. PW-4."""
    _check_mail()
    identifier = request.form.get("username", "")
    if not identifier.strip():
        return render(_forgotten(Problem.REQUIRED))
    recovery.ask(issuer(), identifier, by=actor())
    return render(Told(what=ToldOf.LINK_SENT, to="/login"))


@blueprint.get("/recover/<ticket>")
@demands(Guard.OPEN)
def link(ticket: str) -> Response:
    """Looking spends nothing: programs that read mail look first. PW-8."""
    asked = issuer()
    with asked.database.reading() as db:
        lost = recovery.standing(db, asked, ticket)
        if lost is None:
            return _over()
        shortest = passwords.shortest(db, asked, lost.user)
    return render(_new_password(ticket, shortest))


@blueprint.post("/recover/<ticket>")
@demands(Guard.BROWSER_POST)
def choose(ticket: str) -> Response:
    """Set the password; nobody is signed in by it, and no second step is skipped. PW-7, CVE-3."""
    asked = issuer()
    try:
        user = recovery.reset(asked, ticket, request.form.get("new", ""), by=actor())
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return render(_new_password(ticket, asked.settings.password_min_length, refusal.fields["password"]))
    if user is None:
        return _over()
    under = visit.sign_in(visit.ACCOUNT, login_hint=user.email or "")
    return render(Told(what=ToldOf.PASSWORD_SET, to=f"/login?tx={under.value}"))


def _forgotten(error: str = "") -> Forgotten:
    return Forgotten(
        here="/login/forgotten",
        csrf_token=csrf.token(),
        action="/login/forgotten",
        username=request.args.get("name", "")[:254],
        error=error,
    )


def _new_password(ticket: str, minimum: int, error: str = "") -> NewPassword:
    return NewPassword(
        here=f"/recover/{ticket}",
        csrf_token=csrf.token(),
        action=f"/recover/{ticket}",
        minimum=minimum,
        error=error,
    )


def _over() -> Response:
    return render(Told(what=ToldOf.LINK_OVER, to="/login/forgotten"))


def _check_mail() -> None:
    if not outbox.can_send(issuer()):
        raise NotFound("There is nothing at this address.", detail="no mail can be sent")
