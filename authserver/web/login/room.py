"""The page of somebody who is signed in on as many devices as they may be: which one ends? SS-5."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.login import room
from authserver.login.completion import Entered
from authserver.login.room import Over
from authserver.sessions import limits
from authserver.sessions.limits import Full
from authserver.sessions.takeover import EVERY
from authserver.web import csrf
from authserver.web.account import places
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.login import finish, show, views, visit
from authserver.web.login.visit import Under
from authserver.web.pages import render
from authserver.web.pages_login import TakeOver

blueprint = Blueprint("room", __name__)
HERE = "/login/takeover"


@blueprint.get(HERE)
@demands(Guard.OPEN)
def ask() -> Response:
    """Where somebody is signed in, told to nobody who has not proved everything."""
    under = visit.under_way() if request.args.get("tx") else None
    if under is None:
        return show.over()
    return _page(under)


@blueprint.post(HERE)
@demands(Guard.BROWSER_POST)
def choose() -> Response:
    """Sign that one out and go on here; or stay as everything is."""
    under = visit.under_way() if request.form.get("tx") else None
    if under is None:
        return show.over()
    if request.form.get("choice") == "cancel":
        return finish.given_up(under, "takeover.cancelled")
    chosen = EVERY if request.form.get("choice") == EVERY else request.form.get("session", "")
    match room.choose(issuer(), under.tx, chosen, visit.visitor()):
        case Entered() as entered if chosen == EVERY:
            return visit.entered(entered, visit.go("/account/not-me"))
        case Entered() as entered:
            return finish.finished(entered)
        case Full():
            return _page(under)
        case Over():
            return show.over()


def _page(under: Under) -> Response:
    asked, tx = issuer(), under.tx
    if tx.session is not None:
        return visit.onwards(tx)
    visitor = visit.visitor()
    own = visitor.session or visitor.idle
    with asked.database.reading() as db:
        if tx.user is None or not room.is_open(db, asked, tx, visitor):
            return views.elsewhere(under, "takeover") or show.over()
        full = limits.look(db, asked, tx.user, besides=own.id if own is not None else None)
        standing = full.standing if full is not None else ()
        devices = places.devices(db, asked, tx.user, sorted(standing, key=lambda each: each.last_seen_at))
    return render(
        TakeOver(
            here=f"{HERE}?tx={under.value}",
            csrf_token=csrf.token(),
            tx=under.value,
            action=HERE,
            app=visit.app_of(tx),
            proved=show.done_before(under),
            devices=devices,
            most=full.most if full is not None else 0,
        )
    )
