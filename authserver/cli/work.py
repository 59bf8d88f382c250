"""`authserver work`: background work in a process of its own, beside servers with `background = false`."""

import signal
import threading

import click

from authserver import logs
from authserver.cli.context import opened
from authserver.work.deliver import Delivery
from authserver.work.loop import Loop
from authserver.work.tell_apps import TellApps


@click.command()
def command() -> None:
    """Do the background work here until stopped. Several may run: each job is done by one at a time."""
    with opened() as issuer:
        logs.configure(issuer.config)
        loop = Loop(issuer=issuer)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: loop.stop())
        click.echo("Background work has begun; Ctrl-C ends it.", err=True)
        Delivery(issuer=issuer, stopped=loop.stopped).start()
        TellApps(issuer=issuer, stopped=loop.stopped).start()
        loop.run()
