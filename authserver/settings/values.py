"""One setting's value: how it is read from JSON or from text, and what is wrong with it."""

import difflib
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from authserver.errors import NotFound
from authserver.input import UNWANTED, invalid
from authserver.settings.catalogue import Settings

FIELDS = Settings.model_fields
DEFAULTS = Settings()
SECRETS = frozenset(name for name, field in FIELDS.items() if field.annotation is SecretStr)
TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
IN_LINES = frozenset({"terms_text", "privacy_text"})
LISTED = re.compile(r"[,\s]+")


class NoSuchSetting(NotFound):
    def __init__(self, name: str) -> None:
        near = nearest(name)
        said = f"There is no such setting; did you mean {near}?" if near else "There is no such setting."
        super().__init__(said, detail=f"no setting {name!r}")
        self.nearest = near


def known(name: str) -> str:
    """The name, if the catalogue has it; else NoSuchSetting, which suggests the nearest."""
    if name not in FIELDS:
        raise NoSuchSetting(name)
    return name


def nearest(name: str) -> str:
    return next(iter(difflib.get_close_matches(name, FIELDS, n=1)), "")


def default(name: str) -> Any:
    return getattr(DEFAULTS, name)


def describe(name: str) -> str:
    return FIELDS[name].description or ""


def check(name: str, value: Any) -> Any:
    """The value as the catalogue has it; refused with a sentence unless it fits exactly, nothing is guessed."""
    texts = value if isinstance(value, list | tuple) else [value]
    if name in IN_LINES and isinstance(value, str):
        value = value.replace("\r\n", "\n")
        texts = value.split("\n")
    if any(isinstance(text, str) and UNWANTED.search(text) for text in texts):
        raise invalid({name: "Control characters are not allowed."})
    try:
        found: Any = _adapter(name).validate_json(json.dumps(value), strict=True)
    except (TypeError, ValidationError) as error:
        raise invalid({name: _sentence(name)}) from error
    return found


def from_text(name: str, text: str) -> Any:
    """Read a value as it is typed on a command line or stands in a variable; lists have commas or spaces."""
    match default(name):
        case bool():
            return check(name, TRUTH.get(text.strip().lower(), text))
        case int():
            written = text.strip()
            return check(name, int(written) if re.fullmatch(r"-?[0-9]{1,18}", written) else text)
        case tuple():
            return check(name, [part for part in LISTED.split(text) if part])
        case _:
            return check(name, text)


def schema(name: str) -> Mapping[str, Any]:
    """The JSON schema of a setting's value."""
    return {key: value for key, value in _adapter(name).json_schema().items() if key != "default"}


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    info = FIELDS[name]
    kind: Any = Annotated[info.annotation, info]
    return TypeAdapter(kind)


def _sentence(name: str) -> str:
    """Say what would fit."""
    wanted = schema(name)
    match wanted.get("type"):
        case "integer":
            low, high = wanted.get("minimum"), wanted.get("maximum")
            return f"This must be a whole number from {low} to {high}."
        case "boolean":
            return "This must be true or false."
        case "array":
            least = "at least one text" if wanted.get("minItems") else "texts"
            return f"This must be a list of {least}."
        case _ if "enum" in wanted:
            return f"This must be one of: {', '.join(wanted['enum'])}."
        case _ if str(wanted.get("pattern", "")).startswith("^(#"):
            return "This must be a colour such as #0a5c4a, or empty."
        case _:
            return (
                f"This must be text of {wanted.get('minLength', 0)} to {wanted.get('maxLength')} characters."
            )
