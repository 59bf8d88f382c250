"""`authserver db`: the schema, and what must end after a backup was restored."""

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.clock import SystemClock
from authserver.config import load_beside
from authserver.errors import Misconfigured
from authserver.keys import master, rolling
from authserver.store import Database, migrating, records, schema
from authserver.store.restored import API_TOKENS, RECOVERY_CODES
from authserver.work.after_restore import after_restore as end_all


@click.group()
def command() -> None:
    """Migrate the database, or say that it was restored from a backup."""


@command.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database to the schema that this version needs. Safe on every node at once."""
    migrating.upgrade(_url(), revision)
    _complete_roots()
    click.echo(f"The database has schema {_current() or 'none'}.")


@command.command()
@click.argument("revision", default="-1")
@click.confirmation_option(prompt="What the newer schema added is deleted. Go back?")
def downgrade(revision: str) -> None:
    """Go back one step, for the version before this one."""
    migrating.downgrade(_url(), revision)
    click.echo(f"The database has schema {_current() or 'none'}.")


@command.command()
@json_option
def current(as_json: bool) -> None:
    """Say which schema the database has, and which one this version needs."""
    found = _current()
    echo({"current": found, "required": schema.REQUIRED, "pending": schema.is_pending(found)}, as_json)


@command.command("after-restore")
@click.confirmation_option(prompt="Everybody is signed out and every token ends. Was a backup restored?")
@click.option(
    "--keep-recovery-codes",
    is_flag=True,
    help="Recovery codes that were used since the backup may then work once more.",
)
@click.option(
    "--keep-api-tokens",
    is_flag=True,
    help="API tokens that were revoked since the backup then work again.",
)
@json_option
def after_restore(keep_recovery_codes: bool, keep_api_tokens: bool, as_json: bool) -> None:
    """End what a restored backup would bring back to life: sessions, tokens, codes, recovery codes and links."""
    kept = {RECOVERY_CODES: keep_recovery_codes, API_TOKENS: keep_api_tokens}
    spare = tuple(name for name, is_kept in kept.items() if is_kept)
    with opened() as issuer, issuer.database.writing() as db:
        ended = end_all(db, now=issuer.clock(), by=CLI, spare=spare)
    echo(ended, as_json)


def _current() -> str | None:
    database = Database.bind(_url())
    try:
        return schema.current(database)
    finally:
        database.dispose()


def _complete_roots() -> None:
    """A version may need a purpose root that an installation does not have yet; a new one gets all by `init`."""
    config = load_beside()
    database = Database.bind(_url())
    try:
        if schema.is_pending(schema.current(database)):
            return
        with database.writing() as db:
            if records.keys.root_secrets(db):
                rolling.make_missing(db, master.vault_of(config), now=SystemClock()(), by=CLI)
    finally:
        database.dispose()


def _url() -> str:
    config = load_beside()
    if not config.database_url and not config.data_dir.is_dir():
        raise Misconfigured(
            f"The data folder {config.data_dir} does not exist.",
            "Run `authserver init`, or name another folder by AUTHSERVER_DATA_DIR.",
        )
    return config.database
