"""SQLite finds how a person and a session stand in an index alone; fewer indexes are written with a sign-in."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NAME, COLUMN = "ix_sso_sessions_previous_digest", "previous_digest"
HAS_ONE = sa.text("previous_digest IS NOT NULL")
LIVING = sa.text("ended_at IS NULL")
STRANGERS = sa.text("kind = 'stranger'")


def upgrade() -> None:
    # In the order in which a sign-in of the version before takes them: failures, then sessions.
    op.drop_index("ix_failures_at", "failures")
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("failures", recreate="always", table_kwargs={"sqlite_with_rowid": False}):
            pass
        op.create_index(
            "ix_sso_sessions_standing", "sso_sessions", ["id", "idle_until", "ended_at"], sqlite_where=LIVING
        )
        op.create_index("ix_users_standing", "users", ["id", "status", "epoch", "subject"])
    op.create_index("ix_failures_at", "failures", ["at"], sqlite_where=STRANGERS, postgresql_where=STRANGERS)
    op.drop_index(NAME, "sso_sessions")
    op.create_index(NAME, "sso_sessions", [COLUMN], sqlite_where=HAS_ONE, postgresql_where=HAS_ONE)


def downgrade() -> None:
    op.drop_index("ix_failures_at", "failures")
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("failures", recreate="always", table_kwargs={"sqlite_with_rowid": True}):
            pass
        op.drop_index("ix_users_standing", "users")
        op.drop_index("ix_sso_sessions_standing", "sso_sessions")
    op.drop_index(NAME, "sso_sessions")
    op.create_index(NAME, "sso_sessions", [COLUMN])
    op.create_index("ix_failures_at", "failures", ["at"])
