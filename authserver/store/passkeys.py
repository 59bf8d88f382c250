"""Passkeys of people, and the random name under which an authenticator knows each of them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Hot
from authserver.store.types import Base, Id, Json, UtcDateTime

LONGEST_ID = 1023


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


PASSKEY = """SELECT p.id, p.user_id, p.credential_id, p.public_key, p.sign_count, p.eligible, p.backed_up,
                    p.verifies, p.transports, p.label, p.created_at, p.last_used_at, o.handle
               FROM passkeys p JOIN passkey_owners o ON o.user_id = p.user_id"""
BY_CREDENTIAL = Hot(f"{PASSKEY} WHERE p.credential_id = :credential")
OF_USER = Hot(f"{PASSKEY} WHERE p.user_id = :user ORDER BY p.created_at, p.id")
HAS_PASSKEY = Hot("SELECT 1 FROM passkeys WHERE user_id = :user LIMIT 1")
HANDLE_OF = Hot("SELECT handle FROM passkey_owners WHERE user_id = :user")
KEEP_HANDLE = Hot(
    "INSERT INTO passkey_owners (user_id, handle) VALUES (:user, :handle) ON CONFLICT DO NOTHING RETURNING user_id"
)
KEEP_PASSKEY = Hot(
    """INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, eligible, backed_up, verifies,
                             transports, label, created_at)
       VALUES (:id, :user, :credential, :public_key, :sign_count, :eligible, :backed_up, :verifies, :transports,
               :label, :now)
       ON CONFLICT (credential_id) DO NOTHING RETURNING id"""
)
# A count that does not rise where it ever rose is that of a copy. PK-6.
USE_PASSKEY = Hot(
    """UPDATE passkeys SET sign_count = :sign_count, backed_up = :backed_up, verifies = :verifies, last_used_at = :now
        WHERE id = :id AND user_id = :user AND (sign_count < :sign_count OR (sign_count = 0 AND :sign_count = 0))
    RETURNING id"""
)
NAME_PASSKEY = Hot("UPDATE passkeys SET label = :label WHERE id = :id AND user_id = :user RETURNING id")
REMOVE_PASSKEY = Hot("DELETE FROM passkeys WHERE id = :id AND user_id = :user RETURNING label")
REMOVE_PASSKEYS = Hot("DELETE FROM passkeys WHERE user_id = :user RETURNING id")
