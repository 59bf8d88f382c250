"""Every change to groups, who is in them, and declared attributes; audited in its transaction."""

from collections.abc import Iterable, Mapping
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.errors import NotFound, Refusal
from authserver.groups import attributes
from authserver.groups.attributes import STANDING, TOPIC, Attribute
from authserver.groups.find import load
from authserver.groups.form import AttributeForm, GroupForm, NewAttributeForm, NewGroupForm
from authserver.groups.group import Group
from authserver.input import check_version, invalid, merge, read
from authserver.issuer import Issuer
from authserver.opaque import new_id
from authserver.store import Session, bump, records


def add(db: Session, issuer: Issuer, given: Mapping[str, Any], *, by: Actor) -> Group:
    """Make a group; `given` is a NewGroupForm."""
    form = read(NewGroupForm, given)
    taken = invalid({"name": "There is such a group already."})
    if records.users.group_by_name(db, form.name) is not None:
        raise taken
    bump(db, TOPIC)
    about = form.model_dump(exclude={"name"})
    db.orm.add(
        records.users.GroupRow(id=new_id(), name=form.name, **about, created_at=issuer.clock(), version=1)
    )
    records.unique.flush(db, taken)
    _audit(db, issuer, form.name, "added", about, by)
    return load(db, form.name)


def edit(
    db: Session,
    issuer: Issuer,
    name: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Group:
    bump(db, TOPIC)
    row = _hold(db, name)
    check_version(row.version, expected_version)
    kept = {name: getattr(row, name) for name in GroupForm.model_fields}
    form = read(GroupForm, merge(kept, changes))
    row.title, row.second_factor, row.max_sessions = form.title, form.second_factor, form.max_sessions
    row.version += 1
    db.orm.flush()
    _audit(db, issuer, name, "edited", dict(changes), by)
    return load(db, name)


def remove(db: Session, issuer: Issuer, name: str, *, by: Actor) -> None:
    """Remove a group that nothing names any more, so that a later one of its name opens no door."""
    bump(db, TOPIC)
    row = _hold(db, name)
    named = records.clients.where_group_is_named(db, name)
    if named:
        raise Refusal(
            f"The group is named by {', '.join(named)}. Take it out there first.",
            code="in_use",
            status=409,
            rule="group.in_use",
        )
    db.orm.delete(row)
    db.orm.flush()
    _audit(db, issuer, name, "removed", None, by)


def add_members(db: Session, issuer: Issuer, name: str, user_ids: Iterable[str], *, by: Actor) -> Group:
    """Put people in a group; those who are in it already stay."""
    row = _hold(db, name)
    wanted = list(dict.fromkeys(user_ids))
    unknown = set(wanted) - records.users.living_users(db, wanted)
    if unknown:
        raise invalid({"users": f"There is no person {min(unknown)}."})
    new = [user_id for user_id in wanted if user_id not in records.users.member_ids(db, row.id, wanted)]
    db.orm.add_all(records.users.MembershipRow(user_id=user_id, group_id=row.id) for user_id in new)
    records.unique.flush(
        db, Refusal("Somebody else changed the members meanwhile.", code="conflict", status=409)
    )
    for user_id in new:
        _audit(db, issuer, name, "member_added", None, by, subject=user_id)
    return load(db, name)


def remove_members(db: Session, issuer: Issuer, name: str, user_ids: Iterable[str], *, by: Actor) -> Group:
    """Take people out of a group. What only the group allowed them ends at their next refresh."""
    row = _hold(db, name)
    leaving = sorted(records.users.member_ids(db, row.id, user_ids))
    records.users.remove_memberships(db, row.id, leaving)
    for user_id in leaving:
        _audit(db, issuer, name, "member_removed", None, by, subject=user_id)
    return load(db, name)


def declare(db: Session, issuer: Issuer, given: Mapping[str, Any], *, by: Actor) -> Attribute:
    """Declare an attribute; `given` is a NewAttributeForm."""
    bump(db, TOPIC)
    form = read(NewAttributeForm, given)
    if records.users.attribute_row(db, form.name) is not None:
        raise invalid({"name": "There is such an attribute already."})
    _check_scope(db, form.scope)
    values = form.model_dump(exclude={"tokens"})
    db.orm.add(records.users.AttributeRow(**values, tokens=sorted(set(form.tokens)), version=1))
    db.orm.flush()
    _audit(db, issuer, form.name, "added", dict(given), by, kind="attribute")
    return attributes.load(db, form.name)


def redeclare(
    db: Session,
    issuer: Issuer,
    name: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Attribute:
    """Change who edits an attribute and where it is released; its name and type stay."""
    bump(db, TOPIC)
    before = attributes.load(db, name)
    check_version(before.version, expected_version)
    current = {
        "title": before.title,
        "edited_by": before.edited_by,
        "scope": before.scope,
        "tokens": sorted(before.tokens),
    }
    form = read(AttributeForm, merge(current, changes))
    if before.kept == "account" and form.edited_by != before.edited_by:
        raise invalid({"edited_by": "This belongs to the account itself; who edits it is fixed."})
    if form.scope != before.scope:
        _check_scope(db, form.scope)
    row = records.users.attribute_row(db, name)
    if row is None:
        row = records.users.AttributeRow(name=name, type=before.type, version=0)
        db.orm.add(row)
    row.title, row.edited_by, row.scope = form.title, form.edited_by, form.scope
    row.tokens = sorted(set(form.tokens))
    row.version += 1
    db.orm.flush()
    _audit(db, issuer, name, "edited", dict(changes), by, kind="attribute")
    return attributes.load(db, name)


def retract(db: Session, issuer: Issuer, name: str, *, by: Actor) -> None:
    """Remove a declaration with every value of it; a built-in one goes back to how it was delivered."""
    bump(db, TOPIC)
    attributes.load(db, name)
    row = records.users.attribute_row(db, name)
    if row is not None:
        db.orm.delete(row)
        db.orm.flush()
    if name not in STANDING:
        records.users.forget_attribute(db, name)
    _audit(db, issuer, name, "removed", None, by, kind="attribute")


def _check_scope(db: Session, scope: str | None) -> None:
    owner = records.clients.where_scope_is_owned(db, scope) if scope else None
    if owner:
        raise invalid({"scope": f"This scope belongs to the API {owner}."})


def _hold(db: Session, name: str) -> "records.users.GroupRow":
    row = records.users.group_by_name(db, name)
    if row is None:
        raise NotFound("There is no such group.", detail=f"no group {name!r}")
    return row


def _audit(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    name: str,
    act: str,
    about: dict[str, Any] | None,
    by: Actor,
    *,
    kind: str = "group",
    subject: str | None = None,
) -> None:
    event = Changed(kind=kind, id=name, act=act, fields=about, subject=subject)
    record(db, event, by=by, at=issuer.clock())
