"""Which schema this version needs, and which one a database has."""

from authserver.store.database import Database, Hot

REQUIRED = "0018"
EXISTS_IN_FILE = Hot("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
EXISTS_ON_SERVER = Hot("SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL")
CURRENT = Hot("SELECT version_num FROM alembic_version")


def current(database: Database) -> str | None:
    """The schema that the database has; None where there is none yet."""
    with database.reading() as db:
        if db.one(EXISTS_IN_FILE if database.embedded else EXISTS_ON_SERVER, {}) is None:
            return None
        row = db.one(CURRENT, {})
    return None if row is None else str(row[0])


def is_pending(found: str | None) -> bool:
    """Whether a schema is older than this version needs; steps are numbered, and a newer one serves too."""
    return found is None or found < REQUIRED
