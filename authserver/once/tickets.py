"""What we hand out for one use. A ticket is found by its key and opened by its answer.

A bearer artifact is the string `key.answer`, both random; for a short code the key is the transaction and the
answer is what was typed. The answer is kept as a MAC under the purpose root "ticket", and the payload sealed to
the kind and key, so that nothing in the database can be presented.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authserver import compact
from authserver.opaque import new_secret, same
from authserver.store import Hot, Session
from authserver.store.grants import PERSON_OF, STANDING, session_of
from authserver.vault import Roots

PURPOSE = "ticket"
KEY_BYTES, ANSWER_BYTES = 16, 32
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

OPEN = Hot(
    """INSERT INTO tickets (kind, key, answer, attempts_left, grant_id, payload, created_at, expires_at)
       VALUES (:kind, :key, :answer, :attempts, :grant, :payload, :now, :expires)
       ON CONFLICT (kind, key) DO UPDATE SET answer = :answer, attempts_left = :attempts, grant_id = :grant,
         payload = :payload, created_at = :now, expires_at = :expires, consumed_at = NULL"""
)
CONSUME = Hot(
    """UPDATE tickets SET attempts_left = attempts_left - 1,
              consumed_at = CASE WHEN answer = :answer THEN :now END
        WHERE kind = :kind AND key = :key AND consumed_at IS NULL AND attempts_left > 0 AND expires_at > :now
          AND (grant_id IS NULL OR EXISTS
              (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id AND u.epoch = g.user_epoch
                WHERE g.id = grant_id AND g.revoked_at IS NULL AND u.status = 'active'))
    RETURNING consumed_at, attempts_left, payload, grant_id"""
)
TICKET = "t.answer, t.attempts_left, t.payload, t.grant_id, t.expires_at, t.consumed_at"
FIND = Hot(f"SELECT {TICKET} FROM tickets t WHERE t.kind = :kind AND t.key = :key")  # noqa: S608
FIND_WITH_GRANT = Hot(
    f"""SELECT {TICKET}, {STANDING}
          FROM tickets t LEFT JOIN grants g ON g.id = t.grant_id LEFT JOIN {PERSON_OF}
          LEFT JOIN {session_of(":idle_ends")}
         WHERE t.kind = :kind AND t.key = :key"""  # noqa: S608
)
GRANT = slice(1 + TICKET.count(","), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Spent by us, just now (or, from peek(), still to be spent)."""

    kind: str
    key: str
    answer: bytes = field(repr=False)  # as it is stored
    payload: dict[str, Any]
    grant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Handed out, and not yet spent."""

    payload: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """The answer was wrong; it cost a try."""

    attempts_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The right answer, but somebody was first."""

    at: datetime
    grant: str | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gone:
    """Unknown, expired, out of tries, or never ours."""


def open_ticket(  # noqa: PLR0913
    db: Session,
    roots: Roots,
    kind: str,
    *,
    now: datetime,
    expires_at: datetime,
    payload: dict[str, Any] | None = None,
    key: str | None = None,
    answer: str | None = None,
    attempts: int = 1,
    grant: str | None = None,
) -> str:
    """Hand out a ticket, `key.answer`. A new one under the same key replaces the old."""
    key = key or new_secret(KEY_BYTES)
    answer = answer or new_secret(ANSWER_BYTES)
    db.hot(
        OPEN,
        {
            "kind": kind,
            "key": key,
            "answer": next(_answers(roots, kind, key, answer)),
            "attempts": attempts,
            "grant": grant,
            "payload": _seal(roots, kind, key, payload or {}),
            "now": db.time(now),
            "expires": db.time(expires_at),
        },
    ).close()
    return f"{key}.{answer}"


def peek(db: Session, roots: Roots, kind: str, ticket: str, *, now: datetime) -> Ticket | Spent | Gone:
    """What a ticket would give, without spending it or counting a try. For checks before consume()."""
    return _peek(db, roots, kind, ticket, now)[0]


def peek_with_grant(
    db: Session, roots: Roots, kind: str, ticket: str, *, idle_ends: bool, now: datetime
) -> tuple[Ticket | Spent | Gone, Sequence[Any]]:
    """The same, and what the columns STANDING say of the grant that hangs on it, in one statement."""
    found, row = _peek(db, roots, kind, ticket, now, idle_ends=idle_ends)
    return found, row[GRANT]


