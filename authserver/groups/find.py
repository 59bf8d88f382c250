"""Find groups. Who is in one is read from the database each time."""

from authserver.errors import NotFound
from authserver.groups.group import Group
from authserver.store import Session
from authserver.store.users import GroupRow, all_groups, count_members, group_by_name


def every(db: Session) -> tuple[Group, ...]:
    """All groups by name, each with the number of its members."""
    return tuple(group_of(row, members) for row, members in all_groups(db))


def find(db: Session, name: str) -> Group | None:
    row = group_by_name(db, name)
    return group_of(row, count_members(db, row.id)) if row else None


def load(db: Session, name: str) -> Group:
    found = find(db, name)
    if found is None:
        raise NotFound("There is no such group.", detail=f"no group {name!r}")
    return found


def group_of(row: GroupRow, members: int) -> Group:
    return Group(
        id=row.id,
        name=row.name,
        title=row.title,
        members=members,
        created_at=row.created_at,
        version=row.version,
    )
