"""What a sign-in reads of a person: one statement, the same for everybody and for nobody."""

from authserver.store.database import Hot

BY_IDENTIFIER = Hot(
    """SELECT u.id, u.status, u.epoch, p.hash
         FROM users u LEFT JOIN passwords p ON p.user_id = u.id
        WHERE u.username_key = :key
           OR u.id = (SELECT user_id FROM user_emails WHERE address_key = :key AND verified_at IS NOT NULL)"""
)
BY_USER = Hot(
    """SELECT u.id, u.status, u.epoch, p.hash
         FROM users u LEFT JOIN passwords p ON p.user_id = u.id
        WHERE u.id = :user"""
)
HAS_PASSWORD = Hot("SELECT 1 FROM passwords WHERE user_id = :user")
REHASH = Hot("UPDATE passwords SET hash = :hash WHERE user_id = :user AND hash = :seen")
