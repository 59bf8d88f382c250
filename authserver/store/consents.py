"""Statements about what people allowed apps to have."""

from authserver.store.database import Hot

GIVEN = Hot(
    """SELECT client_id, scope, granted_at FROM consents
        WHERE user_id = :user AND client_id = :client AND revoked_at IS NULL"""
)
# Held: whoever withdraws it meanwhile waits for the row, and then finds what was made of it.
HOLD = Hot(
    """SELECT scope FROM consents
        WHERE user_id = :user AND client_id = :client AND revoked_at IS NULL /*server: FOR SHARE*/"""
)
OF_USER = Hot(
    """SELECT client_id, scope, granted_at FROM consents
        WHERE user_id = :user AND revoked_at IS NULL ORDER BY granted_at DESC"""
)
REMEMBER = Hot(
    """INSERT INTO consents (user_id, client_id, scope, granted_at) VALUES (:user, :client, :scope, :now)
       ON CONFLICT (user_id, client_id) DO UPDATE SET scope = :scope, granted_at = :now, revoked_at = NULL"""
)
WITHDRAW = Hot(
    """UPDATE consents SET revoked_at = :now
        WHERE user_id = :user AND client_id = :client AND revoked_at IS NULL RETURNING scope"""
)
FORGET_USER = Hot("DELETE FROM consents WHERE user_id = :user")
