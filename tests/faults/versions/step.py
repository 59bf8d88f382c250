"""A step that changes a busy table and harms nobody: it comes and goes while the server serves."""

from alembic import op

from authserver.store import schema

revision = "9999"
down_revision = schema.REQUIRED
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE grants ADD COLUMN note TEXT")


def downgrade() -> None:
    op.execute("ALTER TABLE grants DROP COLUMN note")
