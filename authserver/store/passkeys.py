"""Passkeys of people, and the random name under which an authenticator knows each of them."""

from authserver.store.database import Hot

LONGEST_ID = 1023

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
