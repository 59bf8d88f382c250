"""What was changed of the settings, as every worker holds it."""

import json
from typing import Any

from authserver.store.database import Hot, Session

CHANGED = Hot("SELECT name, value FROM settings")


def changed_settings(db: Session) -> dict[str, Any]:
    """What was changed here, by name."""
    return {name: json.loads(value) for name, value in db.hot(CHANGED, {}).fetchall()}
