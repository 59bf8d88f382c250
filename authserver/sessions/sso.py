"""The single-sign-on session: opened when everything was proved, found by its handle, ended for a reason.

The handle is the cookie and lives nowhere else: the database keeps its digest, and `id` (on the wire: sid) is
another value. A handle belongs to the login that made it, so that both halves of a double submit get the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import SignedIn
from authserver.authentication import Authentication, SessionId, UserId, from_json, to_json
from authserver.issuer import Issuer
from authserver.opaque import digest, new_id
from authserver.store import Session
from authserver.store.sessions import (
    CLIENTS_OF,
    FIND_BY_PREVIOUS,
    FIND_SESSION,
    JOIN_CLIENT,
    LOAD_SESSION,
    OPEN_SESSION,
    RENEW_SESSION,
    SESSIONS_OF,
    TOUCH_SESSION,
)
from authserver.transaction import Transaction
from authserver.users.edit import note_sign_in
from authserver.vault import b64

ROOT = "transaction"
TOUCHED_EVERY = timedelta(minutes=1)
PREVIOUS_READS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoSession:
    """A browser in which somebody is signed in."""

    id: SessionId
    user: UserId
    epoch: int
    authentication: Authentication
    remembered: bool
    user_agent: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    idle_until: datetime
    expires_at: datetime

    def seconds_left(self, now: datetime) -> int | None:
        """The most that its cookie may live; None for one that goes when the browser closes. SS-2."""
        left = int((self.idle_until - now).total_seconds())
        return max(0, left) if self.remembered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A handle that was good once. `reason` is "idle", "expired" or what ended the session, `by` that browser."""

    session: SsoSession
    reason: str
    at: datetime | None
    by: str

    @property
    def idle(self) -> timedelta:
        """How long nobody had been there when it went idle."""
        return self.session.idle_until - self.session.last_seen_at


def look(db: Session, handle: str, now: datetime) -> SsoSession | Ended | None:
    """What stands behind a handle: a session, one that ended, or nothing of ours."""
    row = db.one(FIND_SESSION, {"digest": digest(handle)}) or _by_previous(db, handle, now)
    return None if row is None else _read(db, row, now)


def find(db: Session, issuer: Issuer, handle: str, now: datetime) -> SsoSession | None:
    """The live session of this handle: not ended, not idle, not past its end, its person active. SS-2, SS-3."""
    found = look(db, handle, now)
    return found if isinstance(found, SsoSession) else None


def load(db: Session, session_id: str, now: datetime) -> SsoSession | None:
    """The live session with this id, for lists and for work that belongs to it; never for a browser."""
    row = db.one(LOAD_SESSION, {"id": session_id})
    found = None if row is None else _read(db, row, now)
    return found if isinstance(found, SsoSession) else None


def of_user(db: Session, user: UserId, now: datetime) -> tuple[SsoSession, ...]:
    """Where somebody is signed in, latest seen first. SS-8."""
    rows = db.hot(SESSIONS_OF, {"user": user, "now": db.time(now)}).fetchall()
    read = (_read(db, row, now) for row in rows)
    return tuple(session for session in read if isinstance(session, SsoSession))


def handle_of(issuer: Issuer, tx: Transaction) -> str:
    """The handle that this login gives: 256 bits that only this server can make. SS-1."""
    message = b"\x1f".join((b"handle", tx.id.encode(), tx.browser))
    return b64(issuer.roots.mac(ROOT, message)[1])


