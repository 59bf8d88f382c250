"""What somebody filled in, read against a model; refused with a sentence for each field that is wrong."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from authserver.errors import Refusal

# No text that we keep needs a control character; NUL and lone surrogates cannot be stored at all.
UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
BREAKS = dict.fromkeys(map(ord, "\t\r\n"))
WORDS = {
    "extra_forbidden": "There is no such field.",
    "missing": "This is needed.",
    "string_type": "This must be text.",
    "int_type": "This must be a whole number.",
    "bool_type": "This must be true or false.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
}


class Form(BaseModel):
    """The base of every input model: unknown fields are refused, and nothing is converted by guessing.

    `multiline` names the fields of more than one line, such as a certificate.
    """

    multiline: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


F = TypeVar("F", bound=Form)


def read(form: type[F], given: Mapping[str, Any]) -> F:
    """Give the form as filled in; raises a Refusal with `fields` when something is wrong with it."""
    wrong = {
        name: "Control characters are not allowed."
        for name, value in given.items()
        if _unwanted(_without_breaks(value) if name in form.multiline else value)
    }
    if wrong:
        raise invalid(wrong)
    try:
        return form.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(_sentences(error)) from error


def invalid(fields: Mapping[str, str]) -> Refusal:
    """Refuse what was filled in: a sentence per field."""
    detail = "; ".join(f"{name}: {sentence}" for name, sentence in fields.items())
    return Refusal("Some of this cannot be saved.", code="invalid", status=422, fields=fields, detail=detail)


def conflict(version: int | str, expected: int | str) -> Refusal:
    """Refuse to overwrite what somebody else changed meanwhile."""
    return Refusal(
        "This was changed by somebody else meanwhile. Load it again.",
        code="conflict",
        status=412,
        detail=f"version {version}, expected {expected}",
    )


def check_version(version: int, expected: int | None) -> None:
    if expected is not None and version != expected:
        raise conflict(version, expected)


def merge(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over what stands, as JSON Merge Patch does for one level."""
    return {**current, **changes}


def _sentences(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in each["loc"]) or "_"
        said = WORDS.get(each["type"]) or each["msg"].removeprefix("Value error, ")
        found.setdefault(name, said if said.endswith(".") else f"{said}.")
    return found


def _without_breaks(value: Any) -> Any:
    match value:
        case str():
            return value.translate(BREAKS)
        case Mapping():
            return {key: _without_breaks(each) for key, each in value.items()}
        case list():
            return [_without_breaks(each) for each in value]
        case _:
            return value


def _unwanted(value: Any) -> bool:
    match value:
        case str():
            return UNWANTED.search(value) is not None
        case Mapping():
            return any(_unwanted(key) or _unwanted(each) for key, each in value.items())
        case list() | tuple() | set() | frozenset():
            return any(map(_unwanted, value))
        case _:
            return False
