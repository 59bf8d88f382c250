"""A login that is over goes on to its app in the same answer: one request of the browser less for each sign-in."""

from werkzeug.wrappers import Response

from authserver.errors import AuthserverError
from authserver.login.completion import Entered
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.resume import Returned, take_up
from authserver.web import cookies, sessions
from authserver.web.context import issuer
from authserver.web.login import visit
from authserver.web.oauth.asking import SEE_OTHER
from authserver.web.oauth.flow import proceed, read_again


def to_the_app(outcome: Entered) -> Response | None:
    """The redirect that the app's request leads to by now; None where /oauth/authorize/resume has to say it.

    Only ever a redirect: what answers a form with a password in it is no page that could be loaded again. WEB-6.
    """
    tx = outcome.tx
    if not visit.returns_at_once(tx):
        return None
    try:
        asked = read_again(tx.request)
        if not isinstance(asked, AuthorizeRequest) or asked.to.mode != visit.QUERY:
            return None
        came = _returned(outcome) if outcome.taken_up else take_up(issuer(), tx.id, cookies.browser()[1])
        if not isinstance(came, Returned):
            return None
        sessions.entered(outcome.handle)
        answer = proceed(asked, came.done)
    except AuthserverError:
        # The session stands, and its cookie has to arrive: what is wrong is said after it.
        return None
    return answer if answer.status_code == SEE_OTHER else None


def _returned(outcome: Entered) -> Returned:
    """What the end of this very login took up."""
    tx = outcome.tx
    return Returned(request=tx.request, session=outcome.session.id, proofs=tx.proofs, level=tx.level)
