"""The interaction that carries a login from start to resume: sealed until the first proof, a row from then on.

Showing a page writes nothing. The first proof inserts a row under the sealed id, so that of a double submit one
wins and the other finds the row. AZ-14.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authserver import compact
from authserver.authentication import (
    Level,
    Proof,
    SessionId,
    UserId,
    proofs_from_json,
    proofs_to_json,
)
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.opaque import new_id, same
from authserver.store import Session
from authserver.store.sessions import (
    ADVANCE_TRANSACTION,
    ATTACH_SESSION,
    BEGIN_TRANSACTION,
    FIND_TRANSACTION,
    RESUME_TRANSACTION,
    SKIP_ADDRESS,
)
from authserver.transaction import Purpose, Transaction

ROOT = "transaction"
LARGEST = 4096
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What waited for the end of a login, and what was proved in it: `proofs` were all made for this request."""

    request: Mapping[str, str]
    user: UserId
    session: SessionId
    proofs: tuple[Proof, ...]
    level: Level
    created_at: datetime


def seal(  # noqa: PLR0913
    issuer: Issuer,
    *,
    purpose: Purpose,
    request: Mapping[str, str],
    browser: bytes,
    now: datetime,
    id: str | None = None,  # noqa: A002
    level: Level = Level.PWD,
    steps_up: SessionId | None = None,
) -> str:
    """What travels as `tx`: it opens in this browser alone, and cannot be changed by it."""
    value = {
        "i": id or new_id(),
        "p": purpose.value,
        "r": dict(request),
        "t": now.isoformat(),
        "l": int(level),
        "s": steps_up,
    }
    text = compact.dumps(value).encode()
    sealed = issuer.roots.seal(ROOT, zlib.compress(text, 6), browser)
    if len(sealed) > LARGEST:
        raise Refusal(
            "The request is too long.", rule="request_size", detail=f"{len(sealed)} bytes when sealed"
        )
    return sealed


def open_sealed(issuer: Issuer, value: str, browser: bytes, now: datetime) -> Transaction | None:
    """The transaction that this browser was given, while it lasts."""
    tx = open_stale(issuer, value, browser)
    return tx if tx is not None and now < tx.expires_at else None


def open_stale(issuer: Issuer, value: str, browser: bytes) -> Transaction | None:
    """The same, however old: its request can be asked again, though nothing can be proved for it."""
    raw = issuer.roots.open(ROOT, value, browser) if len(value) <= LARGEST else None
    if raw is None:
        return None
    found: dict[str, Any] = json.loads(zlib.decompress(raw))
    created_at = datetime.fromisoformat(found["t"])
    return Transaction(
        id=found["i"],
        purpose=Purpose(found["p"]),
        request=found["r"],
        browser=browser,
        created_at=created_at,
        expires_at=created_at + timedelta(seconds=issuer.settings.login_lifetime),
        level=Level(found["l"]),
        steps_up=found["s"],
    )


