"""How many sessions somebody may have, which browser ended one, and those whose time is over found quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("sso_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("end_agent", sa.String(length=512), nullable=True))
        batch_op.create_index(
            "ix_sso_sessions_expires_at_live",
            ["expires_at"],
            unique=False,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_sessions", sa.Integer(), nullable=True))
    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_sessions", sa.Integer(), nullable=True))


def downgrade() -> None:
    # Not as a batch: that would make the tables anew, and what refers to their rows would go with the old ones.
    op.drop_column("groups", "max_sessions")
    op.drop_column("users", "max_sessions")
    op.drop_index("ix_sso_sessions_expires_at_live", "sso_sessions")
    op.drop_column("sso_sessions", "end_agent")
