"""Every change to a person: one function per act, audited in its transaction."""

import secrets
from collections.abc import Mapping
from typing import Any, Literal

from authserver.audit import Actor, record
from authserver.audit.events import Changed, PasswordChanged
from authserver.errors import NotFound, Refusal
from authserver.input import check_version, invalid, merge, read
from authserver.issuer import Issuer
from authserver.limits.passwords import clear
from authserver.opaque import new_id
from authserver.store import Session, records
from authserver.store.users import BUMP_EPOCH, MARK_BY_MAIL, SET_PASSWORD, SIGNED_IN
from authserver.users import notices
from authserver.users.fill import fill, merged_attributes
from authserver.users.find import load
from authserver.users.form import ProfileForm, UserForm
from authserver.users.rank import check_may_change, check_may_give, last_owner
from authserver.users.user import User

Stands = Literal["alone", "beside"]
SUBJECT_BYTES = 16  # 32 hex digits: a form that no client id may have (clients/form.py)


def add(
    db: Session,
    issuer: Issuer,
    given: Mapping[str, Any],
    *,
    by: Actor,
    names: Literal["needed", "optional"] = "needed",
) -> User:
    """Make an account, without a password; `given` is a UserForm. With a link elsewhere it needs no name. UP-9."""
    form = read(UserForm, given)
    if names == "needed" and form.email is None and form.username is None:
        raise invalid({"email": "Somebody needs an e-mail address or a user name."})
    check_may_give(by, None, form.role)
    attributes = merged_attributes(db, {}, form.attributes, by="admin")
    now = issuer.clock()
    row = records.users.UserRow(
        id=new_id(), subject=secrets.token_hex(SUBJECT_BYTES), created_at=now, version=0
    )
    db.orm.add(row)
    fill(db, row, form, attributes, now=now)
    return _changed(db, issuer, row.id, "added", {"fields": sorted(given)}, by)


def edit(
    db: Session,
    issuer: Issuer,
    user_id: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected_version: int | None = None,
) -> User:
    """Change what an administrator may change: the fields of UserForm that `changes` holds.

    A new address counts as verified only where `changes` says so.
    """
    owners = records.users.active_owners(db) if "role" in changes else []
    row = _hold(db, user_id, by)
    before = load(db, user_id)
    check_version(row.version, expected_version)
    new_address = "email" in changes and changes["email"] != before.email
    form = read(
        UserForm,
        merge({**_as_form(before), **({"email_verified": False} if new_address else {})}, changes),
    )
    check_may_give(by, before.role, form.role)
    if owners == [row.id] and form.role != "owner":
        raise last_owner()
    if form.email is None and form.username is None and (before.email or before.username):
        raise invalid({"email": "Somebody needs an e-mail address or a user name."})
    attributes = merged_attributes(db, before.attributes, changes.get("attributes") or {}, by="admin")
    fill(db, row, form, attributes, now=issuer.clock())
    if new_address:
        old, new = _verified(before), form.email if form.email_verified else None
        notices.email_changed(db, issuer, row.id, old=old, new=new, by=by)
    about: dict[str, Any] = {"fields": sorted(changes)}
    if form.role != before.role:
        about["role"] = [before.role, form.role]
    if set(form.groups) != set(before.groups):
        about["groups"] = [sorted(before.groups), sorted(form.groups)]
    return _changed(db, issuer, row.id, "edited", about, by)


def edit_own(db: Session, issuer: Issuer, user_id: str, changes: Mapping[str, Any], *, by: Actor) -> User:
    """Change what people may change about themselves; every other field is refused. AD-2."""
    row = _hold(db, user_id, by)
    before = load(db, user_id)
    kept: dict[str, Any] = {"name": before.name, "locale": before.locale, "attributes": {}}
    form = read(ProfileForm, merge(kept, changes))
    row.name, row.locale = form.name, form.locale
    row.attributes = merged_attributes(db, before.attributes, form.attributes, by="self")
    row.version += 1
    row.updated_at = issuer.clock()
    return _changed(db, issuer, row.id, "edited", {"fields": sorted(changes)}, by)


def set_own_email(db: Session, issuer: Issuer, user_id: str, address: str, *, by: Actor) -> User:
    """Put an address that its owner just confirmed in the place of the old one. PW-10."""
    row = _hold(db, user_id, by)
    before = load(db, user_id)
    form = read(UserForm, merge(_as_form(before), {"email": address, "email_verified": True}))
    fill(db, row, form, dict(before.attributes), now=issuer.clock())
    notices.email_changed(db, issuer, row.id, old=_verified(before), new=address, by=by)
    return _changed(db, issuer, row.id, "edited", {"fields": ["email"]}, by)


