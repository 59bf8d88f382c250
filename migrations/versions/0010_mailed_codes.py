"""Codes by mail: how often one was asked for, when one was last right, and passwords that a mailed link set."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.String(length=64), nullable=True))
        batch_op.create_index("ix_outbox_recipient", ["recipient", "name", "created_at"], unique=False)
        batch_op.create_index("ix_outbox_source", ["source", "created_at"], unique=False)
    with op.batch_alter_table("user_emails", schema=None) as batch_op:
        batch_op.add_column(sa.Column("code_used_at", TIME, nullable=True))
    with op.batch_alter_table("passwords", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_mail", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_index("ix_outbox_source", "outbox")
    op.drop_index("ix_outbox_recipient", "outbox")
    # Not as a batch, which would copy the tables and lose the conditions of their indexes.
    for table, column in (("passwords", "by_mail"), ("user_emails", "code_used_at"), ("outbox", "source")):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
