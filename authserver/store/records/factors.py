"""Second factors of people: authenticator apps, and the recovery codes beside them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Session
from authserver.store.types import Base, Digest, Id, Sealed, UtcDateTime, partial


class TotpRow(Base):
    """An authenticator app. It counts once `confirmed_at` is set; until then it belongs to one `enrolling`."""

    __tablename__ = "totp_devices"
    __table_args__ = (
        partial(
            "uq_totp_devices_user_id_confirmed", "user_id", unique=True, where="confirmed_at IS NOT NULL"
        ),
        Index("ix_totp_devices_user_id", "user_id"),
        Index("ix_totp_devices_expires_at", "expires_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    secret: Mapped[bytes] = mapped_column(Sealed)
    digits: Mapped[int]
    algorithm: Mapped[str] = mapped_column(String(8))
    period: Mapped[int]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    enrolling: Mapped[str] = mapped_column(Id)  # the session or login that sets it up
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # of one that is not confirmed
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCodeRow(Base):
    """A code for one use, as a MAC under the root that `root_id` names."""

    __tablename__ = "recovery_codes"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    root_id: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ExemptionRow(Base):
    """Somebody of whom no second factor is demanded, though the rules demand it of them."""

    __tablename__ = "exemptions"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(255))
    made_by: Mapped[str] = mapped_column(String(255))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


def totp_rows(db: Session) -> list[TotpRow]:
    """Every authenticator app, to be sealed anew."""
    return list(db.orm.scalars(select(TotpRow).order_by(TotpRow.id).with_for_update()))