def remove(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> None:
    """Delete what is known of a person; the subject stays, so that nobody is ever given it again. ID-2."""
    _keep_an_owner(db, user_id)
    row = _hold(db, user_id, by)
    now = issuer.clock()
    row.status, row.role = "deleted", None
    row.username = row.username_key = row.locale = row.last_sign_in_at = None
    row.name, row.attributes = "", {}
    row.epoch += 1
    row.version += 1
    row.updated_at = now
    db.orm.flush()
    clear(db, issuer.roots, user_id)
    records.erase.erase_person(db, user_id, now)
    _changed(db, issuer, user_id, "removed", None, by)


def lock(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> User:
    """Keep somebody out for now; everything they are signed in to ends."""
    return _close(db, issuer, user_id, "locked", by)


def disable(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> User:
    """Switch an account off; everything it is signed in to ends. SS-7."""
    return _close(db, issuer, user_id, "disabled", by)


def unlock(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> User:
    """Let somebody in again, also where too many wrong passwords closed the account. PW-6."""
    row = _hold(db, user_id, by)
    clear(db, issuer.roots, user_id)
    if row.status == "locked":
        row.status = "active"
        row.version += 1
        row.updated_at = issuer.clock()
    return _changed(db, issuer, user_id, "unlocked", None, by)


def enable(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> User:
    row = _hold(db, user_id, by)
    if row.status == "disabled":
        row.status = "active"
        row.version += 1
        row.updated_at = issuer.clock()
    return _changed(db, issuer, user_id, "enabled", None, by)


def set_password(
    db: Session, issuer: Issuer, user_id: str, phc_hash: str, *, by: Actor, stands: Stands = "alone"
) -> int:
    """Set a password that was hashed already; the new epoch ends what was signed in before. SS-7.

    `stands` says whether it is long enough to be the only factor, or good beside a second one alone. PW-1.
    """
    _hold(db, user_id, by)
    now = issuer.clock()
    values = {"user": user_id, "hash": phc_hash, "now": db.time(now)}
    db.hot(SET_PASSWORD, values | {"is_short": stands == "beside"}).close()
    by_admin = by.kind != "user" or by.id != user_id
    if by_admin:
        mark_by_mail(db, user_id, "no")
    record(db, PasswordChanged(subject=user_id, by_admin=by_admin), by=by, at=now)
    return _bumped(db, user_id)


def mark_by_mail(db: Session, user_id: str, came: Literal["yes", "no"]) -> None:
    """Note whether the password was set by a mailed link: then an e-mailed code proves nothing beside it. EOTP-6."""
    db.hot(MARK_BY_MAIL, {"user": user_id, "by_mail": came == "yes"}).close()


def bump_epoch(db: Session, issuer: Issuer, user_id: str, *, reason: str, by: Actor) -> int:
    """End every session and grant of a person by moving their epoch; gives the new one. SS-7."""
    _hold(db, user_id, by)
    event = Changed(subject=user_id, kind="user", id=user_id, act="epoch_moved", fields={"reason": reason})
    record(db, event, by=by, at=issuer.clock())
    return _bumped(db, user_id)


def note_sign_in(db: Session, issuer: Issuer, user_id: str) -> None:
    """Keep when somebody last signed in; the sign-in itself is audited where it happens."""
    db.hot(SIGNED_IN, {"user": user_id, "now": db.time(issuer.clock())}).close()


def _close(
    db: Session, issuer: Issuer, user_id: str, status: Literal["locked", "disabled"], by: Actor
) -> User:
    _keep_an_owner(db, user_id)
    row = _hold(db, user_id, by)
    if status == "locked" and row.status == "disabled":
        # Whoever may unlock may not enable, and a lock that is lifted would.
        raise Refusal("This account is switched off.", code="disabled", rule="user.disabled", status=409)
    row.status = status
    row.epoch += 1
    row.version += 1
    row.updated_at = issuer.clock()
    return _changed(db, issuer, user_id, status, None, by)


def _keep_an_owner(db: Session, user_id: str) -> None:
    """AD-8. The owners' rows are held before any other, so that two who remove each other do not cross."""
    if records.users.active_owners(db) == [user_id]:
        raise last_owner()


def _hold(db: Session, user_id: str, by: Actor) -> "records.users.UserRow":
    row = records.users.locked_user(db, user_id)
    if row is None or row.status == "deleted":
        raise NotFound("There is no such person.", detail=f"no user {user_id!r}")
    check_may_change(by, user_id, row.role)
    return row


def _bumped(db: Session, user_id: str) -> int:
    db.orm.flush()
    found = db.one(BUMP_EPOCH, {"user": user_id})
    return int(found[0]) if found else 0


def _verified(user: User) -> str | None:
    return user.email if user.email_verified else None


def _as_form(user: User) -> dict[str, Any]:
    """The person as the form would have them; attributes are merged on their own."""
    return {
        "email": user.email,
        "email_verified": user.email_verified,
        "username": user.username,
        "name": user.name,
        "locale": user.locale,
        "role": user.role,
        "groups": list(user.groups),
        "max_sessions": user.max_sessions,
        "attributes": {},
    }


def _changed(
    db: Session, issuer: Issuer, user_id: str, act: str, about: dict[str, Any] | None, by: Actor
) -> User:
    db.orm.flush()
    event = Changed(subject=user_id, kind="user", id=user_id, act=act, fields=about)
    record(db, event, by=by, at=issuer.clock())
    return load(db, user_id)
