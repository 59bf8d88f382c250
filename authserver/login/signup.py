"""Registration: an account is made once its address is confirmed, and not a moment before. PW-11, AD-2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authserver import once
from authserver.audit import SYSTEM, Actor, record
from authserver.audit.events import Registered
from authserver.errors import Refusal, TooMany
from authserver.input import invalid, read
from authserver.issuer import Issuer
from authserver.login import passwords
from authserver.mail import outbox, volume
from authserver.opaque import digits, new_id
from authserver.store import Session, retrying
from authserver.users import edit, find, terms
from authserver.users.form import UserForm
from authserver.users.user import User

LETTER, KNOWN, TICKET = "confirm_address", "account_known", "signup"
LASTS = timedelta(minutes=30)
DIGITS, TRIES = 6, 5
OFF, OPEN = "off", "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What people say of themselves; `accepted` is the version of the terms that they said yes to."""

    name: str = ""
    email: str = ""
    locale: str | None = None
    password: str = field(default="", repr=False)
    accepted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Somebody who registers: `key` finds what they filled in, until the code from their mail is typed."""

    key: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An account that is to be made now, for an address that is theirs; `terms` were accepted `at` that time."""

    form: Mapping[str, Any]
    chosen: passwords.Chosen
    terms: str
    at: datetime


def is_open(issuer: Issuer) -> bool:
    """Whether anybody may register."""
    return issuer.settings.registration == OPEN and outbox.can_send(issuer)


def check_open(issuer: Issuer) -> None:
    """Raise a Refusal where not everybody may register."""
    if not is_open(issuer):
        raise Refusal(
            "Nobody can register here. Ask whoever runs this for an account.", rule="signup.off", status=403
        )


def check_terms(issuer: Issuer, accepted: str) -> None:
    """Raise a Refusal unless the terms of now were accepted, where there are any."""
    if terms.version(issuer) and accepted != terms.version(issuer):
        raise invalid({"accept": "Please read and accept this."})


def begin(issuer: Issuer, filled: Filled, *, by: Actor) -> Begun:
    """Mail a code to the address, or word to whoever has it already: the page cannot tell which. PW-4, PW-11."""
    check_open(issuer)
    wait = issuer.limiter.failures(by.ip)
    if wait is not None:
        raise TooMany("Too many tries came from your network.", retry_after=wait, rule="address_failures")
    issuer.limiter.failed(by.ip)
    form = read(UserForm, {"name": filled.name.strip(), "email": filled.email.strip()})
    if form.email is None:
        raise invalid({"email": "An account needs an address."})
    check_terms(issuer, filled.accepted)
    chosen = passwords.choose(issuer, filled.password, None, about=(form.name, form.email))
    return retrying(lambda: _begin(issuer, form, chosen, filled.accepted, by))


def confirm(issuer: Issuer, key: str, code: str, *, by: Actor) -> User | None:
    """Make the account; None where the code is wrong, and a Refusal where it can no longer be typed."""
    check_open(issuer)
    return retrying(lambda: _confirm(issuer, key, "".join(code.split()), by))


def standing(db: Session, issuer: Issuer, key: str) -> Begun | None:
    """Who registers under this key, while the code may be typed."""
    found = once.standing(db, issuer.roots, TICKET, key, now=issuer.clock())
    return None if found is None else Begun(key=key, email=found.payload["form"]["email"])


def make(db: Session, issuer: Issuer, made: Made, *, by: Actor) -> User:
    """Make the account with its password, and keep what was accepted."""
    now = issuer.clock()
    # Whoever was first has the address: fill() refuses a second owner of it.
    user = edit.add(db, issuer, {**made.form, "email_verified": True}, by=SYSTEM)
    owner = by._replace(kind="user", id=user.id)
    edit.set_password(db, issuer, user.id, made.chosen.phc, by=owner, stands=made.chosen.stands)
    if made.terms:
        terms.accept(db, issuer, user.id, made.terms, at=made.at, by=owner)
    record(db, Registered(subject=user.id), by=owner, at=now)
    return user


def _begin(issuer: Issuer, form: UserForm, chosen: passwords.Chosen, accepted: str, by: Actor) -> Begun:
    now, source, email = issuer.clock(), volume.source_of(by.ip), form.email or ""
    with issuer.database.writing() as db:
        owner = find.by_identifier(db, email)
        template = LETTER if owner is None else KNOWN
        volume.check(db, issuer, template=LETTER, to=email, source=source)
        key, code = new_id(), digits(DIGITS)
        payload: dict[str, Any] = {
            "form": form.model_dump(include={"name", "email", "locale"}),
            "phc": chosen.phc,
            "stands": chosen.stands,
            "terms": accepted,
            "at": now.isoformat(),
            "free": owner is None,
        }
        once.open_ticket(
            db, issuer.roots, TICKET, key=key, answer=code, payload=payload, attempts=TRIES,
            now=now, expires_at=now + LASTS,
        )  # fmt: skip
        outbox.enqueue(
            db,
            issuer,
            to=email,
            template=template,
            locale=form.locale,
            values={"code": f"{code[:3]} {code[3:]}"} if owner is None else {},
            link="/login",
            source=source,
        )
        return Begun(key=key, email=email)


def _confirm(issuer: Issuer, key: str, code: str, by: Actor) -> User | None:
    with issuer.database.writing() as db:
        match once.consume(db, issuer.roots, TICKET, key, code, now=issuer.clock()):
            case once.Wrong():
                return None
            case once.Ticket(payload=about) if about["free"]:
                chosen = passwords.Chosen(phc=about["phc"], stands=about["stands"])
                at = datetime.fromisoformat(about["at"])
                made = Made(form=about["form"], chosen=chosen, terms=about["terms"], at=at)
                return make(db, issuer, made, by=by)
            case _:
                raise Refusal("This code has ended. Register once more.", rule="signup.over", status=410)
