"""What a command prints: a table for people, or JSON for scripts, of one and the same data."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from authserver.opaque import Secret

F = TypeVar("F", bound=Callable[..., Any])
GAP = 2


def json_option(command: F) -> F:
    """Give a command `--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def echo(data: Any, as_json: bool, *, columns: Sequence[str] | None = None) -> None:
    """Print records: a list as a table of `columns`, one record as name and value a line; or all as JSON."""
    plain = to_plain(data)
    if as_json:
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
    elif isinstance(plain, list):
        click.echo(table(plain, columns))
    elif isinstance(plain, dict):
        click.echo(record(plain))
    else:
        click.echo(cell(plain))


def to_plain(data: Any) -> Any:
    """Give what JSON can say of a record, a model, a list of them, or a plain value."""
    for kind, plain in PLAIN:
        if isinstance(data, kind):
            return plain(data)
    names = _names(data)
    if names:
        return {name: to_plain(getattr(data, name)) for name in names}
    return [to_plain(each) for each in data] if isinstance(data, Iterable) else str(data)


def _names(data: Any) -> tuple[str, ...]:
    """The fields of a record, however it is made."""
    if dataclasses.is_dataclass(data):
        return tuple(field.name for field in dataclasses.fields(data))
    return getattr(data, "_fields", ())


PLAIN: tuple[tuple[type | UnionType, Callable[[Any], Any]], ...] = (
    (BaseModel, lambda model: model.model_dump(mode="json")),
    (Secret, Secret.reveal),
    (Enum, lambda member: member.value),
    (datetime, lambda at: at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")),
    (Mapping, lambda found: {str(key): to_plain(value) for key, value in found.items()}),
    (set | frozenset, lambda found: sorted(to_plain(each) for each in found)),
    (str | int | float | NoneType, lambda value: value),
)


def table(rows: list[Any], columns: Sequence[str] | None = None) -> str:
    """Lay out records in columns under their names."""
    if not rows:
        return "(none)"
    if not all(isinstance(row, dict) for row in rows):
        return "\n".join(cell(row) for row in rows)
    names = list(columns or rows[0])
    lines = [[name.replace("_", " ") for name in names]]
    lines += [[cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join(
        (" " * GAP).join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def record(values: Mapping[str, Any]) -> str:
    """Lay out one record, a name and a value a line."""
    width = max((len(name) for name in values), default=0) + GAP
    return "\n".join(f"{name.replace('_', ' ').ljust(width)}{cell(value)}" for name, value in values.items())


def cell(value: Any) -> str:
    """Show a value in one line; control characters cannot move the terminal."""
    match value:
        case None:
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case list():
            text = ", ".join(cell(each) for each in value) or "-"
        case dict():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
