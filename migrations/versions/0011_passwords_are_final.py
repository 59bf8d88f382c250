"""No password is temporary: who is to choose one gets a link that lets them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("passwords", schema=None) as batch_op:
        batch_op.drop_column("must_change")


def downgrade() -> None:
    with op.batch_alter_table("passwords", schema=None) as batch_op:
        batch_op.add_column(sa.Column("must_change", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("passwords", schema=None) as batch_op:
        batch_op.alter_column("must_change", server_default=None)