def _peek(
    db: Session, roots: Roots, kind: str, ticket: str, now: datetime, *, idle_ends: bool | None = None
) -> tuple[Ticket | Spent | Gone, Sequence[Any]]:
    key, _, answer = ticket.partition(".")
    statement = FIND if idle_ends is None else FIND_WITH_GRANT
    values = {"kind": kind, "key": key, "idle_ends": idle_ends}
    row = db.one(statement, values) if KEY.fullmatch(key) and answer else None
    if row is None:
        return Gone(), ()
    stored, attempts_left, payload, grant, expires_at, consumed_at = row[:6]
    stored, read = bytes(stored), db.database.read_time
    if not any(same(stored, candidate) for candidate in _answers(roots, kind, key, answer)):
        return Gone(), ()
    if consumed_at is None and (attempts_left <= 0 or read(expires_at) <= now):
        return Gone(), ()
    opened = _open(roots, kind, key, payload)
    if consumed_at is not None:
        return Spent(at=read(consumed_at), grant=grant, payload=opened), row
    return Ticket(kind=kind, key=key, answer=stored, payload=opened, grant=grant), row


def spend(db: Session, ticket: Ticket, *, now: datetime) -> bool:
    """Spend a ticket that was peeked at, unless that has happened meanwhile, or its grant has ended."""
    return _take(db, ticket.kind, ticket.key, ticket.answer, now) is not None


def standing(db: Session, roots: Roots, kind: str, key: str, *, now: datetime) -> Open | None:
    """The ticket under this key while somebody could still spend it; for pages, which tell its times."""
    row = db.one(FIND, {"kind": kind, "key": key})
    if row is None or row[5] is not None or row[1] <= 0 or db.database.read_time(row[4]) <= now:
        return None
    return Open(payload=_open(roots, kind, key, row[2]), expires_at=db.database.read_time(row[4]))


def consume(
    db: Session, roots: Roots, kind: str, key: str, answer: str, *, now: datetime
) -> Ticket | Wrong | Spent | Gone:
    """Spend a ticket. One statement counts the attempt and spends it, so neither can be raced."""
    row = db.one(FIND, {"kind": kind, "key": key}) if KEY.fullmatch(key) else None
    if row is None:
        return Gone()
    stored, candidates = bytes(row[0]), list(_answers(roots, kind, key, answer))
    right = next((candidate for candidate in candidates if same(stored, candidate)), candidates[0])
    taken = _take(db, kind, key, right, now)
    if taken is None:
        again = db.one(FIND, {"kind": kind, "key": key})
        if again is None or again[5] is None or not same(bytes(again[0]), right):
            return Gone()
        return Spent(
            at=db.database.read_time(again[5]), grant=again[3], payload=_open(roots, kind, key, again[2])
        )
    consumed_at, attempts_left, payload, grant = taken
    if consumed_at is None:
        return Wrong(attempts_left=attempts_left)
    opened = _open(roots, kind, key, payload)
    return Ticket(kind=kind, key=key, answer=right, payload=opened, grant=grant)


def _take(db: Session, kind: str, key: str, answer: bytes, now: datetime) -> tuple[Any, ...] | None:
    return db.one(CONSUME, {"kind": kind, "key": key, "answer": answer, "now": db.time(now)})


def _answers(roots: Roots, kind: str, key: str, answer: str) -> Iterator[bytes]:
    """The MAC under the current root first, then, if it is not that, under those that still verify."""
    message = f"{kind}\x1f{key}\x1f{answer}".encode("utf-8", "surrogatepass")
    current, mac = roots.mac(PURPOSE, message)
    yield mac
    for root in roots.known(PURPOSE):
        other = None if root.id == current else roots.mac_by(PURPOSE, root.id, message)
        if other is not None:
            yield other


def _seal(roots: Roots, kind: str, key: str, payload: dict[str, Any]) -> bytes:
    text = compact.dumps(payload).encode()
    return roots.seal(PURPOSE, text, f"{kind}\x1f{key}".encode()).encode()


def _open(roots: Roots, kind: str, key: str, payload: bytes) -> dict[str, Any]:
    text = roots.open(PURPOSE, bytes(payload).decode(), f"{kind}\x1f{key}".encode())
    found: dict[str, Any] = json.loads(text.decode()) if text is not None else {}
    return found
