"""Mails about what happened to an account, each saying what to do for an owner who did not do it. SS-11, TOTP-7, PW-9.

Every event of the audit passes here, in its own transaction: one that has a notice is mailed if it is committed, and
only then. Of one kind an account gets a few in an hour, and of two that say the same the first one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from authserver.agents import network, plain
from authserver.audit import Actor, record
from authserver.audit.events import (
    EmailChanged,
    Event,
    FactorAdded,
    FactorRemoved,
    Linked,
    NewDevice,
    PasskeyCopied,
    PasswordChanged,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SecondStepClosed,
    SignedIn,
    Unlinked,
    UnusualPlace,
)
from authserver.issuer import Issuer
from authserver.mail import compose, languages, outbox
from authserver.store import Session
from authserver.store.locks import lock
from authserver.store.outbox import NOTICES
from authserver.store.users import NOTE_PLACE, PLACES, TOLD_AT

HOUR = timedelta(hours=1)
SETTING_UP = timedelta(minutes=10)
SEEN_AGAIN = timedelta(days=30)
ABOUT_LENGTH = 32
DEVICES, FACTORS, PASSWORD, NOT_ME = (
    "/account/devices",
    "/account/factors",
    "/account/password",
    "/account/not-me",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One of the letters, where its button leads, and what it says beside who did it."""

    letter: str
    link: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Somebody as notices reach them: at an address that is verified, if they have one."""

    address: str | None
    locale: str | None
    has_signed_in: bool


def of_event(issuer: Issuer, db: Session, event: Event, by: Actor, at: datetime) -> None:
    """Tell the owner of the account that the event is about, if this is something to be told."""
    if event.subject is None or not (isinstance(event, SignedIn) or type(event) in TOLD):
        return
    if isinstance(event, SignedIn):
        _look_at_place(issuer, db, event.subject, by, at)
        return
    notice = TOLD[type(event)](event)
    if notice is not None and outbox.can_send(issuer):
        _tell(issuer, db, event.subject, notice, by, at)


def email_changed(
    db: Session, issuer: Issuer, user_id: str, *, old: str | None, new: str | None, by: Actor
) -> None:
    """Audit that the address changed, and tell it to both: `old` and `new` are None unless verified. PW-9."""
    now = issuer.clock()
    record(db, EmailChanged(subject=user_id, by_admin=_is_foreign(by, user_id)), by=by, at=now)
    if not outbox.can_send(issuer) or old is None:
        return
    about = {"old": old, "new": new or "", "by_admin": _word(_is_foreign(by, user_id))}
    for to in filter(None, (old, new)):
        _tell(issuer, db, user_id, Notice(letter="email_changed", link=NOT_ME, values=about), by, now, to=to)


def _look_at_place(issuer: Issuer, db: Session, user: str, by: Actor, at: datetime) -> None:
    """Somebody signed in from where they never did: the country where that is known, else the network."""
    place = issuer.places.country(by.ip) or network(by.ip)
    if not place:
        return
    row = db.one(PLACES, {"user": user, "place": place})
    others, seen_at = (row[0], row[1]) if row else (0, None)
    if seen_at is not None and at - db.database.read_time(seen_at) < SEEN_AGAIN:
        return
    db.hot(NOTE_PLACE, {"user": user, "place": place, "now": db.time(at)}).close()
    if others and seen_at is None:
        record(db, UnusualPlace(subject=user, place=place), by=by, at=at)


def _tell(  # noqa: PLR0913
    issuer: Issuer,
    db: Session,
    user: str,
    notice: Notice,
    by: Actor,
    at: datetime,
    *,
    to: str = "",
) -> None:
    owner = _owner(db, user)
    if owner is None or not owner.has_signed_in or _is_said(db, user, notice, at):
        return
    to = to or owner.address or ""
    if not compose.is_reachable(to):
        return
    lock(db, f"notices:{user}")
    since = {"user": user, "name": notice.letter, "since": db.time(at - HOUR)}
    lately = [row[0] for row in db.hot(NOTICES, since).fetchall()]
    if len(lately) >= issuer.settings.mails_an_hour:
        return
    theirs, locale = not _is_foreign(by, user), languages.spoken(issuer, owner.locale)
    values: dict[str, str | datetime] = {
        **notice.values,
        "device": plain(by.user_agent) if theirs else "",
        "place": issuer.places.told(by.ip, locale) if theirs else "",
    }
    about = _digest(to, values)
    if about in lately:
        return
    outbox.enqueue(
        db,
        issuer,
        to=to,
        template=notice.letter,
        locale=locale,
        values=values | {"at": at},
        link=notice.link,
        user=user,
        about=about,
    )


def _is_said(db: Session, user: str, notice: Notice, at: datetime) -> bool:
    """Whether another notice, of a moment ago, says it already."""
    name, ago = SAID_BY.get(notice.letter, ("", timedelta()))
    if not name:
        return False
    since = {"user": user, "name": name, "since": db.time(at - ago)}
    return db.one(NOTICES, since) is not None


def _owner(db: Session, user: str) -> Owner | None:
    row = db.one(TOLD_AT, {"user": user})
    if row is None:
        return None
    return Owner(address=row[0], locale=row[1], has_signed_in=row[2] is not None)


def _digest(to: str, values: Mapping[str, Any]) -> str:
    """What two notices that say the same have in common."""
    text = "\x1f".join((to, *(f"{key}={values[key]}" for key in sorted(values))))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:ABOUT_LENGTH]


def _is_foreign(by: Actor, user: str) -> bool:
    """Whether somebody else did it, such as an administrator. Whoever is about to sign in is a stranger still."""
    return by.kind not in {"user", "stranger"} or (by.kind == "user" and by.id != user)


def _word(holds: bool) -> str:  # noqa: FBT001
    """A truth as mail texts ask for it."""
    return "yes" if holds else ""


def _new_device(event: Event) -> Notice:
    return Notice(letter="new_device", link=NOT_ME)


def _unusual_place(event: Event) -> Notice:
    return Notice(letter="unusual_place", link=NOT_ME)


def _factor(event: Any) -> Notice:
    values = {
        "app": _word(event.factor == "totp"),
        "passkey": _word(event.factor == "passkey"),
        "other": "" if event.factor in {"totp", "passkey"} else event.factor,
    }
    if isinstance(event, FactorAdded):
        return Notice(letter="factor_added", link=FACTORS, values=values | {"provider": ""})
    by_admin = _word(event.by_admin)
    return Notice(
        letter="factor_removed", link=FACTORS, values=values | {"provider": "", "by_admin": by_admin}
    )


def _link(event: Any) -> Notice:
    values = {"app": "", "passkey": "", "other": "", "provider": f"{event.provider}: {event.identity}"}
    if isinstance(event, Linked):
        return Notice(letter="factor_added", link=FACTORS, values=values)
    return Notice(letter="factor_removed", link=FACTORS, values=values | {"by_admin": ""})


def _codes_made(event: Event) -> Notice:
    return Notice(letter="recovery_codes_made", link=FACTORS)


def _code_used(event: Any) -> Notice:
    return Notice(letter="recovery_code_used", link=NOT_ME, values={"left": str(event.left)})


def _locked(event: Any) -> Notice | None:
    return Notice(letter="second_step_locked", link=PASSWORD) if event.locked else None


def _password(event: Any) -> Notice:
    return Notice(letter="password_changed", link=NOT_ME, values={"by_admin": _word(event.by_admin)})


def _copied(event: Any) -> Notice:
    return Notice(letter="passkey_copied", link=FACTORS, values={"label": event.label})


TOLD: Mapping[type[Event], Callable[[Any], Notice | None]] = {
    NewDevice: _new_device,
    UnusualPlace: _unusual_place,
    FactorAdded: _factor,
    FactorRemoved: _factor,
    Linked: _link,
    Unlinked: _link,
    RecoveryCodesMade: _codes_made,
    RecoveryCodeUsed: _code_used,
    SecondStepClosed: _locked,
    PasswordChanged: _password,
    PasskeyCopied: _copied,
}
SAID_BY: Mapping[str, tuple[str, timedelta]] = {
    "recovery_codes_made": ("factor_added", SETTING_UP),
    "unusual_place": ("new_device", timedelta(seconds=1)),
}
