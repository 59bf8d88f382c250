"""/dev/mail: what would have been mailed, for development alone. In production there is no such address."""

from flask import Blueprint
from werkzeug.wrappers import Response

from authserver.mail import outbox
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.pages import DevMails, render

blueprint = Blueprint("dev", __name__, url_prefix="/dev")
SHOWN = 50


@blueprint.get("/mail")
@demands(Guard.OPEN)
def mails() -> Response:
    """Every mail of the last week, the newest first, with its links as they would be followed."""
    asked = issuer()
    with asked.database.reading() as db:
        found = outbox.readable(db, asked, limit=SHOWN)
    return render(DevMails(mails=found, is_sent=bool(asked.settings.smtp_host)))
