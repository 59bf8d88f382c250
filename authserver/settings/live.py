"""The settings in force: the catalogue's defaults, then what was changed in the database."""

from authserver.config import Config
from authserver.settings.catalogue import Settings
from authserver.store import Session
from authserver.store.operations import SettingRow


def load(db: Session, config: Config) -> Settings:
    """Read what was changed; what the catalogue no longer knows is left aside."""
    found = {row.name: row.value for row in db.orm.query(SettingRow)}
    return Settings(**{name: value for name, value in found.items() if name in Settings.model_fields})
