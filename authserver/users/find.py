"""Find people. Their status is never cached."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authserver.authentication import UserId
from authserver.errors import NotFound
from authserver.store import Hot, Session
from authserver.store.users import (
    BY_EMAIL,
    BY_ID,
    BY_SUBJECT,
    BY_USERNAME,
    PASSWORD,
    group_by_name,
    groups_of,
    page_of_users,
)
from authserver.users.names import key
from authserver.users.user import User

LONGEST = 254
PAGE = 50
LARGEST_PAGE = 500
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassword:
    hash: str
    changed_at: datetime
    is_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the people; `next` is what to ask for the following ones after, None at the end."""

    items: tuple[User, ...]
    next: str | None


def find(db: Session, user_id: str) -> User | None:
    """The person, also one who was removed: the tombstone says so in its status."""
    return _find(db, BY_ID, user_id)


def load(db: Session, user_id: str) -> User:
    found = find(db, user_id)
    if found is None:
        raise NotFound("There is no such person.", detail=f"no user {user_id!r}")
    return found


def by_subject(db: Session, subject: str) -> User | None:
    return _find(db, BY_SUBJECT, subject)


def by_identifier(db: Session, text: str) -> User | None:
    """The person with this user name or verified address, in one statement whether or not there is one."""
    wanted = key(text[: LONGEST + 1])
    if len(text) > LONGEST or UNSTORABLE.search(wanted):
        wanted = ""
    return _find(db, BY_EMAIL if "@" in wanted else BY_USERNAME, wanted)


def chosen(db: Session, text: str) -> User:
    """The person meant on a command line or in a search field: by id, subject, user name or address."""
    found = find(db, text) or by_subject(db, text) or by_identifier(db, text)
    if found is None or found.status == "deleted":
        raise NotFound("There is no such person.", detail=f"no user {text!r}")
    return found


def password(db: Session, user_id: str) -> StoredPassword | None:
    row = db.one(PASSWORD, {"user": user_id})
    if row is None:
        return None
    return StoredPassword(
        hash=row[0],
        changed_at=db.database.read_time(row[1]),
        is_short=bool(row[2]),
    )


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
    rows = page_of_users(
        db, search=key(search), status=status, role=role, group=group_id, after=after, limit=limit
    )
    groups = groups_of(db, (row.id for row, _ in rows))
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
    found = group_by_name(db, name)
    if found is None:
        raise NotFound("There is no such group.", detail=f"no group {name!r}")
    return found.id


def _find(db: Session, statement: Hot, value: str) -> User | None:
    if UNSTORABLE.search(value):
        return None
    cursor = db.hot(statement, {"value": value})
    rows = cursor.fetchall()
    cursor.close()
    return of_rows(db, rows) if rows else None


def of_rows(db: Session, rows: Sequence[tuple[Any, ...]]) -> User:
    """One person as the columns PERSON tell; each row names another of their groups."""
    row = rows[0]
    time = db.database.read_time
    return User(
        id=UserId(row[0]),
        subject=row[1],
        username=row[2],
        name=row[3],
        email=row[4],
        email_verified=row[5] is not None,
        locale=row[6],
        status=row[7],
        role=row[8],
        epoch=row[9],
        attributes=json.loads(row[10]),
        created_at=time(row[11]),
        updated_at=time(row[12]),
        last_sign_in_at=time(row[13]) if row[13] else None,
        version=row[14],
        max_sessions=row[15],
        groups=tuple(sorted(each[16] for each in rows if each[16])),
    )
