"""What follows from a request that was read: who comes with it, what they did for it, and the decision."""

from collections.abc import Callable
from typing import NamedTuple

from authserver.audit import Actor
from authserver.issuer import Issuer
from authserver.login.trusted import Presented
from authserver.oauth import person
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.decide import Decision, Here, Person, decide
from authserver.oauth.issue import issue
from authserver.oauth.respond import Posted, Redirect, with_code
from authserver.sessions.sso import Ended, SsoSession
from authserver.sessions.takeover import TAKEN_OVER
from authserver.sessions.visit import Visit, look
from authserver.store import Session

# What was done for a request, of which a session says whether it was done in it.
Done = Callable[[SsoSession], Here]
NOTHING = Here()


class Judged(NamedTuple):
    """`met` is who stands behind the browser's handle; `person` what decide() was told of them."""

    request: AuthorizeRequest
    met: Visit | Ended | None
    person: Person | None
    here: Here
    decision: Decision

    @property
    def session(self) -> SsoSession | None:
        return self.met.session if isinstance(self.met, Visit) else None


def nothing(session: SsoSession) -> Here:
    """Say of a request that just arrived that nothing was done for it."""
    return NOTHING


def judge(
    issuer: Issuer,
    request: AuthorizeRequest,
    handle: str | None,
    done: Done = nothing,
    *,
    trust: Presented | None = None,
    reading: Callable[[], Session] | None = None,
) -> Judged:
    """Decide, for the browser with this handle; one session of the database's, and none without a handle."""
    now = issuer.clock()
    met: Visit | Ended | None = None
    who: Person | None = None
    here = NOTHING
    if handle is not None:
        with (reading or issuer.database.reading)() as db:
            met = look(db, handle, request.client.client_id, now)
            if isinstance(met, Visit):
                who = person.of(db, issuer, request, met, trust)
                here = done(met.session)
    if isinstance(met, Ended):
        here = Here(gave_way=met.reason == TAKEN_OVER)
    decision = decide(request, who, here, now)
    return Judged(request=request, met=met, person=who, here=here, decision=decision)


def answer(issuer: Issuer, judged: Judged, *, by: Actor) -> Redirect | Posted | None:
    """Make the code that was decided on, and its way to the app; None when what it stood on has just ended."""
    if judged.person is None or not isinstance(judged.met, Visit):
        raise TypeError("a code is issued for somebody")
    code = issue(issuer, judged.request, judged.person, judged.met, here=judged.here, by=by)
    return None if code is None else with_code(code, judged.request.to, issuer.url)
