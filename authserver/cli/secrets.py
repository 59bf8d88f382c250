"""`authserver secrets`: the master key, and the purpose roots under it."""

import os

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.config import Config
from authserver.errors import Misconfigured
from authserver.keys import master, reseal, rolling, roots
from authserver.vault import Vault


@click.group()
def command() -> None:
    """Rotate the master key, roll the secrets under it, and record that it is backed up."""


@command.command()
@json_option
def rotate(as_json: bool) -> None:
    """Start a new version of the master key, and seal everything under it. No token dies.

    Where the key is a variable or a mounted file, first give every node both versions, 1:OLD and 2:NEW; this
    command then seals everything under the new one.
    """
    with opened() as issuer:
        ours = _is_ours(issuer.config)
        vault = _with_a_new_version(issuer.config) if ours else issuer.vault
        with issuer.database.writing() as db:
            done = reseal.reseal(db, vault, now=issuer.clock(), by=CLI)
    if not ours and not done.moved:
        raise Misconfigured(
            "The master key comes from somewhere that cannot be written here, and holds no newer version.",
            "Give every node both versions, as 1:OLD,2:NEW; restart them, and run this again.",
        )
    echo(done, as_json)
    click.echo("Back the master key up now, then run `authserver secrets backed-up`.", err=True)


@command.command()
@click.argument("purpose", nargs=-1, type=click.Choice(roots.PURPOSES))
@json_option
def roll(purpose: tuple[str, ...], as_json: bool) -> None:
    """Start a new root for these purposes, or for all. The old ones verify for 30 days more."""
    made = {}
    with opened() as issuer, issuer.database.writing() as db:
        for each in purpose or roots.PURPOSES:
            made[each] = rolling.roll(db, issuer.vault, each, now=issuer.clock(), by=CLI)
    echo(made, as_json)


@command.command("backed-up")
@json_option
def backed_up(as_json: bool) -> None:
    """Record that the newest master key is kept in a second place, apart from the database's backups."""
    with opened() as issuer, issuer.database.writing() as db:
        version = reseal.note_backup(db, issuer.vault, now=issuer.clock(), by=CLI)
    echo({"version": version, "backed_up": True}, as_json)


def _is_ours(config: Config) -> bool:
    """Whether the key is in a file that we may replace; a mounted secret or a variable is the operator's."""
    path = config.master_key_path
    return not config.master_key and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _with_a_new_version(config: Config) -> Vault:
    master.add_version(config.master_key_path)
    return master.vault_of(config)
