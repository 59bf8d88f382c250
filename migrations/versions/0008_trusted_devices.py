"""Browsers in which a second factor is not asked for some hours."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
TIME = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "trusted_devices",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("user_epoch", sa.Integer(), nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("factors", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_trusted_devices_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_trusted_devices_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_devices")),
    )
    with op.batch_alter_table("trusted_devices", schema=None) as batch_op:
        batch_op.create_index("uq_trusted_devices_user_id", ["user_id", "device_id"], unique=True)
        batch_op.create_index("ix_trusted_devices_device_id", ["device_id"], unique=False)
        batch_op.create_index("ix_trusted_devices_until", ["until"], unique=False)
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trusts", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("transactions", "trusts")
    op.drop_table("trusted_devices")
