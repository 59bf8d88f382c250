"""What is to be delivered after the commit that asked for it, and the mail texts that admins replaced."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Hot, Session
from authserver.store.types import Base, Id, Sealed, UtcDateTime, partial


class OutboxRow(Base):
    """One delivery. `attempts` is also the number of the attempt under way, so that a late one decides nothing."""

    __tablename__ = "outbox"
    __table_args__ = (
        partial("ix_outbox_next_at_waiting", "next_at", where="state = 'waiting'"),
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


PUT = Hot(
    """INSERT INTO outbox (id, kind, name, recipient, user_id, source, about, payload, state, attempts, created_at,
                           next_at, expires_at)
       VALUES (:id, :kind, :name, :recipient, :user, :source, :about, :payload, 'waiting', 0, :now, :now, :expires)"""
)
IS_DUE = """kind = :kind AND state = 'waiting' AND next_at <= :now
            AND (leased_until IS NULL OR leased_until <= :now)"""
ANY_DUE = Hot(f"SELECT 1 FROM outbox WHERE {IS_DUE} LIMIT 1")  # noqa: S608
# Whoever leases a row delivers it; others pass it by, on every node.
LEASE = Hot(
    f"""UPDATE outbox SET attempts = attempts + 1, leased_until = :until
         WHERE id = (SELECT id FROM outbox WHERE {IS_DUE}
                      ORDER BY next_at, id LIMIT 1 /*server: FOR UPDATE SKIP LOCKED*/)
     RETURNING id, name, recipient, user_id, payload, attempts, created_at, expires_at"""  # noqa: S608
)
OURS = "WHERE id = :id AND attempts = :attempt AND state = 'waiting'"
SENT = Hot(
    f"""UPDATE outbox SET state = 'sent', done_at = :now, leased_until = NULL, last_error = NULL,
                          payload = :payload {OURS} RETURNING id"""  # noqa: S608
)
AGAIN = Hot(
    f"UPDATE outbox SET next_at = :next, leased_until = NULL, last_error = :error {OURS} RETURNING id"  # noqa: S608
)
FAILED = Hot(
    f"""UPDATE outbox SET state = 'failed', done_at = :now, leased_until = NULL,
                          last_error = :error {OURS} RETURNING id"""  # noqa: S608
)
EXPIRE = Hot(
    """UPDATE outbox SET state = 'failed', done_at = :now, leased_until = NULL,
              last_error = COALESCE(last_error, :error)
        WHERE kind = :kind AND state = 'waiting' AND expires_at <= :now
          AND (leased_until IS NULL OR leased_until <= :now)
    RETURNING name, user_id, attempts, last_error"""
)
RETRY = Hot(
    """UPDATE outbox SET state = 'waiting', attempts = 0, next_at = :now, done_at = NULL,
              expires_at = CASE WHEN expires_at > :expires THEN expires_at ELSE :expires END
        WHERE id = :id AND payload IS NOT NULL AND state <> 'sent'
          AND (leased_until IS NULL OR leased_until <= :now)
    RETURNING id"""
)
COUNTS = Hot("SELECT state, count(*), min(created_at) FROM outbox WHERE kind = :kind GROUP BY state")
NOTICES = Hot("SELECT about FROM outbox WHERE user_id = :user AND name = :name AND created_at > :since")
# Times of mails, the oldest first: to an account or to an address, and those that a network asked for.
TO_ACCOUNT = Hot(
    "SELECT created_at FROM outbox WHERE user_id = :user AND name = :name AND created_at > :since ORDER BY created_at"
)
TO_ADDRESS = Hot(
    """SELECT created_at FROM outbox WHERE recipient = :recipient AND name = :name AND created_at > :since
        ORDER BY created_at"""
)
ASKED_BY = Hot(
    "SELECT created_at FROM outbox WHERE source = :source AND created_at > :since ORDER BY created_at"
)


def outbox_rows(db: Session, kind: str, *, state: str | None = None, limit: int = 50) -> Sequence[OutboxRow]:
    """Those of a kind, the newest first."""
    found = select(OutboxRow).where(OutboxRow.kind == kind)
    if state is not None:
        found = found.where(OutboxRow.state == state)
    return db.orm.scalars(found.order_by(OutboxRow.id.desc()).limit(limit)).all()


def sealed_outbox_rows(db: Session) -> Sequence[OutboxRow]:
    """Every row that holds something sealed, to be sealed anew."""
    found = select(OutboxRow).where(OutboxRow.payload.is_not(None))
    return db.orm.scalars(found.order_by(OutboxRow.id).with_for_update()).all()


def mail_template(db: Session, name: str, locale: str) -> MailTemplateRow | None:
    return db.orm.get(MailTemplateRow, (name, locale))


def mail_templates(db: Session) -> Sequence[MailTemplateRow]:
    return db.orm.scalars(
        select(MailTemplateRow).order_by(MailTemplateRow.name, MailTemplateRow.locale)
    ).all()
