"""What every command starts with: this installation opened, and who acts."""

from collections.abc import Iterator
from contextlib import contextmanager

from authserver import config
from authserver.app import make_issuer
from authserver.audit import Actor
from authserver.cli.output import echo, json_option
from authserver.issuer import Issuer

__all__ = ["CLI", "echo", "json_option", "opened"]

CLI = Actor(kind="cli", name="command line", role="owner")


@contextmanager
def opened() -> Iterator[Issuer]:
    """Open the installation that AUTHSERVER_DATA_DIR names, as the running server sees it."""
    issuer = make_issuer(config.load_beside())
    try:
        yield issuer
    finally:
        issuer.database.dispose()
