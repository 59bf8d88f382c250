"""`authserver settings`: what holds while the server runs, and on every node within a second."""

import sys
from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import typed_secret, written
from authserver.settings import change, values
from authserver.settings.setting import Change, Setting

COLUMNS = ("name", "value", "origin", "description")
DETAILS = (
    "name", "value", "default", "origin", "where", "description", "changed_by", "changed_at", "version",
)  # fmt: skip
HISTORY = ("at", "name", "old", "new", "by", "id")


@click.group()
def command() -> None:
    """Show and change the settings that hold while the server runs.

    A change holds on every node within a second. What the configuration file ([settings]) or a variable
    (AUTHSERVER_SETTINGS__NAME) fixes is changed there.
    """


@command.command("list")
@click.option("--changed", is_flag=True, help="Only those that are not at their default.")
@json_option
def list_(changed: bool, as_json: bool) -> None:
    """List every setting with its value and where that comes from."""
    with opened() as issuer, issuer.database.reading() as db:
        found = change.every(db, issuer)
    rows = [_row(each) for each in found if each.origin != "default" or not changed]
    echo(rows, as_json, columns=COLUMNS)


@command.command()
@click.argument("name")
@json_option
def get(name: str, as_json: bool) -> None:
    """Show one setting: its value, its default, and who changed it last."""
    with opened() as issuer, issuer.database.reading() as db:
        found = change.load(db, issuer, name)
    echo(_row(found), as_json)


@command.command("set")
@click.argument("name")
@click.argument("value", nargs=-1, required=True)
@json_option
def set_(name: str, value: tuple[str, ...], as_json: bool) -> None:
    """Change a setting. Lists are written with spaces or commas; durations are seconds.

    An empty value is written as "". Of a secret write - and type it, so that it is in no history.
    """
    values.known(name)
    text = " ".join(value)
    if name in values.SECRETS and text == "-":
        text = typed_secret(name, from_stdin=not sys.stdin.isatty())
    given = values.from_text(name, text)
    with opened() as issuer:
        made = written(issuer, lambda db: change.set_(db, issuer, name, given, by=CLI))
    echo(_row(made), as_json)


@command.command()
@click.argument("name")
@json_option
def reset(name: str, as_json: bool) -> None:
    """Let the default of a setting hold again."""
    with opened() as issuer:
        made = written(issuer, lambda db: change.reset(db, issuer, name, by=CLI))
    echo(_row(made), as_json)


@command.command()
@click.argument("name", required=False)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
def history(name: str | None, limit: int, as_json: bool) -> None:
    """Show who changed a setting, or any, and what it was before."""
    found: tuple[Change, ...]
    with opened() as issuer, issuer.database.reading() as db:
        found = change.history(db, name, limit=limit)
    echo(found, as_json, columns=HISTORY)


@command.command()
@click.argument("name")
@click.option("--change", "change_id", help="An id of `settings history`; by default the newest change.")
@json_option
def undo(name: str, change_id: str | None, as_json: bool) -> None:
    """Take a setting back to what it was before its newest change. Undone twice is redone."""
    with opened() as issuer:
        made = written(issuer, lambda db: change.undo(db, issuer, name, change=change_id, by=CLI))
    echo(_row(made), as_json)


def _row(setting: Setting) -> dict[str, Any]:
    return {name: getattr(setting, name) for name in DETAILS}
