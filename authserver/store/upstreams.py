"""Providers that people sign in with, and which accounts are linked to whom there."""

from authserver.store.database import Hot

STATUS = Hot("SELECT status, version FROM upstreams WHERE id = :id /*server: FOR SHARE*/")

HAS_LINK = Hot(
    """SELECT 1 FROM upstream_links l JOIN upstreams p ON p.id = l.upstream_id
        WHERE l.user_id = :user AND p.status = 'active' LIMIT 1"""
)

SESSIONS_BY = Hot(
    """SELECT id FROM sso_sessions
        WHERE ended_at IS NULL AND expires_at > :now AND authentication LIKE :proof"""
)
SESSIONS_OF_BY = Hot(
    """SELECT id FROM sso_sessions
        WHERE user_id = :user AND ended_at IS NULL AND expires_at > :now AND authentication LIKE :proof"""
)
# Whoever has something now that began with a proof by this provider.
LET_IN_BY = Hot(
    """SELECT l.user_id, l.subject FROM upstream_links l
        WHERE l.upstream_id = :provider
          AND (EXISTS (SELECT 1 FROM sso_sessions s WHERE s.user_id = l.user_id AND s.ended_at IS NULL
                          AND s.expires_at > :now AND s.authentication LIKE :proof)
            OR EXISTS (SELECT 1 FROM grants g WHERE g.user_id = l.user_id AND g.revoked_at IS NULL
                          AND g.ends_at > :now AND g.authentication LIKE :proof))
        ORDER BY l.user_id"""
)
