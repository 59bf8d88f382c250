"""Find groups. Who is in one is read from the database each time."""

from collections.abc import Mapping

from authserver.errors import NotFound
from authserver.groups.attributes import TOPIC
from authserver.groups.group import Group
from authserver.issuer import Issuer
from authserver.store import Session, records
from authserver.store.users import GROUPS_OF, RULES_OF_GROUPS


def every(db: Session) -> tuple[Group, ...]:
    """All groups by name, each with the number of its members."""
    return tuple(group_of(row, members) for row, members in records.users.all_groups(db))


def find(db: Session, name: str) -> Group | None:
    row = records.users.group_by_name(db, name)
    return group_of(row, records.users.count_members(db, row.id)) if row else None


def load(db: Session, name: str) -> Group:
    found = find(db, name)
    if found is None:
        raise NotFound("There is no such group.", detail=f"no group {name!r}")
    return found


def rules_for(db: Session, issuer: Issuer, user_id: str) -> tuple[str, ...]:
    """What the groups of a person say of second factors; asks nothing while no group says anything."""
    rules = _rules(issuer)
    if not rules:
        return ()
    theirs = (row[0] for row in db.hot(GROUPS_OF, {"user": user_id}).fetchall())
    return tuple(rules[group] for group in theirs if group in rules)


def any_rules(issuer: Issuer) -> bool:
    """Whether any group says anything of second factors."""
    return bool(_rules(issuer))


def _rules(issuer: Issuer) -> Mapping[str, str]:
    """The groups that have a rule, by id; a change holds on every worker within a second."""
    return issuer.live(TOPIC, _all_rules)


def _all_rules(db: Session) -> Mapping[str, str]:
    return {row[0]: row[1] for row in db.hot(RULES_OF_GROUPS, {}).fetchall()}


def group_of(row: "records.users.GroupRow", members: int) -> Group:
    return Group(
        id=row.id,
        name=row.name,
        title=row.title,
        second_factor=row.second_factor,
        members=members,
        max_sessions=row.max_sessions,
        created_at=row.created_at,
        version=row.version,
    )
