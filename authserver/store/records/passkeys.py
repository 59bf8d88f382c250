"""Passkeys of people, and the random name under which an authenticator knows each of them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.passkeys import LONGEST_ID
from authserver.store.types import Base, Id, Json, UtcDateTime


class PasskeyRow(Base):
    """A public key of somebody's authenticator. `eligible`: it may be copied to other devices; that never changes."""

    __tablename__ = "passkeys"
    __table_args__ = (
        Index("uq_passkeys_credential_id", "credential_id", unique=True),
        Index("ix_passkeys_user_id", "user_id"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(LONGEST_ID))
    public_key: Mapped[bytes] = mapped_column(LargeBinary())
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    eligible: Mapped[bool] = mapped_column(default=False)
    backed_up: Mapped[bool] = mapped_column(default=False)
    verifies: Mapped[bool] = mapped_column(default=False)  # it has verified its person once
    transports: Mapped[list[str]] = mapped_column(Json, default=list)
    label: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PasskeyOwnerRow(Base):
    """What authenticators are told of a person: 64 random bytes, and nothing of them. PK-5."""

    __tablename__ = "passkey_owners"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    handle: Mapped[bytes] = mapped_column(LargeBinary(64), unique=True)
