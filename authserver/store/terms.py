"""Which terms somebody accepted, and what they are asked on their way in."""

from authserver.store.database import Hot

# What stands between a person whose proofs are all made and their session.
STANDING = Hot(
    """SELECT e.verified_at, t.accepted_at, u.role
         FROM users u
         LEFT JOIN user_emails e ON e.user_id = u.id AND e.is_primary
         LEFT JOIN terms_accepted t ON t.user_id = u.id AND t.version = :version
        WHERE u.id = :user"""
)

ACCEPT = Hot(
    """INSERT INTO terms_accepted (user_id, version, accepted_at) VALUES (:user, :version, :now)
       ON CONFLICT (user_id, version) DO NOTHING RETURNING version"""
)

ACCEPTED = Hot("SELECT version, accepted_at FROM terms_accepted WHERE user_id = :user ORDER BY accepted_at")
