"""What a provider says of a person, laid over their account at each sign-in; and what came by it, taken back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.issuer import Issuer
from authserver.store import Session, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Values for an account. Empty ones change nothing; what came before and is not here any more, goes.

    `groups` None says nothing of them and of the role: both stay.
    """

    name: str = ""
    locale: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] | None = ()
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an account has by a link, and by nothing else: it leaves with the link."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    role: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            attributes=values.get("attributes", {}),
            groups=tuple(values.get("groups", ())),
            role=values.get("role"),
        )

    def written(self) -> dict[str, Any]:
        return {**asdict(self), "attributes": dict(self.attributes), "groups": list(self.groups)}


NOTHING_SAID, NOTHING_TAKEN = Said(), Taken()


def follow(db: Session, issuer: Issuer, user_id: str, said: Said, before: Taken, *, by: Actor) -> Taken:
    """Let the account follow what was said; gives what it has by it now. Writes and audits only what changes."""
    row = records.users.locked_user(db, user_id)
    if row is None or row.status == "deleted":
        return NOTHING_TAKEN
    if said.groups is None:
        said = replace(said, groups=before.groups, role=before.role)
    changed: dict[str, Any] = {}
    attributes = _attributes(row, said, before)
    for name, old, new in (
        ("name", row.name, said.name or row.name),
        ("locale", row.locale, said.locale or row.locale),
        ("attributes", row.attributes, attributes),
    ):
        if old != new:
            setattr(row, name, new)
            changed[name] = "…"
    role = _role(row, said, before)
    if role != row.role:
        changed["role"], row.role = [row.role, role], role
    groups = _groups(db, row, said, before, changed)
    if changed:
        row.version += 1
        row.updated_at = issuer.clock()
        db.orm.flush()
        event = Changed(subject=user_id, kind="user", id=user_id, act="followed", fields=changed)
        record(db, event, by=by, at=issuer.clock())
    return Taken(
        attributes=said.attributes,
        groups=groups,
        role=role if said.role is not None and role == said.role else None,
    )


def _attributes(row: "records.users.UserRow", said: Said, before: Taken) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in row.attributes.items()
        if name not in before.attributes or before.attributes[name] != value
    }
    return {**kept, **said.attributes}


def _role(row: "records.users.UserRow", said: Said, before: Taken) -> str | None:
    """A role that somebody was given here stays: only one that came this way is changed this way."""
    by_link = row.role is None or row.role == before.role
    return said.role if by_link and (said.role is not None or before.role is not None) else row.role


def _groups(
    db: Session, row: "records.users.UserRow", said: Said, before: Taken, changed: dict[str, Any]
) -> tuple[str, ...]:
    """Those that the account is in by the link alone."""
    now = set(records.users.groups_of(db, [row.id]).get(row.id, ()))
    wanted = set(records.users.group_ids(db, said.groups or ()))
    by_link = wanted - (now - set(before.groups))
    after = (now - set(before.groups)) | wanted
    if after != now:
        changed["groups"] = [sorted(now), sorted(after)]
        records.users.set_memberships(db, row.id, records.users.group_ids(db, after).values())
    return tuple(sorted(by_link))
