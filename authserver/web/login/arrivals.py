"""Who came back from a provider: let in, asked whether they are new, or joined to the account that they proved."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.login import arrival, joining, transaction
from authserver.login.arrival import Outcome, Stranger
from authserver.login.completion import Entered
from authserver.login.trip import Errand
from authserver.sessions.sso import SsoSession
from authserver.web import cookies, csrf
from authserver.web.account import show as account
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.login import elsewhere, show, upstream, visit
from authserver.web.login.visit import Under
from authserver.web.pages import Done, render
from authserver.web.pages_upstream import Join

blueprint = Blueprint("arrivals", __name__)
YEAR = 365 * 86_400


@blueprint.get("/login/arrival")
@demands(Guard.OPEN)
def arrive() -> Response:
    """Who came back, in the browser that left: by their link, or asked whether they are new."""
    under = visit.under_way() if request.args.get("tx") else None
    if under is None:
        return show.over()
    if under.tx.session is not None:
        return visit.onwards(under.tx)
    with issuer().database.reading() as db:
        waits = arrival.waiting(db, issuer(), under.tx.id, cookies.browser()[1])
    outcome = arrival.enter(issuer(), under.tx, visit.visitor())
    return _remembered(upstream.shown(under, outcome), outcome, waits.provider.slug if waits else "")


@blueprint.post("/login/arrival")
@demands(Guard.BROWSER_POST)
def decide() -> Response:
    """New here, or to be joined to an account that they prove next."""
    under, asked = visit.under_way(), issuer()
    if under is None:
        return show.over()
    if request.form.get("choice") == "have":
        return _aside(under)
    with asked.database.reading() as db:
        waits = arrival.waiting(db, asked, under.tx.id, cookies.browser()[1])
    try:
        outcome = arrival.begin_account(asked, under.tx, visit.visitor(), request.form)
    except Refusal as refusal:
        if not refusal.fields or waits is None:
            raise
        return render(elsewhere.new_here(under, Stranger(arrival=waits, makes_account=True), refusal.fields))
    return _remembered(upstream.shown(under, outcome), outcome, waits.provider.slug if waits else "")


@blueprint.get("/login/join")
@demands(Guard.FRESH)
def ask_to_join() -> Response:
    """Both were proved, the account only just now: both names are shown, and the person says yes or no. UP-5."""
    asked, session, tx_id = issuer(), _session(), request.args.get("tx", "")
    with asked.database.reading() as db:
        found = joining.pending(db, asked, session, tx_id, cookies.browser()[1])
    if found is None:
        return _onwards(tx_id)
    page = Join(
        here=visit.ACCOUNT,
        csrf_token=csrf.token(),
        action=f"/login/join?tx={tx_id}",
        identity=elsewhere.identity_of(found.provider, found.identity),
        person=visit.person(),
    )
    return render(page)


@blueprint.post("/login/join")
@demands(Guard.FRESH)
def join() -> Response:
    """Joined, or kept apart; either way what was proved is used up. CVE-6."""
    asked, session, tx_id = issuer(), _session(), request.args.get("tx", "")
    browser = cookies.browser()[1]
    with asked.database.reading() as db:
        found = joining.pending(db, asked, session, tx_id, browser)
    if request.form.get("choice") != "join":
        joining.drop(asked, tx_id, browser)
    elif found is not None:
        joining.join(asked, session, tx_id, browser, by=actor(session))
        if found.errand is Errand.LINK:
            return account.done("/account/factors", Done.LINKED)
    return _onwards(tx_id)


def _aside(under: Under) -> Response:
    """To the sign-in page, for the account that they have; the login learns that two are to be joined."""
    asked, tx = issuer(), under.tx
    if tx.version or not arrival.set_aside(asked, tx, visit.visitor()):
        return visit.go("/login", tx=under.value)
    value = transaction.seal(
        asked,
        purpose=tx.purpose,
        request={**tx.request, visit.JOINS: "yes"},
        browser=tx.browser,
        now=asked.clock(),
        id=tx.id,
        level=tx.level,
        steps_up=tx.steps_up,
    )
    return visit.to_step("password", value)


def _onwards(tx_id: str) -> Response:
    """What waited for the login, now that there is nothing to be joined."""
    with issuer().database.reading() as db:
        row = (
            transaction.find_row(db, tx_id, cookies.browser()[1]) if transaction.ID.fullmatch(tx_id) else None
        )
    if row is None:
        return visit.go("/account/factors")
    plain = {name: value for name, value in row.tx.request.items() if name != visit.JOINS}
    return visit.onwards(row.tx._replace(request=plain))


def _remembered(answer: Response, outcome: Outcome, slug: str) -> Response:
    """The way that was used last comes first next time."""
    if isinstance(outcome, Entered) and slug:
        cookies.put(answer, Cookie.LAST, slug, YEAR)
    return answer


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
