"""What passkeys somebody has: made, found, named, removed. PK-5, PK-7."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import FactorAdded, FactorRemoved, PasskeyNamed
from authserver.authentication import UserId
from authserver.errors import NotFound, Refusal
from authserver.factors import ceremony
from authserver.factors.ceremony import Made
from authserver.issuer import Issuer
from authserver.opaque import new_id
from authserver.store import Hot, Session
from authserver.store.passkeys import (
    BY_CREDENTIAL,
    HANDLE_OF,
    KEEP_HANDLE,
    KEEP_PASSKEY,
    NAME_PASSKEY,
    OF_USER,
    REMOVE_PASSKEY,
    REMOVE_PASSKEYS,
    USE_PASSKEY,
)

NAME = "passkey"
HANDLE_BYTES = 64
SPENT = "passkeys.challenge"
MOST = 20
LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One of somebody's passkeys, with their `handle`: what its authenticator calls them."""

    id: str
    user: UserId
    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    eligible: bool
    backed_up: bool
    verifies: bool
    transports: tuple[str, ...]
    label: str
    created_at: datetime
    last_used_at: datetime | None
    handle: bytes = field(repr=False)


def of_user(db: Session, user: str) -> tuple[Passkey, ...]:
    """All of them, the oldest first."""
    return tuple(_passkey(db, row) for row in db.hot(OF_USER, {"user": user}).fetchall())


def by_credential(db: Session, credential: bytes) -> Passkey | None:
    row = db.one(BY_CREDENTIAL, {"credential": credential})
    return None if row is None else _passkey(db, row)


def handle_of(db: Session, user: str) -> bytes:
    """What authenticators call this person; made at first use."""
    db.hot(KEEP_HANDLE, {"user": user, "handle": secrets.token_bytes(HANDLE_BYTES)}).close()
    row = db.one(HANDLE_OF, {"user": user})
    if row is None:  # pragma: no cover
        raise LookupError("what was kept just now is not there")
    return bytes(row[0])


def options(db: Session, issuer: Issuer, user: UserId, name: str, shown: str, binding: str) -> str:
    """What the browser is asked for to make a passkey, as JSON. PK-5, PK-7."""
    theirs = [passkey.credential for passkey in of_user(db, user)]
    asked = ceremony.Owner(handle=handle_of(db, user), name=name, shown=shown or name)
    return ceremony.creation_options(issuer, asked, theirs, binding)


def add(db: Session, issuer: Issuer, user: UserId, made: Made, label: str, *, by: Actor) -> None:
    """Keep a passkey that was made just now, under this name. PK-5."""
    keep(db, issuer, user, made, label)
    record(db, FactorAdded(subject=user, factor=NAME), by=by, at=issuer.clock())


def keep(db: Session, issuer: Issuer, user: UserId, made: Made, label: str) -> None:
    """The same for a step of the login, which tells the audit itself."""
    theirs, now = of_user(db, user), issuer.clock()
    if len(theirs) >= MOST:
        raise Refusal(f"You have {MOST} passkeys. Remove one first.", rule="passkeys.most", status=409)
    if not ceremony.spend(db, issuer, made.challenge):
        raise Refusal("This was sent already.", rule=SPENT, status=409)
    handle_of(db, user)
    values = {
        "id": new_id(),
        "user": user,
        "credential": made.credential,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "eligible": made.eligible,
        "backed_up": made.backed_up,
        "verifies": made.verified,
        "transports": json.dumps(made.transports),
        "label": _label(label),
        "now": db.time(now),
    }
    if db.one(KEEP_PASSKEY, values) is None:
        raise Refusal("This passkey is known already.", rule="passkeys.known", status=409)


def use(db: Session, issuer: Issuer, passkey: Passkey, shown: ceremony.Shown) -> bool:
    """Note that it was used; False where its count says that it is a copy. PK-6."""
    values = {
        "id": passkey.id,
        "user": passkey.user,
        "sign_count": shown.sign_count,
        "backed_up": shown.backed_up,
        "verifies": passkey.verifies or shown.verified,
        "now": db.time(issuer.clock()),
    }
    return db.one(USE_PASSKEY, values) is not None


def name(db: Session, issuer: Issuer, user: UserId, passkey_id: str, label: str, *, by: Actor) -> None:
    _change(db, NAME_PASSKEY, {"id": passkey_id, "user": user, "label": _label(label)})
    record(db, PasskeyNamed(subject=user, passkey=passkey_id, label=_label(label)), by=by, at=issuer.clock())


def remove(db: Session, issuer: Issuer, user: UserId, passkey_id: str, *, by: Actor) -> None:
    _change(db, REMOVE_PASSKEY, {"id": passkey_id, "user": user})
    record(db, FactorRemoved(subject=user, factor=NAME), by=by, at=issuer.clock())


def remove_all(db: Session, issuer: Issuer, user: str, *, by: Actor) -> None:
    """For somebody who lost them, or whom an admin helps."""
    if db.hot(REMOVE_PASSKEYS, {"user": user}).fetchall():
        by_admin = by.kind != "user" or by.id != user
        record(db, FactorRemoved(subject=user, factor=NAME, by_admin=by_admin), by=by, at=issuer.clock())


def _change(db: Session, statement: Hot, values: dict[str, Any]) -> None:
    if db.one(statement, values) is None:
        raise NotFound("There is no such passkey.", detail=f"passkey {values['id']!r}")


def _label(text: str) -> str:
    return " ".join(text.split())[:LONGEST_LABEL] or "Passkey"


def _passkey(db: Session, row: tuple[Any, ...]) -> Passkey:
    time = db.database.read_time
    return Passkey(
        id=row[0],
        user=UserId(row[1]),
        credential=bytes(row[2]),
        public_key=bytes(row[3]),
        sign_count=row[4],
        eligible=bool(row[5]),
        backed_up=bool(row[6]),
        verifies=bool(row[7]),
        transports=tuple(json.loads(row[8])),
        label=row[9],
        created_at=time(row[10]),
        last_used_at=time(row[11]) if row[11] else None,
        handle=bytes(row[12]),
    )
