"""Signing out everywhere else: what is only just being signed in there ends, too. SS-7, SS-8."""

from authserver.audit import Actor
from authserver.issuer import Issuer
from authserver.opaque import new_secret
from authserver.sessions import ending
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import edit

REASON = "ended_by_owner"


def sign_out(issuer: Issuer, session: SsoSession, *, by: Actor) -> tuple[SsoSession, str]:
    """End all but the acting session, which goes on with its apps under the handle that is given back."""
    return retrying(lambda: _sign_out(issuer, session, by))


def _sign_out(issuer: Issuer, session: SsoSession, by: Actor) -> tuple[SsoSession, str]:
    handle = new_secret()
    with issuer.database.writing() as db:
        epoch = edit.bump_epoch(db, issuer, session.user, reason=REASON, by=by)
        kept = ending.keep_alone(db, issuer, session, epoch=epoch, handle=handle, reason=REASON, by=by)
    return kept, handle
