"""Invitations that nobody took up yet."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Id, Json, UtcDateTime


class InvitationRow(Base):
    """One for an address: a newer one takes the place of what was sent before. Its ticket has the same id."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("uq_invitations_address_key", "address_key", unique=True),
        Index("ix_invitations_expires_at", "expires_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254))
    client_id: Mapped[str | None] = mapped_column(String(255))  # the app to land in
    groups: Mapped[list[str]] = mapped_column(Json, default=list)
    made_by: Mapped[str] = mapped_column(String(255))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
