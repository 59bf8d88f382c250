"""`authserver api-tokens`: what scripts and programs use the admin API with."""

from datetime import datetime, timedelta
from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import written
from authserver.errors import Refusal
from authserver.store import Session
from authserver.users import api_tokens
from authserver.users.access import SCOPES, scopes_of
from authserver.users.api_tokens import ApiToken
from authserver.users.rank import RANKS

COLUMNS = ("id", "name", "role", "state", "scopes", "expires_at", "last_used_at")


@click.group()
def command() -> None:
    """Make, list and revoke the tokens of the admin API (/api/admin).

    A token is shown once, when it is made.
    """


@command.command()
@click.argument("name")
@click.option("--role", type=click.Choice(tuple(RANKS)), default="auditor", show_default=True)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help=f"What it may do; repeats, or several in one text. By default all that its role may. {', '.join(SCOPES)}.",
)
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True, help="Until it ends.")
@json_option
def add(name: str, role: str, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token. Its text is printed now and never again."""
    wanted = [word for scope in scopes for word in scope.split()] or scopes_of(role)
    with opened() as issuer:
        now = issuer.clock()
        until = now + timedelta(days=days)
        token, text = written(
            issuer,
            lambda db: api_tokens.make(
                db, issuer, name=name, role=role, scopes=wanted, expires_at=until, by=CLI
            ),
        )
    echo({**_row(token, now), "token": text}, as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every token: who may do what with it, until when, and when it was last used."""
    with opened() as issuer, issuer.database.reading() as db:
        now = issuer.clock()
        found = [_row(token, now) for token in api_tokens.every(db)]
    echo(found, as_json, columns=COLUMNS)


@command.command()
@click.argument("id_or_name")
@json_option
def revoke(id_or_name: str, as_json: bool) -> None:
    """End a token, and those that were made with it."""
    with opened() as issuer:
        now = issuer.clock()
        ended = written(issuer, lambda db: api_tokens.revoke(db, issuer, _id(db, id_or_name, now), by=CLI))
    echo(_row(ended, now), as_json)


def _id(db: Session, id_or_name: str, now: datetime) -> str:
    """The id of the live token of this name, else what was given."""
    named = [
        token.id
        for token in api_tokens.every(db)
        if token.name == id_or_name and token.state(now) == "active"
    ]
    if len(named) > 1:
        raise Refusal(f"{len(named)} tokens have this name; give an id of `api-tokens list`.")
    return named[0] if named else id_or_name


def _row(token: ApiToken, now: datetime) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "state": token.state(now),
        "scopes": token.scopes,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }
