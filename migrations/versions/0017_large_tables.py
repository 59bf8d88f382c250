"""What background work, the front page and the joining of accounts look for is found without reading a large table."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WAITING, OWNERS = sa.text("state = 'waiting'"), sa.text("role = 'owner'")
OF_SESSIONS, OF_GRANTS = "ix_sso_sessions_user_id", "ix_grants_user_id"
LIVING_SESSIONS, LIVING_GRANTS = sa.text("ended_at IS NULL"), sa.text("revoked_at IS NULL")


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
    op.drop_index(OF_SESSIONS, "sso_sessions")
    op.create_index(OF_SESSIONS, "sso_sessions", ["user_id", "ended_at"])
    op.create_index(
        "ix_users_owner", "users", ["role", "status"], sqlite_where=OWNERS, postgresql_where=OWNERS
    )
    op.drop_index(OF_GRANTS, "grants")
    op.create_index(OF_GRANTS, "grants", ["user_id", "revoked_at", "session_id"])


def downgrade() -> None:
    op.drop_index("ix_devices_expires_at", "devices")
    op.drop_index("ix_outbox_expires_at_waiting", "outbox")
    op.drop_index(OF_SESSIONS, "sso_sessions")
    op.create_index(
        OF_SESSIONS,
        "sso_sessions",
        ["user_id"],
        sqlite_where=LIVING_SESSIONS,
        postgresql_where=LIVING_SESSIONS,
    )
    op.drop_index("ix_users_owner", "users")
    op.drop_index(OF_GRANTS, "grants")
    op.create_index(
        OF_GRANTS,
        "grants",
        ["user_id", "session_id"],
        sqlite_where=LIVING_GRANTS,
        postgresql_where=LIVING_GRANTS,
    )
