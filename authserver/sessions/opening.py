"""A session is opened when everything was proved, or renewed when it is proved again. SS-1.

This is the one place where a session begins, whichever way somebody came in. SS-4.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import SignedIn
from authserver.authentication import Authentication, Kind, Level, Proof, SessionId
from authserver.issuer import Issuer
from authserver.opaque import digest, new_id
from authserver.sessions import ending, limits, sso
from authserver.sessions.limits import Full
from authserver.sessions.sso import SsoSession, ends
from authserver.store import Session
from authserver.store.sessions import OPEN_SESSION, RENEW_SESSION
from authserver.transaction import Purpose, Transaction
from authserver.users.edit import note_sign_in
from authserver.vault import b64

ROOT = "transaction"
PREVIOUS_READS = timedelta(seconds=10)
UNKNOWN = -1


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
    at = signed_in_at(tx.proofs)
    idle_until, expires_at = ends(issuer, tx.remembered, now)
    session = SsoSession(
        id=session_id,
        user=tx.user,
        epoch=UNKNOWN,
        authentication=Authentication(user=tx.user, session=session_id, at=at, proofs=tx.proofs),
        remembered=tx.remembered,
        user_agent=by.user_agent[:512],
        ip=by.ip[:45],
        created_at=now,
        last_seen_at=now,
        idle_until=min(idle_until, expires_at),
        expires_at=expires_at,
        device=device() or None,
        kind=sso.APP if tx.purpose is Purpose.APP else sso.BROWSER,
    )
    handle = handle_of(issuer, tx)
    more = {"transaction": tx.id, "device": session.device, "kind": session.kind}
    row = db.one(OPEN_SESSION, {**_state(db, session, handle), **more})
    if row is None:
        return None
    _signed_in(db, issuer, session.authentication, by, now)
    # The person is held until this transaction ends, so nothing ends the session before.
    return session._replace(epoch=row[0]), handle


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
        at = signed_in_at(tx.proofs)
        authentication = Authentication(user=standing.user, session=standing.id, at=at, proofs=tx.proofs)
    remembered = tx.remembered or (standing.remembered and not is_idle)
    idle_until, expires_at = ends(issuer, remembered, now)
    if tx.steps_up == standing.id:
        expires_at = standing.expires_at
    session = standing._replace(
        authentication=authentication,
        remembered=remembered,
        user_agent=by.user_agent[:512],
        ip=by.ip[:45],
        last_seen_at=now,
        idle_until=min(idle_until, expires_at),
        expires_at=expires_at,
    )
    handle = handle_of(issuer, tx)
    values = {
        **_state(db, session, handle),
        "user": standing.user,
        "epoch": standing.epoch,
        "previous_until": db.time(now if is_idle else now + PREVIOUS_READS),
    }
    if db.one(RENEW_SESSION, values) is None:
        return None
    _signed_in(db, issuer, authentication, by, now)
    return session, handle


def signed_in_at(proofs: Sequence[Proof]) -> datetime:
    """When somebody signed in: at their last proof. A code beside a provider's word makes that no younger. UP-11."""
    latest = max(proof.at for proof in proofs)
    there = [proof.at for proof in proofs if proof.kind is Kind.UPSTREAM]
    is_whole_here = any(
        proof.kind is Kind.KNOWLEDGE or (proof.kind is Kind.POSSESSION and proof.alone > Level.PWD)
        for proof in proofs
    )
    return latest if is_whole_here or not there else max(there)


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


def _state(db: Session, session: SsoSession, handle: str) -> dict[str, Any]:
    """What a session that opens or is renewed writes."""
    return {
        "id": session.id,
        "digest": digest(handle),
        "authentication": session.authentication.text,
        "remembered": session.remembered,
        "user_agent": session.user_agent,
        "ip": session.ip,
        "now": db.time(session.last_seen_at),
        "idle_until": db.time(session.idle_until),
        "expires_at": db.time(session.expires_at),
    }
