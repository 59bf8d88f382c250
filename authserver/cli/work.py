"""`authserver work`: background work in a process of its own, beside servers with `background = false`."""

import signal
import threading

import click

from authserver import logs
from authserver.cli.context import opened
from authserver.work.background import begin


@click.command()
def command() -> None:
    """Do the background work here until stopped. Several may run: each job is done by one at a time."""
    with opened() as issuer:
        logs.configure(issuer.config)
        loop = begin(issuer)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: loop.stop())
        click.echo("Background work has begun; Ctrl-C ends it.", err=True)
        loop.run()
