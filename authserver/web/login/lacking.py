"""The pages between all proofs and the session: yes to the terms, and an address of one's own. UP-9."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal, TooMany
from authserver.login import addresses, lacking, saying
from authserver.login.completion import Entered
from authserver.login.requirements import ADDRESS, TERMS, Show
from authserver.login.saying import Outcome, Sent, WrongCode
from authserver.login.steps import Moved, Proved
from authserver.users import find, terms
from authserver.web import csrf
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import finish, show, views, visit
from authserver.web.login.visit import Under
from authserver.web.pages import render
from authserver.web.pages_asked import AskAddress, AskTerms

blueprint = Blueprint("lacking", __name__)


@blueprint.get("/login/terms")
@demands(Guard.OPEN)
def ask_terms() -> Response:
    under = _at(TERMS)
    return under if isinstance(under, Response) else _terms(under)


@blueprint.post("/login/terms")
@demands(Guard.BROWSER_POST)
def accept_terms() -> Response:
    """They go on with yes alone; what they said yes to is the version that they were shown."""
    under = _at(TERMS)
    if isinstance(under, Response):
        return under
    if request.form.get("choice") == "cancel":
        return finish.given_up(under, "terms.cancelled")
    version = request.form.get("version", "")
    return _led(under, saying.accept_terms(issuer(), under.tx, version, visit.visitor()))


@blueprint.get("/login/address")
@demands(Guard.OPEN)
def ask_address() -> Response:
    under = _at(ADDRESS)
    return under if isinstance(under, Response) else _address(under)


@blueprint.post("/login/address")
@demands(Guard.BROWSER_POST)
def give_address() -> Response:
    """One answer for every address: whose it is already is told there alone. PW-4."""
    under = _at(ADDRESS)
    if isinstance(under, Response):
        return under
    asked, visitor = issuer(), visit.visitor()
    if request.form.get("choice") == "skip":
        return _led(under, saying.skip_address(asked, under.tx, visitor))
    try:
        return _led(under, saying.give_address(asked, under.tx, request.form.get("email", ""), visitor))
    except TooMany as soon:
        return _address(under, retry_after=soon.retry_after)
    except Refusal as refusal:
        if "email" not in refusal.fields:
            raise
        return _address(under, email_error=refusal.fields["email"])


@blueprint.post("/login/address/confirm")
@demands(Guard.BROWSER_POST)
def confirm_address() -> Response:
    under = _at(ADDRESS)
    if isinstance(under, Response):
        return under
    code = request.form.get("code", "")
    try:
        return _led(under, saying.confirm_address(issuer(), under.tx, code, visit.visitor()))
    except Refusal as refusal:
        if refusal.rule != addresses.OVER and not refusal.fields:
            raise
        return _address(under, email_error="This code has ended. Ask for another one.")


def _at(step: str) -> Under | Response:
    """The login under way when this is what it asks, else the way to where it is. SU-2."""
    under = visit.under_way() if request.form.get("tx") or request.args.get("tx") else None
    if under is None:
        return show.over()
    return views.elsewhere(under, step) or under


def _led(under: Under, outcome: Outcome) -> Response:
    match outcome:
        case Entered():
            return finish.finished(outcome)
        case Proved(show=now) | Moved(show=Show() as now):
            return visit.to_shown(now, under.value)
        case WrongCode():
            said = gettext("This is not the code from the mail. Check its digits.")
            return _address(under, code_error=said)
        case Sent():
            return visit.to_step(ADDRESS, under.value)
        case _:
            return visit.go("/login", tx=under.value)


def _terms(under: Under) -> Response:
    asked, user = issuer(), under.tx.user
    if user is None:
        raise TypeError("somebody is asked")
    with asked.database.reading() as db:
        before = terms.accepted(db, user)
    settings = asked.settings
    return render(
        AskTerms(
            here=f"/login/terms?tx={under.value}",
            csrf_token=csrf.token(),
            tx=under.value,
            action="/login/terms",
            version=settings.terms_version,
            terms=settings.terms_text,
            privacy=settings.privacy_text,
            changed=bool(before),
            app=visit.app_of(under.tx),
            proved=show.done_before(under),
        )
    )


def _address(under: Under, *, email_error: str = "", code_error: str = "", retry_after: int = 0) -> Response:
    asked, user = issuer(), under.tx.user
    if user is None:
        raise TypeError("somebody is asked")
    with asked.database.reading() as db:
        waiting = addresses.pending(db, asked, under.tx.id)
        known = find.load(db, user).email or ""
        can_skip = lacking.may_skip(db, asked, user)
    return render(
        AskAddress(
            here=f"/login/address?tx={under.value}",
            csrf_token=csrf.token(),
            tx=under.value,
            action="/login/address",
            pending=waiting.address if waiting else "",
            typed=request.form.get("email", "")[:254] or (waiting.address if waiting else known),
            can_skip=can_skip,
            email_error=email_error,
            code_error=code_error,
            retry_after=retry_after,
            app=visit.app_of(under.tx),
            proved=show.done_before(under),
        )
    )
