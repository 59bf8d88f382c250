"""What is to be delivered after the commit that asked for it, and the mail texts that admins replaced."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Session
from authserver.store.types import Base, Id, Sealed, UtcDateTime, partial


class OutboxRow(Base):
    """One delivery. `attempts` is also the number of the attempt under way, so that a late one decides nothing."""

    __tablename__ = "outbox"
    __table_args__ = (
        partial("ix_outbox_next_at_waiting", "next_at", where="state = 'waiting'"),
        partial("ix_outbox_expires_at_waiting", "expires_at", where="state = 'waiting'"),
        Index("ix_outbox_done_at", "done_at"),
        Index("ix_outbox_user_id", "user_id", "name", "created_at"),
        Index("ix_outbox_recipient", "recipient", "name", "created_at"),
        Index("ix_outbox_source", "source", "created_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # mail, logout_token
    name: Mapped[str] = mapped_column(String(64))  # which mail
    recipient: Mapped[str] = mapped_column(String(320))  # an address, or a client
    user_id: Mapped[str | None] = mapped_column(Id, ForeignKey("users.id", ondelete="SET NULL"))
    source: Mapped[str | None] = mapped_column(String(64))  # the network that asked for it
    about: Mapped[str | None] = mapped_column(String(32))  # what two notices that say the same have in common
    payload: Mapped[bytes | None] = mapped_column(Sealed)  # links and codes are secrets; gone once delivered
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # waiting, sent, failed
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(255))


class MailTemplateRow(Base):
    """A mail's text as an admin wants it, in place of the file. An empty `html` is made from the text."""

    __tablename__ = "mail_templates"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    locale: Mapped[str] = mapped_column(String(35), primary_key=True)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


def sealed_outbox_rows(db: Session) -> Sequence[OutboxRow]:
    """Every row that holds something sealed, to be sealed anew."""
    found = select(OutboxRow).where(OutboxRow.payload.is_not(None))
    return db.orm.scalars(found.order_by(OutboxRow.id).with_for_update()).all()


def mail_template(db: Session, name: str, locale: str) -> MailTemplateRow | None:
    return db.orm.get(MailTemplateRow, (name, locale))
