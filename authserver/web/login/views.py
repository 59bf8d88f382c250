"""The pages of a sign-in. Each reads what came, takes one step, and shows what comes next."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound, Refusal, TooMany
from authserver.factors.password import Busy
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.registry import factors
from authserver.login import transaction
from authserver.login.completion import Entered
from authserver.login.requirements import Show
from authserver.login.steps import Moved, Outcome, Proved, Wrong, facing, take
from authserver.store import retrying
from authserver.transaction import Purpose
from authserver.web import here, sessions
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.login import codes, providers, show, upstream, visit
from authserver.web.login.elsewhere import lead_on
from authserver.web.login.onwards import to_the_app
from authserver.web.login.show import FIRST
from authserver.web.login.visit import Under
from authserver.web.pages import SignInState, render

blueprint = Blueprint("login", __name__)
LEADS_NOWHERE = {"trouble", "here", "find"}


@blueprint.get("/login")
@demands(Guard.OPEN)
def sign_in() -> Response:
    """Who are you? Showing it writes nothing."""
    under = visit.under_way()
    if under is None:
        return show.over()
    away = elsewhere(under, FIRST)
    if away is not None:
        return away
    hinted = providers.hinted(under.tx)
    # Who came back, or wants another way, is not led there again.
    if hinted is not None and not LEADS_NOWHERE & here.query().keys():
        return render(lead_on(under, hinted))
    return render(show.sign_in(under))


@blueprint.post("/login")
@demands(Guard.BROWSER_POST)
def prove() -> Response:
    """Name and password."""
    under = visit.under_way()
    if under is None or (under.tx.session is not None and sessions.current() is None):
        under = visit.late()
    if under is None:
        return show.over()
    if under.tx.session is not None:
        return visit.onwards(under.tx)
    return _without_password(under) or _with_password(under)


def _without_password(under: Under) -> Response | None:
    """Where a typed address leads before a password is asked; the page again where none was typed."""
    sent = here.form()
    typed = sent.get("username", "")
    there = None if sent.get("here") else providers.of_address(under.tx, typed)
    if there is not None:
        return upstream.leave(under, there, typed)
    return None if sent.get("password") else render(show.sign_in(under))


def _with_password(under: Under) -> Response:
    sent = here.form()
    keeps = show.keeps(sent)
    tx = under.tx if under.tx.remembered is keeps else under.tx._replace(remembered=keeps)
    try:
        outcome = take(issuer(), tx, FIRST, sent, visit.visitor(tx))
    except TooMany as closed:
        return render(show.sign_in(under, SignInState.LIMITED, closed.retry_after))
    except Busy as busy:
        return render(show.sign_in(under, SignInState.BUSY, busy.retry_after))
    if isinstance(outcome, Wrong):
        return render(show.sign_in(under, SignInState.WRONG))
    return _after(under, outcome)


@blueprint.get("/login/again")
@demands(Guard.OPEN)
def again() -> Response:
    """Not you, or too late: the same request from its start."""
    under = visit.stale()
    return show.over() if under is None else visit.to_step(FIRST, under.value)


@blueprint.get("/login/choose")
@demands(Guard.OPEN)
def choose_way() -> Response:
    """By which of one's second factors? Asked first of those who have used none of several yet."""
    under = visit.under_way()
    if under is None:
        return show.over()
    now = _now(under)
    if isinstance(now, Response):
        return now
    factor = factors(issuer()).get(now.step)
    if factor is None or factor.enrols or now.step == FIRST:
        return visit.to_step(now.step, under.value)
    return render(show.choose_way(under, now))


@blueprint.get("/login/account")
@demands(Guard.OPEN)
def choose() -> Response:
    """Which account? For prompt=select_account."""
    under = visit.under_way()
    if under is None:
        return show.over()
    if under.tx.session is not None:
        return visit.onwards(under.tx)
    if sessions.current() is None or under.tx.version:
        return visit.to_step(FIRST, under.value)
    return render(show.choose(under))


@blueprint.post("/login/account")
@demands(Guard.BROWSER_POST)
def chosen() -> Response:
    """Go on as who is signed in, or as somebody else."""
    under, session, asked = visit.under_way(), sessions.current(), issuer()
    if under is None:
        return show.over()
    if request.form.get("choice") != "continue" or session is None:
        return visit.to_step(FIRST, under.value)
    with asked.database.writing() as db:
        tx = transaction.choose(
            db,
            asked,
            under.tx,
            user=session.user,
            epoch=session.epoch,
            session=session.id,
            now=asked.clock(),
        )
    return visit.to_step(FIRST, under.value) if tx is None else visit.onwards(tx)


