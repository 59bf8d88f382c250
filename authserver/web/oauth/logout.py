"""The end_session endpoint: an app asks to sign somebody out. OpenID Connect RP-Initiated Logout 1.0."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.oauth import logout, paused
from authserver.oauth.logout import LogoutRequest
from authserver.oauth.respond import form_target
from authserver.sessions import ending
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import find as users
from authserver.web import cookies, csrf, headers, pages, sessions
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.oauth.asking import app_of, away, note, oauth_request, person_of, to

blueprint = Blueprint("logout", __name__)
PATH = "/oauth/logout"
CONFIRM = "/oauth/logout/confirm"
SIGNED_OUT = "signed_out"
OF = "=session"  # whom the page asked; no parameter has this name


@blueprint.route(PATH, methods=["GET", "POST"])
@demands(Guard.CROSS_SITE)
def end_session() -> Response:
    """Sign out whoever the hint proves; ask where it proves nobody. LO-1."""
    came = oauth_request()
    if request.method == "POST":
        return to(PATH, {"posted": paused.seal_posted(issuer(), logout.received(came))})
    posted = paused.open_posted(issuer(), came.query["posted"]) if "posted" in came.query else None
    values = logout.received(came) if posted is None else posted
    asked = logout.read(issuer(), values)
    if asked.doubt is not None:
        note(asked.doubt, asked.client)
    session = _of_browser()
    theirs = session is not None and _is_theirs(asked, session)
    _end(asked, session if theirs else None)
    if session is not None and not theirs:
        return _confirm(asked, session, paused.seal_posted(issuer(), {**values, OF: session.id}))
    return _signed_out(asked, proved=asked.hint is not None)


@blueprint.post(CONFIRM)
@demands(Guard.BROWSER_POST)
def confirm() -> Response:
    """The person answers for themselves, and so for the app that asked without proof."""
    form, session = oauth_request().form, _of_browser()
    if form.get("choice") != "sign_out":
        return to("/account")
    values = paused.open_posted(issuer(), form.get("tx", "")) or {}
    if session is not None and values.get(OF) != session.id:
        # The page asked somebody else, or asked too long ago: whoever is here now is asked.
        return to(PATH, {"posted": form.get("tx", "")})
    asked = logout.read(issuer(), values)
    _end(asked, session)
    return _signed_out(asked, proved=True)


def _of_browser() -> SsoSession | None:
    """Whoever is signed in here, or was until they were away for long: their apps run on. SS-2, RT-10."""
    return sessions.current() or sessions.idle()


def _is_theirs(asked: LogoutRequest, session: SsoSession) -> bool:
    """Whether the hint is of this session, or of the person who is signed in here."""
    if asked.hint is None:
        return False
    if asked.hint.session == session.id:
        return True
    with issuer().database.reading() as db:
        user = users.find(db, session.user)
    return user is not None and user.subject == asked.hint.subject


def _end(asked: LogoutRequest, session: SsoSession | None) -> None:
    """End the session of this browser, and the one that the hint names even where no browser has it any more."""
    named = asked.hint.session if asked.hint is not None else None
    ids = {each for each in (named, session.id if session is not None else None) if each is not None}

    def attempt() -> None:
        with issuer().database.writing() as db:
            for each in sorted(ids):
                ending.end(db, issuer(), each, reason=SIGNED_OUT, by=actor(session), now=issuer().clock())

    if ids:
        retrying(attempt)


def _confirm(asked: LogoutRequest, session: SsoSession, tx: str) -> Response:
    person = pages.Person()  # who was here last is nobody's business who comes after them
    if sessions.current() is not None:
        with issuer().database.reading() as db:
            person = person_of(users.load(db, session.user))
    if asked.back is not None:
        headers.allow_form_action(form_target(asked.back))
    return pages.render(
        pages.SignOutConfirm(
            csrf_token=csrf.token(),
            action=CONFIRM,
            person=person,
            app=app_of(asked.client, asked.back or "") if asked.client is not None else None,
            keeps={"tx": tx},
        )
    )


def _signed_out(asked: LogoutRequest, *, proved: bool) -> Response:
    """Leave for the app that is proved or confirmed; else say it here. LO-2, LO-7."""
    target, client = asked.leads_to, asked.client
    if target is not None and proved:
        response = away(target)
    else:
        back = (
            pages.Link(title=client.name, url=target) if target is not None and client is not None else None
        )
        response = pages.render(pages.SignedOut(back=back))
    cookies.drop(response, Cookie.SESSION)
    return response
