"""SQLite finds how a person and a session stand in an index alone; few sessions have an earlier handle."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NAME, COLUMN = "ix_sso_sessions_previous_digest", "previous_digest"
HAS_ONE = sa.text("previous_digest IS NOT NULL")
LIVING = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.drop_index(NAME, "sso_sessions")
    op.create_index(NAME, "sso_sessions", [COLUMN], sqlite_where=HAS_ONE, postgresql_where=HAS_ONE)
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "ix_sso_sessions_standing", "sso_sessions", ["id", "idle_until", "ended_at"], sqlite_where=LIVING
        )
        op.create_index("ix_users_standing", "users", ["id", "status", "epoch", "subject"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_users_standing", "users")
        op.drop_index("ix_sso_sessions_standing", "sso_sessions")
    op.drop_index(NAME, "sso_sessions")
    op.create_index(NAME, "sso_sessions", [COLUMN])
