"""Settings that are secrets: sealed at rest; all that is told of them is whether they are set. AD-6, KEY-4."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from authserver.settings.values import SECRETS
from authserver.vault import Place, Vault

SEALED = "sealed"
# A secret that was given to one server is not sent to another.
GIVEN_TO: Mapping[str, str] = {"smtp_password": "smtp_host"}


def seal(vault: Vault, name: str, value: SecretStr) -> dict[str, str]:
    """A secret as its row holds it."""
    return {SEALED: b64encode(vault.seal(value.get_secret_value().encode(), place(name))).decode()}


def opened(vault: Vault, name: str, kept: Any) -> Any:
    """The value that a row holds, opened if it is sealed; CannotOpen if that was for another row."""
    if name not in SECRETS or not isinstance(kept, Mapping):
        return kept
    return vault.open(b64decode(kept[SEALED]), place(name)).decode()


def told(name: str, value: Any) -> Any:
    """What may be shown, logged and kept of a value, which is all of it unless it is a secret."""
    if name not in SECRETS or value is None:
        return value
    is_set = bool(value.get_secret_value()) if isinstance(value, SecretStr) else bool(value)
    return {"set": is_set}


def place(name: str) -> Place:
    return Place(table="settings", column="value", row=name)
