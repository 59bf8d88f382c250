"""What the commands about records share: options made from a form's fields, and one unit of work."""

import sys
import types
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click

from authserver.input import Form
from authserver.issuer import Issuer
from authserver.store import Session, retrying

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def options(form: type[Form], flags: Mapping[str, str]) -> Callable[[F], F]:
    """Give a command one option for each of these fields, explained by the form; absent ones stay None."""
    made = [_option(form, field, flag) for field, flag in flags.items()]
    return lambda command: reduce(lambda done, option: option(done), reversed(made), command)


def unset_option(form: type[Form], flags: Mapping[str, str]) -> Callable[[F], F]:
    """Give a command `--unset FIELD`, for the fields that have a default."""
    names = [
        flag.split("/")[0].removeprefix("--") for field, flag in flags.items() if _has_default(form, field)
    ]
    return click.option(
        "--unset", multiple=True, type=click.Choice(names), help="Back to its default, or empty; repeats."
    )


def filled(form: type[Form], flags: Mapping[str, str], given: dict[str, Any]) -> dict[str, Any]:
    """Give what the options said, as the form takes it; `given` also holds `unset`."""
    unset = {flag.split("/")[0].removeprefix("--"): field for field, flag in flags.items()}
    found: dict[str, Any] = {}
    for name in given.pop("unset", ()):
        found[unset[name]] = form.model_fields[unset[name]].get_default(call_default_factory=True)
    for field in flags:
        value = given.pop(field, None)
        if value is None or value == ():
            continue
        found[field] = list(value) if isinstance(value, tuple) else value
    return found


def written(issuer: Issuer, act: Callable[[Session], T]) -> T:
    """Do something in one durable transaction, again where the database asks for that."""

    def attempt() -> T:
        with issuer.database.writing() as db:
            return act(db)

    return retrying(attempt)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; a script says --yes."""
    if not yes:
        click.confirm(question, abort=True)


def typed_secret(prompt: str, *, from_stdin: bool) -> str:
    """Read one line that is not shown: from stdin without its line end, or typed twice on the terminal."""
    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))


def _option(form: type[Form], field: str, flag: str) -> Callable[[F], F]:
    info = form.model_fields[field]
    about = info.description or ""
    kind = _plain(info.annotation)
    if kind is bool:
        return click.option(flag, field, default=None, help=about)
    if get_origin(kind) is list:
        inner = _plain(get_args(kind)[0])
        return click.option(flag, field, multiple=True, type=_type(inner), help=f"{about} Repeats.")
    return click.option(flag, field, default=None, type=_type(kind), help=about)


def _type(kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return click.Choice([str(value) for value in get_args(kind)])
    return int if kind is int else str


def _plain(annotation: Any) -> Any:
    """Take Optional and Annotated off a type."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(each for each in get_args(annotation) if each is not type(None))
        else:
            return annotation


def _has_default(form: type[Form], field: str) -> bool:
    return not form.model_fields[field].is_required()
