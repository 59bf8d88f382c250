"""What is of no use any more is found among the mails that wait without reading them all."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAME, WAITING = "ix_outbox_expires_at_waiting", sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_index(NAME, "outbox", ["expires_at"], sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade() -> None:
    op.drop_index(NAME, "outbox")
