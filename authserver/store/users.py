"""People, their addresses and passwords; groups and who is in them; declared attributes."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Id, Json, UtcDateTime


class UserRow(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str | None] = mapped_column(String(255))
    username_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    locale: Mapped[str | None] = mapped_column(String(35))
    status: Mapped[str] = mapped_column(String(16), default="active")  # active, locked, disabled, deleted
    role: Mapped[str | None] = mapped_column(String(16))  # owner, admin, support, auditor
    epoch: Mapped[int] = mapped_column(default=0)
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class UserEmailRow(Base):
    __tablename__ = "user_emails"
    __table_args__ = (
        Index(
            "uq_user_emails_address_key",
            "address_key",
            unique=True,
            sqlite_where=text("verified_at IS NOT NULL"),
            postgresql_where=text("verified_at IS NOT NULL"),
        ),
        Index(
            "uq_user_emails_user_id",
            "user_id",
            unique=True,
            sqlite_where=text("is_primary"),
            postgresql_where=text("is_primary"),
        ),
        Index("ix_user_emails_user_id", "user_id"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_primary: Mapped[bool] = mapped_column(default=False)


class PasswordRow(Base):
    __tablename__ = "passwords"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(255))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    must_change: Mapped[bool] = mapped_column(default=False)


class GroupRow(Base):
    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    title: Mapped[str] = mapped_column(String(255), default="")
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
