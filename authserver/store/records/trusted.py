"""Browsers in which a second factor is not asked of somebody for some hours."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Digest, Id, UtcDateTime


class TrustedDeviceRow(Base):
    """One for a person and a browser; `factors` is a digest of the second factors that they had then."""

    __tablename__ = "trusted_devices"
    __table_args__ = (
        Index("uq_trusted_devices_user_id", "user_id", "device_id", unique=True),
        Index("ix_trusted_devices_device_id", "device_id"),
        Index("ix_trusted_devices_until", "until"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    user_epoch: Mapped[int]
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("devices.id", ondelete="CASCADE"))
    factors: Mapped[bytes] = mapped_column(Digest)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
