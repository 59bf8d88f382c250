"""Trusted devices: for some hours the second step is not asked in a browser where it was shown. SU-5.

It meets what the rules demand of a sign-in and nothing else: there is no proof in it, so amr and acr stay those of the
password alone, and whatever an app demands by acr or age, or an account change, is asked as if there were none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver.audit import Actor, record
from authserver.audit.events import DeviceTrusted, TrustEnded
from authserver.authentication import Level, UserId
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.opaque import digest, new_id, same
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.store.trusted import FIND_TRUSTED, FORGET_TRUSTED, KEEP_TRUSTED, TRUSTED_OF
from authserver.transaction import Purpose, Transaction
from authserver.users import find
from authserver.vault import b64

ROOT = "transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a browser brings for itself: digests of its cookie of trust, and of the one that it is known by."""

    trust: bytes
    device: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedDevice:
    id: str
    user_agent: str
    made_at: datetime
    until: datetime
    is_this: bool


def holds(db: Session, issuer: Issuer, user: UserId, presented: Presented | None) -> bool:
    """Whether the second step is not asked of this person here: nothing changed since they showed it."""
    if presented is None or not issuer.settings.trusted_device_lifetime:
        return False
    values = {"user": user, "digest": presented.trust, "device": presented.device}
    row = db.one(FIND_TRUSTED, values | {"now": db.time(issuer.clock())})
    return row is not None and same(bytes(row[0]), _factors_of(db, issuer, user))


def may_be_asked(db: Session, issuer: Issuer, tx: Transaction) -> int:
    """For how many seconds the person of this login may trust their device; 0 where that is not offered."""
    if tx.user is None or tx.purpose is Purpose.FRESH:
        return 0
    user = find.load(db, tx.user)
    return 0 if user.role else issuer.settings.trusted_device_lifetime


def value_of(issuer: Issuer, tx: Transaction) -> str:
    """The cookie's value: 256 bits of the login that it came of, so that both halves of a double submit get it."""
    message = b"\x1f".join((b"trusted", tx.id.encode(), tx.browser))
    return b64(issuer.roots.mac(ROOT, message)[1])


def keep(
    db: Session, issuer: Issuer, tx: Transaction, session: SsoSession, device_id: str, *, by: Actor
) -> str | None:
    """Trust the device of a login whose person asked for it and proved a second factor; gives the cookie's value."""
    seconds = may_be_asked(db, issuer, tx) if tx.trusts else 0
    strong = any(max(proof.alone, proof.beside) >= Level.MFA for proof in tx.proofs)
    if not seconds or not strong or not session.authentication.reaches(Level.MFA):
        return None
    now, value = issuer.clock(), value_of(issuer, tx)
    until = now + timedelta(seconds=seconds)
    values = {
        "id": new_id(),
        "digest": digest(value),
        "user": session.user,
        "epoch": session.epoch,
        "device": device_id,
        "factors": _factors_of(db, issuer, session.user),
        "now": db.time(now),
        "until": db.time(until),
    }
    db.hot(KEEP_TRUSTED, values).close()
    event = DeviceTrusted(subject=session.user, session=session.id, seconds=seconds)
    record(db, event, by=by, at=now)
    return value


def kept(db: Session, issuer: Issuer, tx: Transaction, session: SsoSession, device: str) -> str | None:
    """The value that the first half of a double submit was given."""
    if not tx.trusts:
        return None
    value = value_of(issuer, tx)
    presented = Presented(trust=digest(value), device=digest(device))
    return value if holds(db, issuer, session.user, presented) else None


def of_user(
    db: Session, issuer: Issuer, user: UserId, presented: Presented | None
) -> tuple[TrustedDevice, ...]:
    """Where somebody is not asked, latest first."""
    rows = db.hot(TRUSTED_OF, {"user": user, "now": db.time(issuer.clock())}).fetchall()
    theirs = _factors_of(db, issuer, user) if rows else b""
    read = db.database.read_time
    return tuple(
        TrustedDevice(
            id=row[0],
            user_agent=row[1],
            made_at=read(row[2]),
            until=read(row[3]),
            is_this=presented is not None and same(bytes(row[5]), presented.trust),
        )
        for row in rows
        if same(bytes(row[4]), theirs)
    )


def forget(db: Session, issuer: Issuer, user: UserId, trusted_id: str, *, by: Actor) -> bool:
    """Ask there again from now on; True for whoever did it. A foreign id is none of theirs. AD-3."""
    if db.one(FORGET_TRUSTED, {"id": trusted_id, "user": user}) is None:
        return False
    record(db, TrustEnded(subject=user), by=by, at=issuer.clock())
    return True


def _factors_of(db: Session, issuer: Issuer, user: UserId) -> bytes:
    """What tells whether somebody's second factors are those of before."""
    known = (factor for factor in factors(issuer).values() if not factor.reserve)
    marks = sorted(mark for factor in known for mark in factor.marks(db, user))
    return digest("\x1f".join(marks))
