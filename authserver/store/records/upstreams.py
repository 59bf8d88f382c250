"""Providers that people sign in with, and which accounts are linked to whom there."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Session
from authserver.store.types import Base, Id, Json, Sealed, UtcDateTime


class UpstreamRow(Base):
    """`config` is what the kind's own settings hold, its secrets sealed apart; `rules` are ours."""

    __tablename__ = "upstreams"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    preset: Mapped[str] = mapped_column(String(64), default="")
    title: Mapped[str] = mapped_column(String(255))
    config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    secrets: Mapped[bytes | None] = mapped_column(Sealed)
    rules: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    status: Mapped[str] = mapped_column(String(16), default="draft")  # draft, active, disabled
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class UpstreamLinkRow(Base):
    """`profile` is what the provider said last, and which values of the account came with it."""

    __tablename__ = "upstream_links"
    __table_args__ = (
        Index("uq_upstream_links_subject", "upstream_id", "issuer", "subject", unique=True),
        Index("ix_upstream_links_user_id", "user_id"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    upstream_id: Mapped[str] = mapped_column(Id, ForeignKey("upstreams.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(512))
    subject: Mapped[str] = mapped_column(String(1024))
    profile: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def upstream_by_slug(db: Session, slug: str) -> UpstreamRow | None:
    return db.orm.scalar(select(UpstreamRow).where(UpstreamRow.slug == slug))


def locked_upstream(db: Session, slug: str) -> UpstreamRow | None:
    """The row, held until the transaction ends."""
    return db.orm.scalar(select(UpstreamRow).where(UpstreamRow.slug == slug).with_for_update())


def link_of(db: Session, upstream_id: str, issuer: str, subject: str) -> UpstreamLinkRow | None:
    """The one link of an identity. UP-1."""
    return db.orm.scalar(
        select(UpstreamLinkRow).where(
            UpstreamLinkRow.upstream_id == upstream_id,
            UpstreamLinkRow.issuer == issuer,
            UpstreamLinkRow.subject == subject,
        )
    )


def links_of(db: Session, user_id: str) -> list[UpstreamLinkRow]:
    """What somebody's account is linked to, oldest first."""
    found = select(UpstreamLinkRow).where(UpstreamLinkRow.user_id == user_id)
    return list(db.orm.scalars(found.order_by(UpstreamLinkRow.linked_at, UpstreamLinkRow.id)))


def links_to(db: Session, upstream_id: str) -> list[UpstreamLinkRow]:
    return list(db.orm.scalars(select(UpstreamLinkRow).where(UpstreamLinkRow.upstream_id == upstream_id)))


def count_links(db: Session) -> dict[str, int]:
    """How many accounts are linked to each provider, by its id."""
    found = select(UpstreamLinkRow.upstream_id, func.count()).group_by(UpstreamLinkRow.upstream_id)
    return {row[0]: row[1] for row in db.orm.execute(found)}


def sealed_upstreams(db: Session) -> list[UpstreamRow]:
    """Every provider with secrets, to be sealed anew."""
    found = select(UpstreamRow).where(UpstreamRow.secrets.is_not(None))
    return list(db.orm.scalars(found.order_by(UpstreamRow.id).with_for_update()))
