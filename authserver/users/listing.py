"""People listed, a page at a time."""

from dataclasses import dataclass

from authserver.authentication import UserId
from authserver.errors import NotFound
from authserver.store import Session, records
from authserver.users.names import key
from authserver.users.user import User

PAGE = 50
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the people; `next` is what to ask for the following ones after, None at the end."""

    items: tuple[User, ...]
    next: str | None


def page(  # noqa: PLR0913
    db: Session,
    *,
    search: str = "",
    status: str | None = None,
    role: str | None = None,
    group: str | None = None,
    after: str = "",
    limit: int = PAGE,
) -> Page:
    """People in the order in which they were added; removed ones only where status "deleted" is asked for."""
    group_id = _group(db, group) if group else None
    limit = max(1, min(limit, LARGEST_PAGE))
    rows = records.users.page_of_users(
        db, search=key(search), status=status, role=role, group=group_id, after=after, limit=limit
    )
    groups = records.users.groups_of(db, (row.id for row, _ in rows))
    items = tuple(
        User(
            id=UserId(row.id),
            subject=row.subject,
            username=row.username,
            name=row.name,
            email=email.address if email else None,
            email_verified=bool(email and email.verified_at),
            locale=row.locale,
            status=row.status,  # type: ignore[arg-type]
            role=row.role,  # type: ignore[arg-type]
            epoch=row.epoch,
            groups=tuple(groups.get(row.id, ())),
            attributes=row.attributes,
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_sign_in_at=row.last_sign_in_at,
            max_sessions=row.max_sessions,
            version=row.version,
        )
        for row, email in rows[:limit]
    )
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def _group(db: Session, name: str) -> str:
    found = records.users.group_by_name(db, name)
    if found is None:
        raise NotFound("There is no such group.", detail=f"no group {name!r}")
    return found.id
