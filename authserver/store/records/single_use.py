"""Tickets (what we hand out for one use) and what others hand us for one use."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, Sealed, UtcDateTime


class TicketRow(Base):
    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_expires_at", "expires_at"),)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    answer: Mapped[bytes] = mapped_column(Digest)  # keyed by a purpose root
    attempts_left: Mapped[int] = mapped_column(default=1)
    grant_id: Mapped[str | None] = mapped_column(Id)
    payload: Mapped[bytes | None] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class UsedOnceRow(Base):
    __tablename__ = "used_once"
    __table_args__ = (Index("ix_used_once_expires_at", "expires_at"),)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
