"""Secrets among the settings, moved to the newest master key."""

from base64 import b64decode

from pydantic import SecretStr

from authserver.settings.secrets import SEALED, opened, seal
from authserver.settings.values import SECRETS
from authserver.store import Session, records
from authserver.vault import Vault


def secrets(db: Session, vault: Vault) -> int:
    """Seal every secret under the newest master key; returns how many were under an older one."""
    moved = 0
    for name in sorted(SECRETS):
        row = records.settings.setting_row(db, name)
        if row is None or vault.version_of(b64decode(row.value[SEALED])) == vault.version:
            continue
        row.value = seal(vault, name, SecretStr(opened(vault, name, row.value)))
        moved += 1
    return moved
