"""Find people. Their status is never cached."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecoder
from typing import Any

from authserver.errors import NotFound
from authserver.store import Hot, Session
from authserver.store.users import BY_EMAIL, BY_ID, BY_SUBJECT, BY_USERNAME, PASSWORD
from authserver.users.names import key
from authserver.users.user import User

LONGEST = 254
READ_WRITTEN = JSONDecoder().raw_decode
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassword:
    hash: str
    changed_at: datetime
    is_short: bool = False


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
        id=row[0],
        subject=row[1],
        username=row[2],
        name=row[3],
        email=row[4],
        email_verified=row[5] is not None,
        locale=row[6],
        status=row[7],
        role=row[8],
        epoch=row[9],
        attributes=READ_WRITTEN(row[10])[0],
        created_at=time(row[11]),
        updated_at=time(row[12]),
        last_sign_in_at=time(row[13]) if row[13] else None,
        version=row[14],
        max_sessions=row[15],
        groups=tuple(sorted([each[16] for each in rows])) if row[16] else (),
    )