def open(  # noqa: A001
    db: Session, issuer: Issuer, tx: Transaction, *, by: Actor, device: str | None = None
) -> tuple[SsoSession, str] | None:
    """Open a session for what was proved in this login; None if the person may not sign in any more."""
    if tx.user is None or not tx.proofs:
        raise ValueError("a session needs a person and a proof")
    now = issuer.clock()
    session_id = SessionId(new_id())
    at = max(proof.at for proof in tx.proofs)
    authentication = Authentication(user=tx.user, session=session_id, at=at, proofs=tx.proofs)
    handle = handle_of(issuer, tx)
    values = {
        **_state(db, issuer, authentication, handle=handle, remembered=tx.remembered, by=by),
        "id": session_id,
        "transaction": tx.id,
        "device": device,
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
    is_idle = standing.idle_until <= now
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
        values["idle_until"] = db.time(min(standing.expires_at, _ends(issuer, remembered, now)[0]))
    if db.one(RENEW_SESSION, values) is None:
        return None
    _signed_in(db, issuer, authentication, by, now)
    return _held(db, standing.id, now, handle)


def is_due(session: SsoSession, now: datetime) -> bool:
    """Whether a person's request is to be written down: once a minute at most. SS-2."""
    return now - session.last_seen_at >= TOUCHED_EVERY


def touch(db: Session, issuer: Issuer, session: SsoSession, now: datetime) -> SsoSession:
    """Somebody is there: their idle time starts again. Only for pages that people ask for."""
    idle_until, _ = _ends(issuer, session.remembered, now)
    values = {
        "id": session.id,
        "now": db.time(now),
        "before": db.time(now - TOUCHED_EVERY),
        "idle_until": db.time(idle_until),
    }
    row = db.one(TOUCH_SESSION, values)
    if row is None:
        return session
    return replace(session, last_seen_at=now, idle_until=db.database.read_time(row[0]))


def join(db: Session, session_id: str, client_id: str, now: datetime) -> bool:
    """Let an app take part in a session; False when that has ended.

    Until this transaction ends nothing ends the session, so that whoever ends it then finds the app's grant.
    """
    values = {"session": session_id, "client": client_id, "now": db.time(now)}
    return db.one(JOIN_CLIENT, values) is not None


def clients_of(db: Session, session_id: str) -> tuple[str, ...]:
    """The apps that took part, in their order."""
    return tuple(row[0] for row in db.hot(CLIENTS_OF, {"session": session_id}).fetchall())


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
    idle_until, expires_at = _ends(issuer, remembered, now)
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


def _ends(issuer: Issuer, remembered: bool, now: datetime) -> tuple[datetime, datetime]:  # noqa: FBT001
    settings = issuer.settings
    idle = settings.remembered_idle if remembered else settings.session_idle
    lifetime = settings.remembered_lifetime if remembered else settings.session_lifetime
    return now + timedelta(seconds=idle), now + timedelta(seconds=lifetime)


def _by_previous(db: Session, handle: str, now: datetime) -> tuple[Any, ...] | None:
    """A session whose handle changed some seconds ago: for tabs that were on their way."""
    row = db.one(FIND_BY_PREVIOUS, {"digest": digest(handle)})
    if row is None or row[12] is None or db.database.read_time(row[12]) <= now:
        return None
    return row


def _held(db: Session, session_id: str, now: datetime, handle: str) -> tuple[SsoSession, str] | None:
    """The session that was just written, unless what ends it came at the same moment."""
    found = load(db, session_id, now)
    return None if found is None else (found, handle)


def _read(db: Session, row: tuple[Any, ...], now: datetime) -> SsoSession | Ended:
    time = db.database.read_time
    session = SsoSession(
        id=SessionId(row[0]),
        user=UserId(row[1]),
        epoch=row[15],
        authentication=from_json(row[2]),
        remembered=bool(row[3]),
        user_agent=row[4],
        ip=row[5],
        created_at=time(row[6]),
        last_seen_at=time(row[7]),
        idle_until=time(row[8]),
        expires_at=time(row[9]),
    )
    reasons: Iterator[str] = (
        why
        for why, holds in (
            (row[11] or "ended", row[10] is not None),
            ("person", not row[14]),
            ("expired", session.expires_at <= now),
            ("idle", session.idle_until <= now),
        )
        if holds
    )
    reason = next(reasons, None)
    if reason is None:
        return session
    return Ended(session=session, reason=reason, at=time(row[10]) if row[10] else None, by=row[16] or "")
