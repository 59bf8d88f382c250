"""The authorization endpoint: where apps send people, and where their logins come back."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.oauth import paused
from authserver.oauth.authorize import Rejected, read, received
from authserver.oauth.resume import Anew, Returned, Unfinished, take_up
from authserver.web import cookies, pages
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.oauth.asking import oauth_request, to
from authserver.web.oauth.flow import proceed, read_again

blueprint = Blueprint("authorize", __name__)


@blueprint.route("/oauth/authorize", methods=["GET", "POST"])
@demands(Guard.CROSS_SITE)
def authorize() -> Response:
    """An app sends somebody. AZ-5: a form from elsewhere comes without our cookies, so it is asked again by GET."""
    came = oauth_request()
    if request.method != "POST" and "posted" in came.query:
        values = paused.open_posted(issuer(), came.query["posted"])
        return pages.render(pages.ExpiredSignIn()) if values is None else proceed(read_again(values))
    asked = received(came)
    g.client = asked.values.get("client_id")  # so that a refusal on the way names it to `explain`
    found = read(issuer(), asked)
    if request.method == "POST" and not isinstance(found, Rejected):
        return to("/oauth/authorize", {"posted": paused.seal_posted(issuer(), found.asked)})
    return proceed(found)


@blueprint.get("/oauth/authorize/resume")
@demands(Guard.OPEN)
def resume() -> Response:
    """A login is over, or its page was met by somebody who is signed in by now."""
    tx = request.args.get("tx", "")
    match take_up(issuer(), tx, cookies.browser()[1]):
        case None:
            return pages.render(pages.ExpiredSignIn())
        case Unfinished():
            return to("/login", {"tx": tx})
        case Anew(request=values):
            return proceed(read_again(values))
        case Returned() as returned:
            return proceed(read_again(returned.request), returned.done)
