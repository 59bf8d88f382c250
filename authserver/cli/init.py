"""`authserver init`: see to it that all is there that a server needs. What is there stays as it is."""

from dataclasses import dataclass
from datetime import timedelta

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.output import to_plain
from authserver.clock import Clock, SystemClock
from authserver.config import Config, load_beside
from authserver.errors import Misconfigured
from authserver.keys import master, rolling, rotation
from authserver.store import Database
from authserver.store.migrating import upgrade
from authserver.users import api_tokens
from authserver.users.access import scopes_of

OWNER_ONLY = 0o700
TOKEN_DAYS = 30
TOKEN_NAME, OWNER = "made by authserver init", "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Where this installation is, and what was made just now."""

    data_dir: str
    issuer: str
    database: str
    master_key: str
    made: tuple[str, ...]


def prepare(config: Config, clock: Clock | None = None) -> Prepared:
    """Make what is missing: the data folder, the master key, the schema, purpose roots and signing keys."""
    try:
        config.data_dir.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"The data folder {config.data_dir} cannot be made: {error}",
            "Name another one by AUTHSERVER_DATA_DIR, or let this user write there.",
        ) from error
    made = []
    if not config.master_key and master.make(config.master_key_path):
        made.append("master key")
    vault = master.vault_of(config)
    upgrade(config.database)
    database = Database.bind(config.database)
    now = (clock or SystemClock())()
    try:
        with database.writing() as db:
            made += (f"root {name}" for name in rolling.make_missing(db, vault, now=now, by=CLI))
            made += (f"signing key {key.alg}" for key in rotation.make_missing(db, vault, now=now, by=CLI))
    finally:
        database.dispose()
    return Prepared(
        data_dir=str(config.data_dir),
        issuer=config.url,
        database="SQLite" if database.embedded else "PostgreSQL",
        master_key="AUTHSERVER_MASTER_KEY" if config.master_key else str(config.master_key_path),
        made=tuple(made),
    )


@click.command()
@click.option(
    "--api-token", is_flag=True, help="Also make an owner's API token, for a host without a browser."
)
@json_option
def command(api_token: bool, as_json: bool) -> None:
    """Make the data folder, the database, the master key and the signing keys.

    What is there already stays as it is, so it may run at every deployment.
    """
    prepared = prepare(load_beside())
    told = to_plain(prepared)
    if api_token:
        told["api_token"] = _api_token()
    echo(told, as_json)


def _api_token() -> str:
    """Make a token that may do everything for a month: long enough to make a better one."""
    with opened() as issuer, issuer.database.writing() as db:
        _, text = api_tokens.make(
            db,
            issuer,
            name=TOKEN_NAME,
            role=OWNER,
            scopes=scopes_of(OWNER),
            expires_at=issuer.clock() + timedelta(days=TOKEN_DAYS),
            by=CLI,
        )
    return text
