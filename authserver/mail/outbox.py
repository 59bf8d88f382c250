"""Mails that wait for their delivery: written down in the acting transaction, each delivered once, none lost.

A delivery is leased to one worker at a time. One that was killed gives its lease up by the clock, and the mail goes
out then; it has the same Message-ID each time, by which receivers know a mail that they took before.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module

from authserver import metrics
from authserver.audit import SYSTEM, record
from authserver.audit.events import MailFailed
from authserver.issuer import Issuer
from authserver.keys.custody import outbox_place
from authserver.mail import compose, languages
from authserver.mail.languages import Written
from authserver.mail.letters import LETTERS
from authserver.opaque import new_id
from authserver.store import Session
from authserver.store.outbox import (
    AGAIN,
    ANY_DUE,
    COUNTS,
    EXPIRE,
    FAILED,
    LEASE,
    RETRY,
    SENT,
    HeldMail,
    outbox_rows,
    put,
)

MAIL = "mail"
LEASED_FOR = timedelta(minutes=3)
BACKOFF = tuple(timedelta(seconds=each) for each in (
    10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400,
))  # fmt: skip
RETRIED_FOR = timedelta(hours=1)
LONGEST_ERROR = 255
TOO_LATE = "It could not be delivered in time."
Values = Mapping[str, str | datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that is to be delivered: what was asked for, and the attempt that is under way."""

    id: str
    template: str
    to: str
    user: str | None
    sealed: bytes = field(repr=False)
    attempt: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A mail as the outbox has it; `written` is None once its content is gone, which is when it was sent."""

    id: str
    template: str
    to: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime | None
    done_at: datetime | None
    last_error: str
    written: Written | None = field(repr=False, default=None)


def can_send(issuer: Issuer) -> bool:
    """Whether mails can go anywhere: to a server, or in development to a page."""
    return bool(issuer.settings.smtp_host) or issuer.config.is_development


def enqueue(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    *,
    to: str,
    template: str,
    locale: str | None,
    values: Values | None = None,
    link: str = "",
    user: str | None = None,
    source: str | None = None,
    about: str | None = None,
) -> str:
    """Write a mail down; it is delivered after the commit. `link` is a path of ours. See authserver/mail. PW-8."""
    letter, given = LETTERS[template], dict(values or {})
    if given.keys() - letter.values:
        raise ValueError(f"the mail {template} knows no {', '.join(given.keys() - letter.values)}")
    if link and (not link.startswith("/") or link.startswith("//")):
        raise ValueError("a mail leads to a path of this server")
    compose.reachable(to)
    now, id_ = issuer.clock(), new_id()
    payload = {
        "locale": languages.spoken(issuer, locale),
        "link": link,
        "values": {key: _plain(value) for key, value in given.items()},
    }
    sealed = issuer.vault.seal(json.dumps(payload).encode(), outbox_place(id_))
    put(
        db,
        id_=id_,
        kind=MAIL,
        name=template,
        recipient=to,
        user=user,
        source=source,
        about=about,
        payload=sealed,
        now=now,
        expires=now + letter.lives,
    )
    return id_


def is_due(db: Session, issuer: Issuer) -> bool:
    """Whether anything waits for delivery now; asked without writing."""
    return db.one(ANY_DUE, {"kind": MAIL, "now": db.time(issuer.clock())}) is not None


def lease(db: Session, issuer: Issuer) -> Mail | None:
    """Take the next mail that is due, for this worker alone."""
    now = issuer.clock()
    values = {"kind": MAIL, "now": db.time(now), "until": db.time(now + LEASED_FOR)}
    row = db.one(LEASE, values)
    if row is None:
        return None
    id_, name, recipient, user, payload, attempts, created_at, expires_at = row
    return Mail(
        id=id_,
        template=name,
        to=recipient,
        user=user,
        sealed=bytes(payload),
        attempt=attempts,
        created_at=db.database.read_time(created_at),
        expires_at=db.database.read_time(expires_at),
    )


def write(issuer: Issuer, mail: Mail) -> Written:
    """What it says; CannotOpen for what was sealed under a master key that is not here."""
    return _written(issuer, mail.id, mail.template, mail.sealed)


def sent(db: Session, issuer: Issuer, mail: Mail) -> None:
    """It was taken: what it said is forgotten, except in development, where a page shows it."""
    payload = mail.sealed if issuer.config.is_development else None
    values = {"id": mail.id, "attempt": mail.attempt, "now": db.time(issuer.clock())}
    if db.one(SENT, values | {"payload": payload}) is not None:
        metrics.count("mails", result="sent")


def again(db: Session, issuer: Issuer, mail: Mail, error: str) -> None:
    """It could not be delivered now: later, for as long as it is of use and there are attempts left."""
    now = issuer.clock()
    wait = BACKOFF[mail.attempt - 1] if mail.attempt <= len(BACKOFF) else None
    if wait is None or now + wait >= mail.expires_at:
        failed(db, issuer, mail, error)
        return
    values = {"id": mail.id, "attempt": mail.attempt, "next": db.time(now + wait)}
    if db.one(AGAIN, values | {"error": error[:LONGEST_ERROR]}) is not None:
        metrics.count("mails", result="later")


def failed(db: Session, issuer: Issuer, mail: Mail, error: str) -> None:
    """It will never be delivered by itself; an operator is told, and may try again."""
    values = {"id": mail.id, "attempt": mail.attempt, "now": db.time(issuer.clock())}
    if db.one(FAILED, values | {"error": error[:LONGEST_ERROR]}) is not None:
        _tell(db, issuer, MailFailed(subject=mail.user, template=mail.template, attempts=mail.attempt))


def expire(db: Session, issuer: Issuer) -> int:
    """Give up on what is of no use any more, such as a code that has ended."""
    rows = db.hot(EXPIRE, {"kind": MAIL, "now": db.time(issuer.clock()), "error": TOO_LATE}).fetchall()
    for name, user, attempts, _ in rows:
        _tell(db, issuer, MailFailed(subject=user, template=name, attempts=attempts))
    return len(rows)


def retry(db: Session, issuer: Issuer, id_: str) -> bool:
    """Deliver a mail that failed, or that waits, now; False where there is none whose content is still kept."""
    now = issuer.clock()
    values = {"id": id_, "now": db.time(now), "expires": db.time(now + RETRIED_FOR)}
    return db.one(RETRY, values) is not None


def counts(db: Session) -> dict[str, tuple[int, datetime]]:
    """How many mails there are in each state, and since when the oldest is."""
    rows = db.hot(COUNTS, {"kind": MAIL}).fetchall()
    return {state: (count, db.database.read_time(oldest)) for state, count, oldest in rows}


def kept(db: Session, *, state: str | None = None, limit: int = 50) -> tuple[Kept, ...]:
    """What the outbox holds, the newest first; without what the mails say."""
    return tuple(_kept(row) for row in outbox_rows(db, MAIL, state=state, limit=limit))


def readable(db: Session, issuer: Issuer, *, limit: int = 50) -> tuple[Kept, ...]:
    """The same with what the mails say, for development and tests."""
    found = []
    for row in outbox_rows(db, MAIL, limit=limit):
        written = _written(issuer, row.id, row.name, row.payload) if row.payload else None
        found.append(_kept(row, written))
    return tuple(found)


def _written(issuer: Issuer, id_: str, name: str, sealed: bytes) -> Written:
    held = json.loads(issuer.vault.open(sealed, outbox_place(id_)))
    values = {key: _value(value) for key, value in held["values"].items()}
    link = f"{issuer.url}{held['link']}" if held["link"] else ""
    written: Written = import_module("authserver.mail.templates").write(
        issuer, name, held["locale"], values, link
    )
    return written


def _plain(value: str | datetime) -> str | dict[str, str]:
    return value if isinstance(value, str) else {"at": value.isoformat()}


def _value(plain: str | dict[str, str]) -> str | datetime:
    return plain if isinstance(plain, str) else datetime.fromisoformat(plain["at"])


def _tell(db: Session, issuer: Issuer, event: MailFailed) -> None:
    record(db, event, by=SYSTEM, at=issuer.clock())
    metrics.count("mails", result="failed")


def _kept(row: HeldMail, written: Written | None = None) -> Kept:
    return Kept(
        id=row.id,
        template=row.name,
        to=row.recipient,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at if row.state == "waiting" else None,
        done_at=row.done_at,
        last_error=row.last_error or "",
        written=written,
    )
