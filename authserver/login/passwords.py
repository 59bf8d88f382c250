"""A new password by somebody who is signed in: it ends what was signed in elsewhere. SS-7."""

from authserver.audit import Actor
from authserver.errors import Refusal
from authserver.factors.password import hash_password, new_password
from authserver.issuer import Issuer
from authserver.opaque import new_secret
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.store.sessions import FORGET_DEVICES
from authserver.tokens import grant
from authserver.users import edit


def change(issuer: Issuer, session: SsoSession, text: str, *, by: Actor) -> tuple[SsoSession, str]:
    """Set it and keep the acting session with its apps, under the handle that is given back."""
    phc = hash_password(issuer, new_password(issuer, text))
    kept = retrying(lambda: _change(issuer, session, phc, by))
    if kept is None:
        raise Refusal("This session ended meanwhile. Sign in again.", rule="session_ended", status=403)
    return kept


def _change(issuer: Issuer, session: SsoSession, phc: str, by: Actor) -> tuple[SsoSession, str] | None:
    handle, reason = new_secret(), "password_changed"
    with issuer.database.writing() as db:
        now = issuer.clock()
        if sso.load(db, session.id, now) is None:
            return None
        epoch = edit.set_password(db, issuer, session.user, phc, by=by)
        sso.end_others(db, issuer, session.user, keep=session.id, reason=reason, by=by, now=now)
        grant.revoke_where(db, issuer, reason=reason, by=by, user=session.user, spare_session=session.id)
        db.hot(FORGET_DEVICES, {"user": session.user}).close()
        kept = sso.carry(db, issuer, session, epoch=epoch, handle=handle)
    return None if kept is None else (kept, handle)
