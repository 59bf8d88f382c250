"""Write a form about a person into their rows, after the checks that need the database."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from authserver.groups import attributes as declarations
from authserver.input import invalid
from authserver.opaque import new_id
from authserver.store import Session, records
from authserver.users.form import UserForm
from authserver.users.names import key

TAKEN = "Somebody else has this already."


def fill(
    db: Session, row: "records.users.UserRow", form: UserForm, attributes: dict[str, Any], *, now: datetime
) -> None:
    """Write the form; raises a Refusal that names the field which another person holds."""
    row.name, row.locale, row.role = form.name, form.locale, form.role
    row.attributes, row.max_sessions = attributes, form.max_sessions
    row.username = unicodedata.normalize("NFC", form.username) if form.username else None
    row.username_key = key(form.username) if form.username else None
    row.updated_at = now
    row.version += 1
    with db.orm.no_autoflush:
        wrong = _taken(db, row, form)
        groups = records.users.group_ids(db, form.groups)
    missing = [name for name in form.groups if name not in groups]
    if missing:
        wrong["groups"] = f"There is no group {missing[0]}."
    if wrong:
        raise invalid(wrong)
    records.unique.flush(db, invalid({"username": TAKEN}))
    _write_email(db, row.id, form, now)
    records.users.set_memberships(db, row.id, groups.values())
    records.unique.flush(db, invalid({"email": TAKEN}))


def _taken(db: Session, row: "records.users.UserRow", form: UserForm) -> dict[str, str]:
    wrong = {}
    if row.username_key and records.users.username_taken(db, row.username_key, row.id):
        wrong["username"] = TAKEN
    if form.email and form.email_verified and records.users.email_taken(db, key(form.email), row.id):
        wrong["email"] = TAKEN
    return wrong


def merged_attributes(
    db: Session, current: Mapping[str, Any], given: Mapping[str, Any], *, by: Literal["admin", "self"]
) -> dict[str, Any]:
    """Lay the given values over the current ones; null removes. Refuses what is not declared, or not theirs to edit."""
    declared = {each.name: each for each in declarations.every(db)} if given else {}
    merged, wrong = dict(current), {}
    for name, value in given.items():
        attribute = declared.get(name)
        if attribute is None or attribute.kept != "attributes":
            wrong[f"attributes.{name}"] = "There is no such attribute."
        elif by == "self" and attribute.edited_by != "self":
            wrong[f"attributes.{name}"] = "Only an administrator changes this."
        elif value is None:
            merged.pop(name, None)
        elif problem := declarations.value_problem(attribute, value):
            wrong[f"attributes.{name}"] = problem
        else:
            merged[name] = value
    if wrong:
        raise invalid(wrong)
    return merged


def _write_email(db: Session, user_id: str, form: UserForm, now: datetime) -> None:
    row = records.users.primary_email(db, user_id)
    if form.email is None:
        if row is not None:
            db.orm.delete(row)
        return
    if row is None:
        row = records.users.UserEmailRow(id=new_id(), user_id=user_id, is_primary=True)
        db.orm.add(row)
    same = row.address == form.email
    row.code_used_at = row.code_used_at if same else None
    row.address, row.address_key = form.email, key(form.email)
    if not form.email_verified:
        row.verified_at = None
    elif not same or row.verified_at is None:
        row.verified_at = now
