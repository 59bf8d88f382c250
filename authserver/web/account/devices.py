"""The places where one is signed in, what happened in one's account, and what to do when it was somebody else."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.authentication import SessionId
from authserver.errors import NotFound
from authserver.login import everywhere, trusted
from authserver.sessions import ending, sso
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.web import cookies, trust
from authserver.web.account import activity, places, show
from authserver.web.account.agents import device_name
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.pages import Devices, Done, Trusted, render
from authserver.web.pages_account import Activity, EndDevice, NotMe

blueprint = Blueprint("devices", __name__, url_prefix="/account")
HERE = "/account/devices"


@blueprint.get("/devices")
@demands(Guard.SESSION)
def devices() -> Response:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        this, *others = places.devices(db, asked, session.user, [session, *_others(session)])
        skipping = trusted.of_user(db, asked, session.user, trust.presented())
    shown = (
        Trusted(id=each.id, name=device_name(each.user_agent), until=each.until, is_this=each.is_this)
        for each in skipping
    )
    return render(Devices(**show.base(), this=this, others=tuple(others), trusted=tuple(shown)))


@blueprint.post("/devices/trusted")
@demands(Guard.SESSION)
def forget_trusted() -> Response:
    """Ask for the second step on that device again. SU-5."""
    asked, session, trusted_id = issuer(), _session(), request.form.get("id", "")

    def attempt() -> bool:
        with asked.database.writing() as db:
            return trusted.forget(db, asked, session.user, trusted_id, by=actor(session))

    if not retrying(attempt):
        raise NotFound("This device is not trusted any more.", detail=f"no trusted device {trusted_id!r}")
    return show.done(HERE, Done.TRUST_ENDED)


@blueprint.get("/devices/end")
@demands(Guard.FRESH)
def confirm_end() -> Response:
    """Say what ends, and ask once more. SS-8."""
    asked, session, others = issuer(), _session(), _others(_session())
    named = request.args.get("session", "")
    chosen = [each for each in others if each.id == named]
    if named and not chosen:
        raise _nowhere(named)
    with asked.database.reading() as db:
        found = places.devices(db, asked, session.user, chosen)
    return render(EndDevice(**show.base(), device=next(iter(found), None), others=len(others)))


@blueprint.post("/devices/end")
@demands(Guard.FRESH)
def end() -> Response:
    """Sign out one device, or all but this one, which goes on under a new handle. SS-7, SS-8."""
    asked, session = issuer(), _session()
    named = request.form.get("session", "")
    if not named:
        return _alone(HERE, Done.OTHERS_ENDED)
    if all(each.id != named for each in _others(session)):
        raise _nowhere(named)

    def attempt() -> None:
        with asked.database.writing() as db:
            ending.end(
                db,
                asked,
                SessionId(named),
                reason=everywhere.REASON,
                by=actor(session),
                now=asked.clock(),
            )

    retrying(attempt)
    return show.done(HERE, Done.DEVICE_ENDED)


@blueprint.get("/activity")
@demands(Guard.SESSION)
def happened() -> Response:
    """One's own audit, in sentences. AU-1."""
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        found = activity.page(db, asked, session, before=request.args.get("before", ""))
    return render(Activity(**show.base(), entries=found.entries, last=found.last, older_url=found.older_url))


@blueprint.get("/not-me")
@demands(Guard.SESSION)
def not_me() -> Response:
    """Something was not one's own doing: what ends, and what comes next."""
    return render(NotMe(**show.base(), others=len(_others(_session()))))


@blueprint.post("/not-me")
@demands(Guard.FRESH)
def secure() -> Response:
    """Everything else ends, and a new password is asked for."""
    return _alone("/account/password", Done.OTHERS_ENDED)


def _alone(path: str, done: Done) -> Response:
    asked, session = issuer(), _session()
    kept, handle = everywhere.sign_out(asked, session, by=actor(session))
    answer = show.done(path, done)
    cookies.put(answer, Cookie.SESSION, handle, kept.seconds_left(asked.clock()))
    return answer


def _others(session: SsoSession) -> list[SsoSession]:
    asked = issuer()
    with asked.database.reading() as db:
        found = sso.of_user(db, asked, session.user, asked.clock())
    return [each for each in found if each.id != session.id]


def _nowhere(named: str) -> NotFound:
    return NotFound("You are not signed in there any more.", detail=f"no session {named!r} of this person")


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
