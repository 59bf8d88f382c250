"""The end of a session told to every app that took part. OpenID Connect Back-Channel Logout.

Written down in the transaction that ends it, delivered after the commit by a worker; nobody waits for it. LO-4, LO-5.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver import metrics
from authserver.audit import SYSTEM, record
from authserver.audit.events import LogoutNotTold
from authserver.authentication import UserId
from authserver.clients.client import Client
from authserver.clients.find import by_client_id
from authserver.issuer import Issuer
from authserver.keys.custody import outbox_place
from authserver.opaque import new_id
from authserver.sessions import sso
from authserver.store import Session
from authserver.store.outbox import AGAIN, ANY_DUE, FAILED, LEASE, SENT, put
from authserver.users import find

KIND = "logout_token"
LEASED_FOR = timedelta(minutes=1)
BACKOFF = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5))
# An app that was away for longer has forgotten its sessions, or finds out when it refreshes.
LIVES = timedelta(hours=1)
LONGEST_ERROR = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one app is to be told, and the attempt that is under way."""

    id: str
    client_id: str
    user: str | None
    subject: str
    session: str
    attempt: int
    expires_at: datetime


def tell(db: Session, issuer: Issuer, session_id: str, user: UserId) -> None:
    """Write down for each app of a session, that wants to be told, that it has ended."""
    clients = (by_client_id(issuer, each) for each in sso.clients_of(db, session_id))
    wanting = [client for client in clients if client is not None and wants(client)]
    if not wanting:
        return
    now, subject = issuer.clock(), find.load(db, user).subject
    for client in wanting:
        id_ = new_id()
        payload = json.dumps({"sub": subject, "sid": session_id}).encode()
        put(
            db,
            id_=id_,
            kind=KIND,
            name=KIND,
            recipient=client.client_id,
            user=user,
            payload=issuer.vault.seal(payload, outbox_place(id_)),
            now=now,
            expires=now + LIVES,
        )


def wants(client: Client) -> bool:
    return client.active and bool(client.backchannel_logout_uri)


def is_due(db: Session, issuer: Issuer) -> bool:
    """Whether anybody waits to be told; asked without writing."""
    return db.one(ANY_DUE, {"kind": KIND, "now": db.time(issuer.clock())}) is not None


def lease(db: Session, issuer: Issuer) -> Notice | None:
    """Take the next one that is due, for this worker alone."""
    now = issuer.clock()
    row = db.one(LEASE, {"kind": KIND, "now": db.time(now), "until": db.time(now + LEASED_FOR)})
    if row is None:
        return None
    id_, _, client_id, user, payload, attempts, _, expires_at = row
    held = json.loads(issuer.vault.open(bytes(payload), outbox_place(id_)))
    return Notice(
        id=id_,
        client_id=client_id,
        user=user,
        subject=held["sub"],
        session=held["sid"],
        attempt=attempts,
        expires_at=db.database.read_time(expires_at),
    )


def told(db: Session, issuer: Issuer, notice: Notice) -> None:
    """The app knows."""
    values = {"id": notice.id, "attempt": notice.attempt, "now": db.time(issuer.clock())}
    if db.one(SENT, values | {"payload": None}) is not None:
        metrics.count("logout_notices", result="told")


def again(db: Session, issuer: Issuer, notice: Notice, error: str) -> None:
    """The app could not be reached: later, three times."""
    now = issuer.clock()
    wait = BACKOFF[notice.attempt - 1] if notice.attempt <= len(BACKOFF) else None
    if wait is None or now + wait >= notice.expires_at:
        not_told(db, issuer, notice, error)
        return
    values = {"id": notice.id, "attempt": notice.attempt, "next": db.time(now + wait)}
    if db.one(AGAIN, values | {"error": error[:LONGEST_ERROR]}) is not None:
        metrics.count("logout_notices", result="later")


def not_told(db: Session, issuer: Issuer, notice: Notice, error: str) -> None:
    """The app took it for wrong, or was away for too long: somebody can read that in the audit."""
    now = issuer.clock()
    values = {"id": notice.id, "attempt": notice.attempt, "now": db.time(now)}
    if db.one(FAILED, values | {"error": error[:LONGEST_ERROR]}) is None:
        return
    event = LogoutNotTold(
        subject=notice.user, client=notice.client_id, session=notice.session, error=error[:LONGEST_ERROR]
    )
    record(db, event, by=SYSTEM, at=now)
    metrics.count("logout_notices", result="failed")
