"""Who is signed in in this browser, and for how long nobody need do anything."""

from dataclasses import dataclass

from flask import Flask
from werkzeug.wrappers import Response

from authserver.clock import seconds
from authserver.sessions import sso
from authserver.sessions.sso import Ended, SsoSession
from authserver.store import retrying
from authserver.web import cookies, here
from authserver.web.context import issuer
from authserver.web.cookies import Cookie


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The seconds until a session goes idle, and until it ends whatever anybody does."""

    idle: int
    absolute: int


def current() -> SsoSession | None:
    """The live session of this browser; somebody asking for a page is not idle, so it is touched. SS-2."""
    session, kept = standing(), here.kept()
    if session is None or "touched" in kept:
        return session
    asked = issuer()
    kept["touched"], now = None, asked.clock()
    if sso.is_due(session, now):

        def touched() -> SsoSession:
            with asked.database.writing_fast() as db:
                return sso.touch(db, asked, session, now)

        kept["touched"] = retrying(touched)
    return session


def standing() -> SsoSession | None:
    """The same where a program asks in silence: that is nobody's input, and the session goes idle all the same."""
    found = _looked()
    return found if isinstance(found, SsoSession) else None


def ended() -> Ended | None:
    """Why the session of this browser's cookie is over, when there was one."""
    found = _looked()
    return found if isinstance(found, Ended) else None


def idle() -> SsoSession | None:
    """The session that only went idle here: whoever signs in again takes it up. SS-2."""
    over = ended()
    return over.session if over is not None and over.reason == "idle" else None


def left_of(session: SsoSession) -> Left:
    """What is left of a session now."""
    now = seconds(issuer().clock())
    return Left(idle=seconds(session.idle_until) - now, absolute=seconds(session.expires_at) - now)


def met(found: SsoSession | Ended | None) -> None:
    """Know already what stands behind the cookie."""
    here.kept()["looked"] = found


def handle() -> str | None:
    """What stands for the session of this browser: its cookie, or the one that this very answer sets."""
    return here.kept().get("entered") or cookies.get(Cookie.SESSION)


def entered(handle: str) -> None:
    """Somebody signed in just now."""
    forget()
    here.kept()["entered"] = handle


def forget() -> None:
    """Look again: what was found has ended within this request."""
    kept = here.kept()
    kept.pop("looked", None)
    kept.pop("touched", None)


def install(app: Flask) -> None:
    """Let the cookie of a session that was touched live as long as the session does now."""
    app.after_request(_renew_cookie)


def _looked() -> SsoSession | Ended | None:
    """What stands behind the cookie, looked up once a request."""
    kept = here.kept()
    if "looked" not in kept:
        asked, found_by = issuer(), handle()
        kept["looked"] = None
        if found_by is not None:
            with asked.database.reading() as db:
                kept["looked"] = sso.look(db, found_by, asked.clock())
    found: SsoSession | Ended | None = kept["looked"]
    return found


def _renew_cookie(response: Response) -> Response:
    session: SsoSession | None = here.kept().get("touched")
    handle = cookies.get(Cookie.SESSION) if session is not None else None
    if session is None or handle is None or not session.remembered:
        return response
    if not any(cookies.sets(line, Cookie.SESSION) for line in response.headers.getlist("Set-Cookie")):
        cookies.put(response, Cookie.SESSION, handle, session.seconds_left(issuer().clock()))
    return response
