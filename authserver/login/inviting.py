"""Invitations: a link by mail makes one account, for the address that it was sent to. PW-8, PW-11.

The row is what stands; its ticket opens it once. A newer invitation of an address takes the place of the one before.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, field_validator

from authserver import once
from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.clients.find import by_client_id
from authserver.errors import NotFound, Refusal
from authserver.groups import find as groups
from authserver.input import Form, invalid, read
from authserver.issuer import Issuer
from authserver.login import passwords, signup
from authserver.mail import outbox
from authserver.opaque import new_id
from authserver.store import Session, retrying
from authserver.store.invitations import (
    FIND_INVITATION,
    FORGET_ADDRESS,
    FORGET_INVITATION,
    INVITATIONS,
    KEEP_INVITATION,
)
from authserver.store.locks import lock
from authserver.users import edit, find
from authserver.users.form import LANGUAGE, Line
from authserver.users.names import email_problem, key
from authserver.users.user import User

LETTER, TICKET = "invitation", "invitation"


class InvitationForm(Form):
    """Whom to invite."""

    email: Line = Field(description="The address that the invitation is mailed to.")
    app: str | None = Field(None, max_length=255, description="The client id of the app that they land in.")
    groups: list[str] = Field(
        default=[], max_length=200, description="Names of the groups that they will be in."
    )
    locale: str | None = Field(None, description="The language tag of the mail, such as de.")

    @field_validator("email")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if problem := email_problem(value):
            raise ValueError(problem)
        return value

    @field_validator("locale")
    @classmethod
    def _is_language(cls, value: str | None) -> str | None:
        if value and not LANGUAGE.fullmatch(value):
            raise ValueError("This is not a language tag, such as en or pt-BR.")
        return value or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One that nobody took up yet; `app` is where they land."""

    id: str
    email: str
    app: str | None
    groups: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime


def invite(db: Session, issuer: Issuer, given: Mapping[str, Any], *, by: Actor) -> Invitation:
    """Mail a link to an address that has no account."""
    form = read(InvitationForm, given)
    if issuer.settings.registration == signup.OFF:
        raise Refusal(
            "Nobody can register here. Set registration to invited first.", rule="signup.off", status=409
        )
    if not outbox.can_send(issuer):
        raise Refusal("No mail can be sent. Set smtp_host first.", rule="mail.none", status=409)
    app = _checked(db, issuer, form)
    now, id_ = issuer.clock(), new_id()
    until = now + timedelta(seconds=issuer.settings.invitation_lifetime)
    lock(db, f"invitation:{key(form.email)}")
    db.hot(FORGET_ADDRESS, {"key": key(form.email)}).close()
    values = {
        "id": id_,
        "address": form.email,
        "key": key(form.email),
        "client": form.app,
        "groups": json.dumps(form.groups),
        "by": by.label[:255],
        "now": db.time(now),
        "expires": db.time(until),
    }
    db.hot(KEEP_INVITATION, values).close()
    ticket = once.open_ticket(db, issuer.roots, TICKET, key=id_, now=now, expires_at=until)
    outbox.enqueue(
        db,
        issuer,
        to=form.email,
        template=LETTER,
        locale=form.locale,
        values={"app": app, "until": until},
        link=f"/invitation/{ticket}",
    )
    _audit(db, issuer, id_, "added", {"app": form.app, "groups": sorted(form.groups)}, by)
    return _load(db, issuer, id_)


def every(db: Session, issuer: Issuer) -> tuple[Invitation, ...]:
    """Those that can still be taken up, oldest first."""
    rows = db.hot(INVITATIONS, {"now": db.time(issuer.clock())}).fetchall()
    return tuple(_invitation(db, row) for row in rows)


def withdraw(db: Session, issuer: Issuer, invitation: str, *, by: Actor) -> None:
    """Let a link make nothing any more; it is named by its id, or by the address."""
    found = next((each for each in every(db, issuer) if invitation in {each.id, each.email}), None)
    if found is None or db.one(FORGET_INVITATION, {"id": found.id}) is None:
        raise NotFound("There is no such invitation.", detail=f"no invitation {invitation!r}")
    _audit(db, issuer, found.id, "withdrawn", None, by)


