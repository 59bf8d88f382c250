"""Deleting one's own account: for good, told by mail, and never by the last owner. AD-8, ID-2."""

from datetime import datetime

from authserver.agents import plain
from authserver.audit import Actor
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.mail import compose, languages, outbox
from authserver.sessions import keeping_out
from authserver.sessions.sso import SsoSession
from authserver.store import Session, retrying
from authserver.users import find
from authserver.users.user import User

LETTER = "account_deleted"


def check_allowed(issuer: Issuer) -> None:
    """Raise a Refusal where people may not delete their accounts."""
    if not issuer.settings.self_deletion:
        raise Refusal(
            "Accounts are deleted by whoever runs this. Ask there.", rule="self_deletion.off", status=403
        )


def leave(issuer: Issuer, session: SsoSession, *, by: Actor) -> None:
    """End everything that somebody is signed in to, and delete what is known of them. The subject stays taken."""
    check_allowed(issuer)

    def attempt() -> None:
        with issuer.database.writing() as db:
            user = find.load(db, session.user)
            keeping_out.remove(db, issuer, user.id, by=by)
            _tell(db, issuer, user, by)

    retrying(attempt)


def _tell(db: Session, issuer: Issuer, user: User, by: Actor) -> None:
    """To the address that the account had; nothing else is left that knows it."""
    to = user.email if user.email_verified else None
    if to is None or not outbox.can_send(issuer) or not compose.is_reachable(to):
        return
    locale = languages.spoken(issuer, user.locale)
    values: dict[str, str | datetime] = {
        "at": issuer.clock(),
        "device": plain(by.user_agent),
        "place": issuer.places.told(by.ip, locale),
    }
    outbox.enqueue(db, issuer, to=to, template=LETTER, locale=locale, values=values)
