"""The end of a login on another page than that of its last proof, and a login that its person gives up."""

from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.factors.recovery_code import RecoveryCode
from authserver.login import enrolment
from authserver.login.completion import Entered
from authserver.transaction import Purpose
from authserver.web.context import issuer
from authserver.web.login import codes, visit
from authserver.web.login.onwards import to_the_app
from authserver.web.login.visit import Under
from authserver.web.oauth.flow import give_up


def finished(outcome: Entered) -> Response:
    """Signed in: first the recovery codes of who set a second step up on the way, or what one of them cost. RC-1."""
    tx, asked = outcome.tx, issuer()
    if tx.purpose is Purpose.FRESH:
        return visit.entered(outcome)
    with asked.database.reading() as db:
        lacks_codes = enrolment.lacks_codes(db, asked, outcome.session.user)
    if lacks_codes:
        return codes.keep(outcome)
    if tx.proofs[-1].factor == RecoveryCode.name:
        return codes.used(outcome)
    return visit.entered(outcome, to_the_app(outcome))


def given_up(under: Under, rule: str) -> Response:
    """The app is told that the person did not go on; whoever came by themselves is where they began."""
    if under.tx.purpose is not Purpose.AUTHORIZE:
        return visit.go("/")
    words = "The person did not go on with the sign-in."
    return give_up(under.tx.request, Refusal(words, code="access_denied", rule=rule))
