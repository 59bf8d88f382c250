"""Families whose session is over are over themselves, since no token asks for the session any more."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Only what came about past the product, or in its first days: whoever ends a session ends its families.
END = sa.text(
    """UPDATE grants SET revoke_reason = 'session_ended', revoked_at = coalesce(
              (SELECT s.ended_at FROM sso_sessions s WHERE s.id = session_id), rotated_at, granted_at)
        WHERE revoked_at IS NULL AND NOT offline
          AND NOT EXISTS (SELECT 1 FROM sso_sessions s WHERE s.id = session_id AND s.ended_at IS NULL)"""
)


def upgrade() -> None:
    op.execute(END)


def downgrade() -> None:
    """The version before took them for ended as well."""
