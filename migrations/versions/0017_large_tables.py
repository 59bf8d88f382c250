"""What background work and the front page look for is found without reading a table that grows with the people."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WAITING, OWNERS = sa.text("state = 'waiting'"), sa.text("role = 'owner'")


def upgrade() -> None:
    # In the order in which a sign-in takes them.
    op.create_index("ix_devices_expires_at", "devices", ["expires_at"])
    op.create_index(
        "ix_outbox_expires_at_waiting",
        "outbox",
        ["expires_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_users_owner", "users", ["role", "status"], sqlite_where=OWNERS, postgresql_where=OWNERS
    )


def downgrade() -> None:
    op.drop_index("ix_devices_expires_at", "devices")
    op.drop_index("ix_outbox_expires_at_waiting", "outbox")
    op.drop_index("ix_users_owner", "users")