def load(db: Session, issuer: Issuer, tx: str, browser: bytes, now: datetime) -> Transaction | None:
    """The row under its id when there is one, else the sealed value; None for what is not under way here.

    A row whose session is open already is given back with that session: it only waits to be resumed.
    """
    sealed = None if ID.fullmatch(tx) else open_sealed(issuer, tx, browser, now)
    if sealed is None and not ID.fullmatch(tx):
        return None
    standing = find_row(db, sealed.id if sealed else tx, browser)
    if standing is None:
        return sealed
    return None if standing.is_over or now >= standing.tx.expires_at else standing.tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A transaction in the database: `is_over` when it was resumed, or its person may not sign in any more.

    `tries` is how many answers of an app were wrong, or are being looked at.
    """

    tx: Transaction
    completed_at: datetime | None
    person_stands: bool
    tries: int

    @property
    def is_over(self) -> bool:
        return self.completed_at is not None or not self.person_stands


def find_row(db: Session, id: str, browser: bytes) -> Row | None:  # noqa: A002
    """The row of this browser under this id. Knowing the id alone gives nothing. CVE-21."""
    row = db.one(FIND_TRANSACTION, {"id": id})
    if row is None or not same(bytes(row[1]), browser):
        return None
    read = db.database.read_time
    return Row(
        tx=Transaction(
            id=row[0],
            browser=browser,
            purpose=Purpose(row[2]),
            request=json.loads(row[3]),
            user=UserId(row[4]),
            proofs=proofs_from_json(json.loads(row[5])),
            remembered=bool(row[6]),
            level=Level(row[7]),
            steps_up=row[8],
            version=row[9],
            created_at=read(row[10]),
            expires_at=read(row[11]),
            session=row[13],
            trusts=bool(row[14]),
            skips=bool(row[15]),
        ),
        completed_at=read(row[12]) if row[12] else None,
        person_stands=bool(row[16]),
        tries=row[17],
    )


def advance(  # noqa: PLR0913
    db: Session, issuer: Issuer, tx: Transaction, *, user: UserId, epoch: int, proof: Proof, now: datetime
) -> Transaction | None:
    """Add a proof: the first one makes the row. None for whoever is not first; they load what stands."""
    if tx.user is not None and tx.user != user:
        return None
    proofs = (*tx.proofs, proof)
    values = _values(db, tx, user=user, epoch=epoch, proofs=proofs, now=now)
    row = db.one(ADVANCE_TRANSACTION if tx.version else BEGIN_TRANSACTION, values)
    return None if row is None else tx._replace(user=user, proofs=proofs, version=row[0])


def skip(db: Session, tx: Transaction) -> Transaction | None:
    """Go on without an address; None for whoever is not first."""
    row = db.one(SKIP_ADDRESS, {"id": tx.id, "version": tx.version, "yes": True})
    return None if row is None else tx._replace(skips=True, version=row[0])


def attach(db: Session, tx: Transaction, session: SessionId, completed: datetime | None) -> bool:
    """Name the session that the login opened; True once. Without `completed` its request waits to be resumed."""
    at = None if completed is None else db.time(completed)
    values = {"id": tx.id, "version": tx.version, "session": session, "completed": at}
    return db.one(ATTACH_SESSION, values) is not None


def choose(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    tx: Transaction,
    *,
    user: UserId,
    epoch: int,
    session: SessionId,
    now: datetime,
) -> Transaction | None:
    """Go on as who is signed in, without a proof: the request learns that they chose. AZ-11."""
    if tx.version or tx.proofs:
        return None
    row = db.one(BEGIN_TRANSACTION, _values(db, tx, user=user, epoch=epoch, proofs=(), now=now))
    if row is None:
        return None
    chosen = tx._replace(user=user, version=row[0])
    completed = None if tx.purpose is Purpose.AUTHORIZE else now
    return chosen._replace(session=session) if attach(db, chosen, session, completed) else None


def resume(db: Session, tx_id: str, browser: bytes, now: datetime) -> Resumed | None:
    """Take up what waited: once, in the browser that proved it. CVE-21."""
    if not ID.fullmatch(tx_id):
        return None
    row = db.one(RESUME_TRANSACTION, {"id": tx_id, "browser": browser, "now": db.time(now)})
    if row is None:
        return None
    return Resumed(
        request=json.loads(row[0]),
        user=UserId(row[1]),
        session=SessionId(row[2]),
        proofs=proofs_from_json(json.loads(row[3])),
        level=Level(row[4]),
        created_at=db.database.read_time(row[5]),
    )


def again(issuer: Issuer, tx: Transaction, now: datetime) -> str:
    """The same request, to be proved from the start: what was proved before counts no more."""
    return seal(
        issuer,
        purpose=tx.purpose,
        request=tx.request,
        browser=tx.browser,
        now=now,
        level=tx.level,
        steps_up=tx.steps_up,
    )


def _values(
    db: Session,
    tx: Transaction,
    *,
    user: UserId,
    epoch: int,
    proofs: tuple[Proof, ...],
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": tx.id,
        "user": user,
        "epoch": epoch,
        "proofs": compact.dumps(proofs_to_json(proofs)),
        "remembered": tx.remembered,
        "trusts": tx.trusts,
        "version": tx.version,
        "now": db.time(now),
        "browser": tx.browser,
        "purpose": tx.purpose.value,
        "request": compact.dumps(dict(tx.request)),
        "level": int(tx.level),
        "steps_up": tx.steps_up,
        "created": db.time(tx.created_at),
        "expires": db.time(tx.expires_at),
    }
