"""`authserver purge`: what the background sweep does every ten minutes, now."""

import click

from authserver.cli.context import echo, json_option, opened
from authserver.work.sweep import sweep


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Delete expired rows now, a thousand at a time. It is safe beside a running server."""
    with opened() as issuer:
        gone = sweep(issuer)
    echo(gone, as_json)
