"""A session is opened when everything was proved, or renewed when it is proved again. SS-1.

This is the one place where a session begins, whichever way somebody came in. SS-4.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import SignedIn
from authserver.authentication import Authentication, SessionId, to_json
from authserver.issuer import Issuer
from authserver.opaque import digest, new_id
from authserver.sessions import ending, limits
from authserver.sessions.limits import Full
from authserver.sessions.sso import SsoSession, ends, load
from authserver.store import Session
from authserver.store.sessions import OPEN_SESSION, RENEW_SESSION
from authserver.transaction import Transaction
from authserver.users.edit import note_sign_in
from authserver.vault import b64

ROOT = "transaction"
PREVIOUS_READS = timedelta(seconds=10)


def handle_of(issuer: Issuer, tx: Transaction) -> str:
    """The handle that this login gives: 256 bits that only this server can make. SS-1."""
    message = b"\x1f".join((b"handle", tx.id.encode(), tx.browser))
    return b64(issuer.roots.mac(ROOT, message)[1])


def open(  # noqa: A001
    db: Session,
    issuer: Issuer,
    tx: Transaction,
    *,
    by: Actor,
    device: Callable[[], str] = lambda: "",
    replaces: SsoSession | None = None,
) -> tuple[SsoSession, str] | Full | None:
    """Open a session for what was proved in this login, in the place of one that `replaces` names.

    Full where one more would be too many; None if the person may not sign in any more.
    """
    if tx.user is None or not tx.proofs:
        raise ValueError("a session needs a person and a proof")
    full = limits.admit(db, issuer, tx.user, besides=replaces.id if replaces else None)
    if full is not None:
        return full
    now = issuer.clock()
    if replaces is not None:
        ending.end(db, issuer, replaces.id, reason="replaced", by=by, now=now)
    session_id = SessionId(new_id())
    at = max(proof.at for proof in tx.proofs)
    authentication = Authentication(user=tx.user, session=session_id, at=at, proofs=tx.proofs)
    handle = handle_of(issuer, tx)
    values = {
        **_state(db, issuer, authentication, handle=handle, remembered=tx.remembered, by=by),
        "id": session_id,
        "transaction": tx.id,
        "device": device() or None,
    }
    if db.one(OPEN_SESSION, values) is None:
        return None
    _signed_in(db, issuer, authentication, by, now)
    return _held(db, session_id, now, handle)


def renew(
    db: Session, issuer: Issuer, standing: SsoSession, tx: Transaction, *, by: Actor
) -> tuple[SsoSession, str] | None:
    """Prove again, or prove more, in a session that has not ended: its sid stays, its handle changes. SU-4.

    A step-up adds its proofs and moves neither time nor end; a repeated sign-in replaces both. One that went idle
    is taken up so by its own browser, with the apps that ran on. SS-2.
    """
    now = issuer.clock()
    is_idle = standing.is_idle(now)
    if tx.steps_up == standing.id:
        authentication = standing.authentication
        for proof in tx.proofs:
            authentication = authentication.stepped_up(proof)
    else:
        at = max(proof.at for proof in tx.proofs)
        authentication = Authentication(user=standing.user, session=standing.id, at=at, proofs=tx.proofs)
    remembered = tx.remembered or (standing.remembered and not is_idle)
    handle = handle_of(issuer, tx)
    values = {
        **_state(db, issuer, authentication, handle=handle, remembered=remembered, by=by),
        "id": standing.id,
        "user": standing.user,
        "previous_until": db.time(now if is_idle else now + PREVIOUS_READS),
    }
    if tx.steps_up == standing.id:
        values["expires_at"] = db.time(standing.expires_at)
        values["idle_until"] = db.time(min(standing.expires_at, ends(issuer, remembered, now)[0]))
    if db.one(RENEW_SESSION, values) is None:
        return None
    _signed_in(db, issuer, authentication, by, now)
    return _held(db, standing.id, now, handle)


def _held(db: Session, session_id: str, now: datetime, handle: str) -> tuple[SsoSession, str] | None:
    """The session that was just written, unless what ends it came at the same moment."""
    found = load(db, session_id, now)
    return None if found is None else (found, handle)


def _signed_in(db: Session, issuer: Issuer, authentication: Authentication, by: Actor, now: datetime) -> None:
    user = authentication.user
    note_sign_in(db, issuer, user)
    event = SignedIn(
        subject=user,
        session=authentication.session,
        amr=authentication.amr,
        acr=authentication.acr,
    )
    record(db, event, by=by, at=now)


def _state(
    db: Session,
    issuer: Issuer,
    authentication: Authentication,
    *,
    handle: str,
    remembered: bool,
    by: Actor,
) -> dict[str, Any]:
    """What a session that opens or is renewed writes."""
    now = issuer.clock()
    idle_until, expires_at = ends(issuer, remembered, now)
    return {
        "digest": digest(handle),
        "authentication": to_json(authentication),
        "remembered": remembered,
        "user_agent": by.user_agent[:512],
        "ip": by.ip[:45],
        "now": db.time(now),
        "idle_until": db.time(min(idle_until, expires_at)),
        "expires_at": db.time(expires_at),
    }