@blueprint.get("/login/<step>")
@demands(Guard.OPEN)
def ask(step: str) -> Response:
    """One more proof."""
    under = _at(step)
    if isinstance(under, Response):
        return under
    asked, factor = issuer(), factors(issuer())[step]
    with asked.database.writing() as db:
        factor.challenge(db, asked, facing(under.tx, sessions.current()))
    return render(show.step(under, factor))


@blueprint.post("/login/<step>")
@demands(Guard.BROWSER_POST)
def answer(step: str) -> Response:
    """The answer to one more proof."""
    under = _at(step)
    if isinstance(under, Response):
        return under
    asked, factor = issuer(), factors(issuer())[step]
    if any(len(request.form.getlist(name)) > 1 for name in request.form):
        raise Refusal("There is more than one answer.", rule="answers", value=step)
    error, retry_after = "", 0
    try:
        tx = under.tx._replace(trusts=under.tx.trusts or bool(request.form.get("trust")))
        if not tx.version:  # a passkey first of all says what the sign-in page asked beside it
            tx = tx._replace(remembered=show.keeps(request.form))
        shows_codes = factor.enrols or step == RecoveryCode.name
        outcome = take(asked, tx, step, request.form, visit.visitor(None if shows_codes else tx))
        if not isinstance(outcome, Wrong):
            return _after(under, outcome, step)
        error = show.wrong(outcome)
    except TooMany as closed:
        retry_after = closed.retry_after
    return render(show.step(under, factor, error=error, retry_after=retry_after))


@blueprint.post("/login/<step>/send")
@demands(Guard.BROWSER_POST)
def send(step: str) -> Response:
    """Send the code that this step asks for, or another one. The page itself sends none, however often it is seen."""
    under = _at(step)
    if isinstance(under, Response):
        return under
    asked, factor, session = issuer(), factors(issuer())[step], sessions.current()
    if not factor.sends:
        raise NotFound("There is nothing at this address.", detail=f"{step!r} sends nothing")

    def attempt() -> None:
        tx = facing(under.tx, session)
        with asked.database.writing() as db:
            if tx.user is not None and not factor.locked(db, asked, tx.user):
                factor.send(db, asked, tx, by=actor(session))

    try:
        retrying(attempt)
    except TooMany as soon:
        return render(show.step(under, factor, too_soon=soon.retry_after))
    return visit.to_step(step, under.value)


def _at(step: str) -> Under | Response:
    """The login under way when it is at this step, else the way to where it is. SU-2."""
    known = factors(issuer())
    if step not in known or step == FIRST:
        raise NotFound("There is nothing at this address.", detail=f"no step {step!r}")
    if not (request.form.get("tx") or request.args.get("tx")):
        return visit.go("/login")
    under = visit.under_way()
    if under is None:
        return show.over()
    return elsewhere(under, step) or under


def elsewhere(under: Under, step: str) -> Response | None:
    """Where to go instead, when this page is not the one for now."""
    now = _now(under)
    if isinstance(now, Response):
        return now
    return None if now.allows(step) else visit.to_shown(now, under.value)


def _now(under: Under) -> Show | Response:
    """What this login asks for now, or where it goes on if it asks for nothing any more."""
    tx, session = under.tx, sessions.current()
    if tx.session is not None:
        return visit.onwards(tx)
    if tx.version == 0 and session is not None:
        came_by_themselves = tx.purpose is Purpose.SIGN_IN
        if came_by_themselves or session.authentication.at > tx.created_at:
            return visit.as_new_request(tx)
    now = visit.standing(tx)
    return now if isinstance(now, Show) else visit.as_new_request(tx)


def _after(under: Under, outcome: Outcome, step: str = FIRST) -> Response:
    match outcome:
        case Entered() if factors(issuer())[step].enrols:
            return codes.keep(outcome)
        case Entered(tx=tx) if step == RecoveryCode.name and tx.purpose is not Purpose.FRESH:
            return codes.used(outcome)
        case Entered():
            return visit.entered(outcome, to_the_app(outcome))
        case Proved():
            return visit.to_shown(outcome.show, outcome.tx.id)
        case Moved(show=Show() as where):
            return visit.to_shown(where, under.value)
        case _:
            return visit.go("/login", tx=under.value)
