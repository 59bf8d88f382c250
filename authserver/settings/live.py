"""The settings in force: the catalogue's defaults, then what was changed here, then what the operator fixed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from authserver.config import Config
from authserver.errors import Misconfigured, Refusal
from authserver.settings import secrets, values
from authserver.settings.catalogue import Settings
from authserver.store import Session
from authserver.store.settings import changed_settings
from authserver.vault import CannotOpen, Vault

log = logging.getLogger(__name__)
TOPIC = "settings"
Origin = Literal["default", "here", "file", "environment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A setting that the configuration fixes; `where` says where to change it."""

    value: Any
    origin: Origin
    where: str


def load(db: Session, config: Config, vault: Vault) -> Settings:
    """Read what holds now. A stored value that is no good any more is left aside with a line in the log."""
    return in_force(changed_settings(db), fixed(config), vault)


def in_force(changed: Mapping[str, Any], fixed_ones: Mapping[str, Fixed], vault: Vault) -> Settings:
    found = {}
    for name, value in changed.items():
        if name not in values.FIELDS:
            continue  # of a version that had it
        try:
            found[name] = values.check(name, secrets.opened(vault, name, value))
        except CannotOpen as error:
            log.error("the setting %s is left aside, its default holds: %s", name, error)  # noqa: TRY400
        except Refusal as error:
            log.error(  # noqa: TRY400  the sentence is the whole of it
                "the stored value of the setting %s is left aside, its default holds: %s",
                name,
                error.fields.get(name),
            )
    found |= {name: each.value for name, each in fixed_ones.items()}
    return values.DEFAULTS.model_copy(update=found)


def fixed(config: Config) -> dict[str, Fixed]:
    """What the file and the environment fix; the environment wins. Misconfigured names all that is wrong."""
    found: dict[str, Fixed] = {}
    problems = []
    for each in config.pinned_settings():
        try:
            name = values.known(each.name)
            read = values.from_text if each.is_text else values.check
            found[name] = Fixed(
                value=read(name, each.value),
                origin="environment" if each.is_text else "file",
                where=each.where,
            )
        except values.NoSuchSetting as error:
            problems.append(f"{each.where}: {error.public}")
        except Refusal as error:
            problems.append(f"{each.where}: {error.fields.get(each.name, error.public)}")
    if problems:
        raise Misconfigured(
            "Settings in the configuration are wrong:\n" + "\n".join(f"  - {each}" for each in problems),
            "Correct them, or take them out and use `authserver settings set`.",
        )
    return found
