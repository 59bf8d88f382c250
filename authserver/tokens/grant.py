"""Grant: what a person allowed an app, and the family that every token descends from."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from json import dumps, loads
from typing import Any, NamedTuple

from authserver.audit import Actor, record
from authserver.audit.events import GrantMade, GrantRevoked
from authserver.authentication import Authentication, from_json, proved_by
from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.opaque import new_id
from authserver.store import Session
from authserver.store.grants import (
    BEGIN,
    IS_REVOKED,
    LOAD,
    LOAD_TOKEN,
    LOAD_TOKEN_AND_PERSON,
    OF_USER,
    PERSONS,
    REVOKE,
    revoke_matching,
)
from authserver.store.times import read_time
from authserver.users import find as users
from authserver.users.user import User


class Grant(NamedTuple):
    """`record` is a copy of how the session was signed in to at the moment of authorization; nothing recomputes it."""

    id: str
    user: str
    client_id: str
    session: str
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    claims: str | None
    record: str  # Authentication.text
    offline: bool
    generation: int
    ends_at: datetime
    revoked_at: datetime | None
    # As the driver gave them: a refresh reads none of these.
    rotated: Any
    granted: Any
    refresh_expires: Any

    @property
    def authentication(self) -> Authentication:
        return from_json(self.record)

    @property
    def rotated_at(self) -> datetime | None:
        return None if self.rotated is None else read_time(self.rotated)

    @property
    def granted_at(self) -> datetime:
        return read_time(self.granted)

    @property
    def refresh_expires_at(self) -> datetime:
        return read_time(self.refresh_expires)


class Behind(NamedTuple):
    """What stands behind a token: what is true now of its grant, person and session, and how they signed in."""

    client_id: str
    offline: bool
    ends_at: datetime
    revoked_at: datetime | None
    user_status: str
    epoch_moved: bool
    session_idle_until: datetime | None  # None: it has ended, or its idleness ends no token
    subject: str
    claims: str | None
    record: str  # Authentication.text

    @property
    def authentication(self) -> Authentication:
        return from_json(self.record)

    def lapse(self, client: Client, now: datetime) -> str | None:
        """Why no token may come of this grant any more, or None. RT-9, RT-10."""
        if self.revoked_at is not None:
            return "the grant is revoked"
        if self.ends_at <= now:
            return "the grant has reached its end"
        if self.user_status != "active":
            return f"the person is {self.user_status}"
        if self.epoch_moved:
            return "the person's sign-ins were all ended"
        if not client.active or client.client_id != self.client_id:
            return "the client is disabled or another"
        return self._session_lapse(now) if client.idle_ends_tokens and not self.offline else None

    def _session_lapse(self, now: datetime) -> str | None:
        if self.session_idle_until is None:
            return "the session has ended"
        return "the session went idle" if self.session_idle_until <= now else None


class Standing(NamedTuple):
    """A grant as a whole, beside what is true now."""

    grant: Grant
    behind: Behind


def begin(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    *,
    client: Client,
    user: User,
    authentication: Authentication,
    session_expires_at: datetime,
    scope: tuple[str, ...],
    resources: tuple[str, ...] = (),
    claims: str | None = None,
    by: Actor,
    now: datetime,
) -> Grant | None:
    """Open a family at authorization; None when its session has ended. AZ-17.

    Without offline_access it ends with its session at the latest. RT-10.
    """
    grant, offline, settings, granted = new_id(), "offline_access" in scope, issuer.settings, db.time(now)
    refresh_ends = now + timedelta(seconds=client.refresh_lifetime or settings.refresh_lifetime)
    ends_at = refresh_ends if offline else min(refresh_ends, session_expires_at)
    refresh_expires = db.time(min(ends_at, idle_end(issuer, client, now)))
    opened = db.hot(
        BEGIN,
        {
            "id": grant,
            "user": user.id,
            "epoch": user.epoch,
            "client": client.client_id,
            "session": authentication.session,
            "scope": " ".join(scope),
            "resources": _written(resources),
            "claims": claims,
            "authentication": authentication.text,
            "offline": offline,
            "now": granted,
            "refresh_expires_at": refresh_expires,
            "ends_at": db.time(ends_at),
        },
    )
    if not opened.rowcount:
        return None
    opened.close()
    event = GrantMade(
        subject=user.id,
        client=client.client_id,
        session=authentication.session,
        grant=grant,
        scope=" ".join(scope),
    )
    record(db, event, by=by, at=now)
    return Grant(
        id=grant,
        user=user.id,
        client_id=client.client_id,
        session=authentication.session,
        scope=scope,
        resources=resources,
        claims=claims,
        record=authentication.text,
        offline=offline,
        generation=0,
        ends_at=ends_at,
        revoked_at=None,
        rotated=None,
        granted=granted,
        refresh_expires=refresh_expires,
    )


def at_its_birth(grant: Grant, user: User, session_idle_until: datetime) -> Standing:
    """What stands behind a grant in the transaction that opened its session for this person."""
    behind = Behind(
        client_id=grant.client_id,
        offline=grant.offline,
        ends_at=grant.ends_at,
        revoked_at=None,
        user_status=user.status,
        epoch_moved=False,
        session_idle_until=session_idle_until,
        subject=user.subject,
        claims=grant.claims,
        record=grant.record,
    )
    return Standing(grant, behind)


def idle_end(issuer: Issuer, client: Client, now: datetime) -> datetime:
    """When a refresh token that is made now will have been unused for too long. RT-6."""
    return now + timedelta(seconds=client.refresh_idle_lifetime or issuer.settings.refresh_idle_lifetime)


def load(db: Session, client: Client, grant_id: str) -> Standing | None:
    """The grant and its live state as this client is to know it, in one statement."""
    rows = db.shared(LOAD, {"grant": grant_id, "idle_ends": client.idle_ends_tokens}).fetchall()
    return standing_of(db, rows[0]) if rows else None


def load_token(db: Session, client: Client, grant_id: str, jti: str) -> tuple[Behind, bool, None] | None:
    """What stands behind an access token, and whether that one token was revoked, in one statement."""
    rows = db.shared(LOAD_TOKEN, _asked(client, grant_id, jti)).fetchall()
    return (_behind(db, rows[0]), bool(rows[0][IS_REVOKED]), None) if rows else None


def load_token_and_person(
    db: Session, client: Client, grant_id: str, jti: str
) -> tuple[Behind, bool, User] | None:
    """The same, with the person, in one statement."""
    rows = db.shared(LOAD_TOKEN_AND_PERSON, _asked(client, grant_id, jti)).fetchall()
    if not rows:
        return None
    row = rows[0]
    return _behind(db, row), bool(row[IS_REVOKED]), users.of_rows(db, [each[PERSONS] for each in rows])


def _asked(client: Client, grant_id: str, jti: str) -> dict[str, Any]:
    return {"grant": grant_id, "jti": jti, "idle_ends": client.idle_ends_tokens}


def of_user(db: Session, user_id: str, now: datetime) -> tuple[Grant, ...]:
    """The living grants of a person, newest first."""
    rows = db.hot(OF_USER, {"user": user_id, "now": db.time(now)}).fetchall()
    return tuple(standing_of(db, row).grant for row in rows)


def revoke(db: Session, issuer: Issuer, grant_id: str, *, reason: str, by: Actor) -> bool:
    """End one family; True for whoever did it."""
    return _revoke(db, issuer, {"grant": grant_id}, reason, by) > 0


def revoke_where(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    *,
    reason: str,
    by: Actor,
    session: str | None = None,
    user: str | None = None,
    client: str | None = None,
    spare_session: str | None = None,
    spare_offline: bool = False,
    proof: str | None = None,
) -> int:
    """End the families of a session, person, app or factor (all that are named must match); how many."""
    named = {
        "session": session,
        "user": user,
        "client": client,
        "spare_session": spare_session,
        "proof": proof and proved_by(proof),
    }
    where: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if not where.keys() & {"session", "user", "client", "proof"}:
        raise ValueError("name a session, a person, a client or a factor")
    if spare_offline:
        where["spare_offline"] = True
    return _revoke(db, issuer, where, reason, by)


def _revoke(db: Session, issuer: Issuer, where: dict[str, Any], reason: str, by: Actor) -> int:
    now = issuer.clock()
    statement = REVOKE if where.keys() == {"grant"} else revoke_matching(frozenset(where))
    values = {**where, "now": db.time(now), "reason": reason}
    ended = db.hot(statement, values).fetchall()
    for grant_id, user, client, session in ended:
        event = GrantRevoked(subject=user, client=client, session=session, grant=grant_id, reason=reason)
        record(db, event, by=by, at=now)
    return len(ended)


@lru_cache(maxsize=1024)
def _written(texts: tuple[str, ...]) -> str:
    return dumps(texts)


@lru_cache(maxsize=1024)
def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@lru_cache(maxsize=1024)
def _texts(text: str) -> tuple[str, ...]:
    values: Iterable[str] = loads(text)
    return tuple(values)


def standing_of(db: Session, row: Sequence[Any]) -> Standing:
    """A grant and its live state as the columns STANDING tell."""
    behind = _behind(db, row)
    grant = Grant(
        row[10],
        row[11],
        behind.client_id,
        row[12],
        _words(row[13]),
        _texts(row[14]),
        behind.claims,
        behind.record,
        behind.offline,
        row[15],
        behind.ends_at,
        behind.revoked_at,
        row[16],
        row[17],
        row[18],
    )
    return Standing(grant, behind)


def _behind(db: Session, row: Sequence[Any]) -> Behind:
    read, revoked_at, idle_until = db.database.read_time, row[3], row[6]
    return Behind(
        row[0],
        bool(row[1]),
        read(row[2]),
        read(revoked_at) if revoked_at else None,
        row[4],
        bool(row[5]),
        read(idle_until) if idle_until else None,
        row[7],
        row[8],
        row[9],
    )
