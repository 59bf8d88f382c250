"""Which schema this version needs, and which one a database has."""

from sqlalchemy import inspect

from authserver.store import (
    clients,
    factors,
    failures,
    grants,
    invitations,
    live,
    operations,
    outbox,
    passkeys,
    sessions,
    single_use,
    terms,
    trusted,
    upstreams,
    users,
)
from authserver.store.database import Database, Hot
from authserver.store.types import Base

REQUIRED = "0013"
TABLE = "alembic_version"
CURRENT = Hot("SELECT version_num FROM alembic_version")
# Named here, so that each module has said what its tables are.
GROUPS = (
    clients,
    factors,
    failures,
    grants,
    invitations,
    live,
    operations,
    outbox,
    passkeys,
    sessions,
    single_use,
    terms,
    trusted,
    upstreams,
    users,
)
METADATA = Base.metadata


def current(database: Database) -> str | None:
    """The schema that the database has; None where there is none yet."""
    with database.reading() as db:
        if not inspect(db.orm.connection()).has_table(TABLE):
            return None
        row = db.one(CURRENT, {})
    return None if row is None else str(row[0])


def is_pending(found: str | None) -> bool:
    """Whether a schema is older than this version needs; steps are numbered, and a newer one serves too."""
    return found is None or found < REQUIRED
