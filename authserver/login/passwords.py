"""A new password by somebody who is signed in: it ends what was signed in elsewhere. SS-7."""

from authserver.audit import Actor
from authserver.factors.password import hash_password, new_password
from authserver.issuer import Issuer
from authserver.opaque import new_secret
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.store.sessions import FORGET_DEVICES
from authserver.users import edit


def change(issuer: Issuer, session: SsoSession, text: str, *, by: Actor) -> tuple[SsoSession, str]:
    """Set it and keep the acting session with its apps, under the handle that is given back."""
    phc = hash_password(issuer, new_password(issuer, text))
    return retrying(lambda: _change(issuer, session, phc, by))


def _change(issuer: Issuer, session: SsoSession, phc: str, by: Actor) -> tuple[SsoSession, str]:
    handle = new_secret()
    with issuer.database.writing() as db:
        epoch = edit.set_password(db, issuer, session.user, phc, by=by)
        db.hot(FORGET_DEVICES, {"user": session.user}).close()
        kept = sso.keep_alone(
            db, issuer, session, epoch=epoch, handle=handle, reason="password_changed", by=by
        )
    return kept, handle
