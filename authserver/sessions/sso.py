"""The single-sign-on session: found by its handle, touched while somebody is there (see opening.py, ending.py).

The handle is the cookie and lives nowhere else: the database keeps its digest, and `id` (on the wire: sid) is
another value. A handle belongs to the login that made it, so that both halves of a double submit get the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from authserver.authentication import Authentication, SessionId, UserId, from_json
from authserver.clients.find import by_client_id
from authserver.issuer import Issuer
from authserver.opaque import digest
from authserver.store import Session
from authserver.store.sessions import (
    CLIENTS_OF,
    FAMILIES_OF,
    FIND_BY_PREVIOUS,
    FIND_SESSION,
    HOLD_SESSION,
    JOIN_CLIENT,
    LOAD_SESSION,
    SESSIONS_OF,
    SESSIONS_OVER,
    TOUCH_SESSION,
)

BROWSER, APP = "browser", "app"
TOUCHED_EVERY = timedelta(minutes=1)


class SsoSession(NamedTuple):
    """A browser, or an app by itself, in which somebody is signed in. The handle of an app's is given to nobody."""

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
    device: str | None = None
    kind: str = BROWSER

    def is_idle(self, now: datetime) -> bool:
        return self.idle_until <= now

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
    return None if row is None else of_row(db, row, now)


def find(db: Session, issuer: Issuer, handle: str, now: datetime) -> SsoSession | None:
    """The live session of this handle: not ended, not idle, not past its end, its person active. SS-2, SS-3."""
    found = look(db, handle, now)
    return found if isinstance(found, SsoSession) else None


def load(db: Session, session_id: str, now: datetime) -> SsoSession | None:
    """The live session with this id, for lists and for work that belongs to it; never for a browser."""
    found = of_id(db, session_id, now)
    return found if isinstance(found, SsoSession) else None


def of_id(db: Session, session_id: str, now: datetime) -> SsoSession | Ended | None:
    """The same, or why it is over: for whoever holds a token of it."""
    row = db.one(LOAD_SESSION, {"id": session_id})
    return None if row is None else of_row(db, row, now)


def of_user(db: Session, issuer: Issuer, user: UserId, now: datetime) -> tuple[SsoSession, ...]:
    """Where somebody is signed in, latest seen first: also where nobody is there and apps still run. SS-8."""
    values = {"user": user, "now": db.time(now)}
    read = [of_row(db, row, now) for row in db.hot(SESSIONS_OF, values).fetchall()]
    idle = {each.session.id for each in read if isinstance(each, Ended) and each.reason == "idle"}
    runs = _with_apps(db, issuer, values) if idle else frozenset()
    return tuple(
        each if isinstance(each, SsoSession) else each.session
        for each in read
        if isinstance(each, SsoSession) or each.session.id in idle & runs
    )


def is_due(session: SsoSession, now: datetime) -> bool:
    """Whether a person's request is to be written down: once a minute at most. SS-2."""
    return now - session.last_seen_at >= TOUCHED_EVERY


def ends(issuer: Issuer, remembered: bool, now: datetime) -> tuple[datetime, datetime]:  # noqa: FBT001
    settings = issuer.settings
    idle = settings.remembered_idle if remembered else settings.session_idle
    lifetime = settings.remembered_lifetime if remembered else settings.session_lifetime
    return now + timedelta(seconds=idle), now + timedelta(seconds=lifetime)


def touch(db: Session, issuer: Issuer, session: SsoSession, now: datetime) -> SsoSession:
    """Somebody is there: their idle time starts again. Only for pages that people ask for."""
    idle_until, _ = ends(issuer, session.remembered, now)
    values = {
        "id": session.id,
        "now": db.time(now),
        "before": db.time(now - TOUCHED_EVERY),
        "idle_until": db.time(idle_until),
    }
    row = db.one(TOUCH_SESSION, values)
    if row is None:
        return session
    return session._replace(last_seen_at=now, idle_until=db.database.read_time(row[0]))


def over(db: Session, now: datetime) -> tuple[str, ...]:
    """Some of the sessions that reached their absolute end and were not ended yet, the oldest first."""
    return tuple(row[0] for row in db.hot(SESSIONS_OVER, {"now": db.time(now)}).fetchall())


def join(db: Session, session_id: str, client_id: str, now: datetime) -> bool:
    """Let an app take part in a session; False when that has ended.

    Until this transaction ends nothing ends the session, so that whoever ends it then finds the app's grant.
    """
    values = {"session": session_id, "client": client_id, "now": db.time(now)}
    return db.one(JOIN_CLIENT, values) is not None


def hold(db: Session, session_id: str) -> bool:
    """The same for an app that took part before: nothing is written."""
    return db.one(HOLD_SESSION, {"session": session_id}) is not None


def clients_of(db: Session, session_id: str) -> tuple[str, ...]:
    """The apps that took part, in their order."""
    return tuple(row[0] for row in db.hot(CLIENTS_OF, {"session": session_id}).fetchall())


def _with_apps(db: Session, issuer: Issuer, values: Mapping[str, Any]) -> frozenset[str]:
    """The sessions of somebody of which an app can still get tokens while nobody is there. RT-10."""
    rows = db.hot(FAMILIES_OF, values).fetchall()
    clients = {client_id: by_client_id(issuer, client_id) for client_id in {row[1] for row in rows}}
    ends = {name for name, client in clients.items() if client is None or client.idle_ends_tokens}
    return frozenset(session for session, client_id in rows if session and client_id not in ends)


def still_reads(db: Session, row: tuple[Any, ...], now: datetime) -> bool:
    """Whether the handle before the last one reads this session still."""
    return row[12] is not None and db.database.read_time(row[12]) > now


def _by_previous(db: Session, handle: str, now: datetime) -> tuple[Any, ...] | None:
    """A session whose handle changed some seconds ago: for tabs that were on their way."""
    row = db.one(FIND_BY_PREVIOUS, {"digest": digest(handle)})
    return row if row is not None and still_reads(db, row, now) else None


def of_row(db: Session, row: tuple[Any, ...], now: datetime) -> SsoSession | Ended:
    """A session as a statement of store/sessions.py gave it, if it stands now."""
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
        device=row[17],
        kind=row[18],
    )
    if row[10] is not None:
        reason = row[11] or "ended"
    elif not row[14]:
        reason = "person"
    elif session.expires_at <= now:
        reason = "expired"
    elif session.is_idle(now):
        reason = "idle"
    else:
        return session
    return Ended(session=session, reason=reason, at=time(row[10]) if row[10] else None, by=row[16] or "")
