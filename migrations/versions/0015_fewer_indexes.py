"""Fewer indexes are written with each code: those of what has a value, and of what is looked for often."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LIVING = sa.text("revoked_at IS NULL")
SEALED = sa.text("position IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        for name in ("ix_grants_client_id", "ix_grants_session_id", "ix_grants_user_id"):
            batch_op.drop_index(name)
        batch_op.create_index(
            "ix_grants_user_id",
            ["user_id", "session_id"],
            unique=False,
            sqlite_where=LIVING,
            postgresql_where=LIVING,
        )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.drop_constraint("uq_audit_events_position", type_="unique")
        batch_op.create_index(
            "uq_audit_events_position",
            ["position"],
            unique=True,
            sqlite_where=SEALED,
            postgresql_where=SEALED,
        )


def downgrade() -> None:
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.drop_index("uq_audit_events_position")
        batch_op.create_unique_constraint("uq_audit_events_position", ["position"])
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index("ix_grants_user_id")
        for column in ("user_id", "session_id"):
            batch_op.create_index(
                f"ix_grants_{column}", [column], unique=False, sqlite_where=LIVING, postgresql_where=LIVING
            )
        batch_op.create_index("ix_grants_client_id", ["client_id"], unique=False)
