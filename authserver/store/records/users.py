"""People, their addresses and passwords; groups and who is in them; declared attributes."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, and_, cast, delete, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Session
from authserver.store.types import Base, Id, Json, UtcDateTime, holding, partial


class UserRow(Base):
    __tablename__ = "users"
    __table_args__ = (
        holding("ix_users_standing", "id", "status", "epoch", "subject"),
        partial("ix_users_owner", "role", "status", where="role = 'owner'"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str | None] = mapped_column(String(255))
    username_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    locale: Mapped[str | None] = mapped_column(String(35))
    status: Mapped[str] = mapped_column(String(16), default="active")  # active, locked, disabled, deleted
    role: Mapped[str | None] = mapped_column(String(16))  # owner, admin, support, auditor
    epoch: Mapped[int] = mapped_column(default=0)
    max_sessions: Mapped[int | None]  # NULL: what groups or the setting say; 0: no limit
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class UserEmailRow(Base):
    __tablename__ = "user_emails"
    __table_args__ = (
        partial("uq_user_emails_address_key", "address_key", unique=True, where="verified_at IS NOT NULL"),
        partial("uq_user_emails_user_id", "user_id", unique=True, where="is_primary"),
        Index("ix_user_emails_user_id", "user_id"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_primary: Mapped[bool] = mapped_column(default=False)
    code_used_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime
    )  # when a code sent there was last right


class SeenPlaceRow(Base):
    """A country, or a network, that somebody signed in from."""

    __tablename__ = "seen_places"
    __table_args__ = (Index("ix_seen_places_seen_at", "seen_at"),)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PasswordRow(Base):
    __tablename__ = "passwords"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(255))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_short: Mapped[bool] = mapped_column(default=False)  # good only beside a second factor
    by_mail: Mapped[bool] = mapped_column(default=False)  # set by whoever reads the person's mail. EOTP-6


class GroupRow(Base):
    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    title: Mapped[str] = mapped_column(String(255), default="")
    max_sessions: Mapped[int | None]  # of each member; NULL: what the setting says; 0: no limit
    second_factor: Mapped[str | None] = mapped_column(String(16))  # optional, required
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class MembershipRow(Base):
    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_group_id", "group_id"),)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[str] = mapped_column(Id, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)


class AttributeRow(Base):
    """A custom attribute, declared once: its type, who edits it, and which scope releases it into what.

    A row with the name of a built-in one changes who edits that and where it is released.
    """

    __tablename__ = "attributes"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(255), default="")
    type: Mapped[str] = mapped_column(String(16), default="string")  # string, integer, boolean, list
    edited_by: Mapped[str] = mapped_column(String(16), default="admin")  # admin, self
    scope: Mapped[str | None] = mapped_column(String(64))
    tokens: Mapped[list[str]] = mapped_column(Json, default=list)  # id_token, userinfo, access_token
    version: Mapped[int] = mapped_column(default=1)


KEY_STAYS = {"key_share": True}


def locked_user(db: Session, user_id: str) -> UserRow | None:
    """The row, held until the transaction ends, so that two changes of one person follow each other.

    Rows that point at a person are made meanwhile (FOR NO KEY UPDATE). What is held beside is taken afterwards: first
    the person, then their sessions, then grants.
    """
    return db.orm.get(UserRow, user_id, with_for_update=KEY_STAYS)


def primary_email(db: Session, user_id: str) -> UserEmailRow | None:
    return db.orm.scalar(
        select(UserEmailRow).where(UserEmailRow.user_id == user_id, UserEmailRow.is_primary.is_(True))
    )


def username_taken(db: Session, key: str, besides: str) -> bool:
    found = select(UserRow.id).where(UserRow.username_key == key, UserRow.id != besides)
    return db.orm.scalar(found) is not None


def email_taken(db: Session, key: str, besides: str) -> bool:
    found = select(UserEmailRow.id).where(
        UserEmailRow.address_key == key,
        UserEmailRow.verified_at.is_not(None),
        UserEmailRow.user_id != besides,
    )
    return db.orm.scalar(found) is not None


def active_owners(db: Session) -> list[str]:
    """The owners who can act, their rows held: two who demote each other at once cannot both succeed."""
    held = select(UserRow.id).where(UserRow.role == "owner", UserRow.status == "active")
    return list(db.orm.scalars(held.order_by(UserRow.id).with_for_update(key_share=True)))


def page_of_users(  # noqa: PLR0913
    db: Session,
    *,
    search: str = "",
    status: str | None = None,
    role: str | None = None,
    group: str | None = None,
    after: str = "",
    limit: int = 50,
) -> list[tuple[UserRow, UserEmailRow | None]]:
    """People in the order they came, `limit` + 1 at most; `search` is a key that name, user name or address hold."""
    primary = and_(UserEmailRow.user_id == UserRow.id, UserEmailRow.is_primary.is_(True))
    found = select(UserRow, UserEmailRow).outerjoin(UserEmailRow, primary).where(UserRow.id > after)
    found = found.where(UserRow.status == status if status else UserRow.status != "deleted")
    if role:
        found = found.where(UserRow.role == role)
    if group:
        members = select(MembershipRow.user_id).where(MembershipRow.group_id == group)
        found = found.where(UserRow.id.in_(members))
    if search:
        columns = (UserRow.username_key, UserEmailRow.address_key, func.lower(UserRow.name))
        exact = (UserRow.id == search, UserRow.subject == search)
        found = found.where(or_(*exact, *(column.contains(search, autoescape=True) for column in columns)))
    rows = db.orm.execute(found.order_by(UserRow.id).limit(limit + 1))
    return [(row[0], row[1]) for row in rows]


def groups_of(db: Session, user_ids: Iterable[str]) -> dict[str, list[str]]:
    """Names of the groups of each of these people."""
    found = (
        select(MembershipRow.user_id, GroupRow.name)
        .join(GroupRow, GroupRow.id == MembershipRow.group_id)
        .where(MembershipRow.user_id.in_(list(user_ids)))
        .order_by(GroupRow.name)
    )
    names: dict[str, list[str]] = {}
    for user_id, name in db.orm.execute(found):
        names.setdefault(user_id, []).append(name)
    return names


def group_ids(db: Session, names: Iterable[str]) -> dict[str, str]:
    """The ids of those of these groups that exist, by name."""
    found = select(GroupRow.name, GroupRow.id).where(GroupRow.name.in_(list(names)))
    return {row[0]: row[1] for row in db.orm.execute(found)}


def set_memberships(db: Session, user_id: str, groups: Iterable[str]) -> None:
    db.orm.execute(delete(MembershipRow).where(MembershipRow.user_id == user_id))
    db.orm.add_all(MembershipRow(user_id=user_id, group_id=group) for group in groups)


def all_groups(db: Session) -> list[tuple[GroupRow, int]]:
    """Every group with the number of its members."""
    count = func.count(MembershipRow.user_id)
    found = select(GroupRow, count).outerjoin(MembershipRow, MembershipRow.group_id == GroupRow.id)
    return [(row[0], row[1]) for row in db.orm.execute(found.group_by(GroupRow.id).order_by(GroupRow.name))]


def group_by_name(db: Session, name: str) -> GroupRow | None:
    return db.orm.scalar(select(GroupRow).where(GroupRow.name == name))


def member_ids(db: Session, group_id: str, among: Iterable[str]) -> set[str]:
    """Which of these people are in the group."""
    found = select(MembershipRow.user_id).where(
        MembershipRow.group_id == group_id, MembershipRow.user_id.in_(list(among))
    )
    return set(db.orm.scalars(found))


def remove_memberships(db: Session, group_id: str, user_ids: Iterable[str]) -> None:
    leaving = MembershipRow.user_id.in_(list(user_ids))
    db.orm.execute(delete(MembershipRow).where(MembershipRow.group_id == group_id, leaving))


def attribute_scopes(db: Session) -> set[str]:
    found = select(AttributeRow.scope).where(AttributeRow.scope.is_not(None))
    return {scope for scope in db.orm.scalars(found) if scope}


def count_members(db: Session, group_id: str) -> int:
    found = select(func.count()).select_from(MembershipRow).where(MembershipRow.group_id == group_id)
    return db.orm.scalar(found) or 0


def living_users(db: Session, among: Iterable[str]) -> set[str]:
    """Which of these ids are people who were not removed."""
    found = select(UserRow.id).where(UserRow.id.in_(list(among)), UserRow.status != "deleted")
    return set(db.orm.scalars(found))


def attribute_row(db: Session, name: str) -> AttributeRow | None:
    return db.orm.get(AttributeRow, name)


def forget_attribute(db: Session, name: str) -> None:
    """Take a value out of everybody's attributes; a declared name is a plain word, or a URL."""
    quoted = json.dumps(name)
    held = db.orm.scalars(
        select(UserRow).where(cast(UserRow.attributes, Text).contains(quoted, autoescape=True))
    )
    for row in held:
        row.attributes = {key: value for key, value in row.attributes.items() if key != name}
    db.orm.flush()
