"""`authserver secrets`: the master key, and the purpose roots under it."""

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.config import Config
from authserver.errors import Misconfigured
from authserver.issuer import Issuer
from authserver.keys import master, reseal, roots
from authserver.vault import Vault


@click.group()
def command() -> None:
    """Rotate the master key, roll the secrets under it, and record that it is backed up."""


@command.command()
@json_option
def rotate(as_json: bool) -> None:
    """Start a new version of the master key, and seal everything under it. No token dies.

    Where the key comes from AUTHSERVER_MASTER_KEY, first give every node both versions, the new one as
    2:KEY beside 1:KEY; this command then seals everything under it.
    """
    with opened() as issuer:
        vault = _newest(issuer.config, issuer.vault)
        done = _reseal(issuer, vault)
        issuer.revisions.forget()
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
            made[each] = roots.roll(db, issuer.vault, each, now=issuer.clock(), by=CLI)
    echo(made, as_json)


@command.command("backed-up")
@json_option
def backed_up(as_json: bool) -> None:
    """Record that the newest master key is kept in a second place, apart from the database's backups."""
    with opened() as issuer, issuer.database.writing() as db:
        version = reseal.note_backup(db, issuer.vault, now=issuer.clock(), by=CLI)
    echo({"version": version, "backed_up": True}, as_json)


def _newest(config: Config, vault: Vault) -> Vault:
    if config.master_key:
        if vault.version == 1:
            raise Misconfigured(
                "AUTHSERVER_MASTER_KEY holds one version, so there is nothing to rotate to.",
                "Give 1:OLD,2:NEW to every node, restart them, and run this again.",
            )
        return vault
    path = config.master_key_path
    try:
        master.add_version(path)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error}",
            "Add a line with the next version and a new key where the file comes from, then run this again.",
        ) from error
    return master.vault_of(config)


def _reseal(issuer: Issuer, vault: Vault) -> reseal.Resealed:
    with issuer.database.writing() as db:
        return reseal.reseal(db, vault, now=issuer.clock(), by=CLI)