def standing(db: Session, issuer: Issuer, ticket: str) -> Invitation | None:
    """What a link would make now; looking spends nothing. PW-8."""
    if issuer.settings.registration == signup.OFF:
        return None
    found = once.peek(db, issuer.roots, TICKET, ticket, now=issuer.clock())
    return _find(db, issuer, found.key) if isinstance(found, once.Ticket) else None


def accept(issuer: Issuer, ticket: str, filled: signup.Filled, *, by: Actor) -> User | None:
    """Make the account; its address counts as verified, for the link was read there. None for a link that is over.

    Nobody is signed in by it. A Refusal with `fields` says what is wrong with what was filled in.
    """
    with issuer.database.reading() as db:
        invited = standing(db, issuer, ticket)
    if invited is None:
        return None
    signup.check_terms(issuer, filled.accepted)
    chosen = passwords.choose(issuer, filled.password, None, about=(filled.name, invited.email))
    return retrying(lambda: _accept(issuer, ticket, filled, chosen, by))


def _accept(
    issuer: Issuer, ticket: str, filled: signup.Filled, chosen: passwords.Chosen, by: Actor
) -> User | None:
    with issuer.database.writing() as db:
        invitation = standing(db, issuer, ticket)
        if invitation is None:
            return None
        id_, _, answer = ticket.partition(".")
        spent = once.consume(db, issuer.roots, TICKET, id_, answer, now=issuer.clock())
        if not isinstance(spent, once.Ticket) or db.one(FORGET_INVITATION, {"id": id_}) is None:
            return None
        if find.by_identifier(db, invitation.email) is not None:
            return None
        known = [name for name in invitation.groups if groups.find(db, name) is not None]
        made = signup.Made(
            form={"name": filled.name, "email": invitation.email, "locale": filled.locale, "groups": known},
            chosen=chosen,
            terms=filled.accepted,
            at=issuer.clock(),
        )
        user = signup.make(db, issuer, made, by=by)
        # Whoever reads the mail chose the password, so that a mailed code proves nothing beside it. EOTP-6.
        edit.mark_by_mail(db, user.id, "yes")
        _audit(db, issuer, id_, "accepted", {"user": user.id}, by._replace(kind="user", id=user.id))
        return user


def _checked(db: Session, issuer: Issuer, form: InvitationForm) -> str:
    """What the app is called; refuses what does not exist, and an address that has an account."""
    wrong = {}
    app = by_client_id(issuer, form.app) if form.app else None
    if form.app and app is None:
        wrong["app"] = "There is no such app."
    missing = [name for name in form.groups if groups.find(db, name) is None]
    if missing:
        wrong["groups"] = f"There is no group {missing[0]}."
    if find.by_identifier(db, form.email) is not None:
        wrong["email"] = "Somebody has an account with this address."
    if wrong:
        raise invalid(wrong)
    return app.name if app is not None else ""


def _load(db: Session, issuer: Issuer, id_: str) -> Invitation:
    found = _find(db, issuer, id_)
    if found is None:  # pragma: no cover
        raise LookupError("what was written just now is not there")
    return found


def _find(db: Session, issuer: Issuer, id_: str) -> Invitation | None:
    row = db.one(FIND_INVITATION, {"id": id_, "now": db.time(issuer.clock())})
    return None if row is None else _invitation(db, row)


def _invitation(db: Session, row: tuple[Any, ...]) -> Invitation:
    read_time = db.database.read_time
    return Invitation(
        id=row[0],
        email=row[1],
        app=row[2],
        groups=tuple(json.loads(row[3])),
        made_by=row[4],
        made_at=read_time(row[5]),
        expires_at=read_time(row[6]),
    )


def _audit(db: Session, issuer: Issuer, id_: str, act: str, about: dict[str, Any] | None, by: Actor) -> None:
    event = Changed(kind="invitation", id=id_, act=act, fields=about)
    record(db, event, by=by, at=issuer.clock())
