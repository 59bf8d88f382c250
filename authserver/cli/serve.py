"""`authserver serve`: the server, with its workers, its metrics listener and the way to the first owner."""

import gc
import logging
import multiprocessing
import os
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from multiprocessing.synchronize import Event
from multiprocessing.util import Finalize
from typing import Any

import click

from authserver import __version__, cores, logs, memory, metrics
from authserver import config as configuration
from authserver.app import App, create_app, make_issuer
from authserver.cli.checks import Finding, of_configuration, of_installation, refuse
from authserver.cli.server import Server, listen
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.keys.keyring import ALGS
from authserver.once import open_ticket
from authserver.store import health, schema
from authserver.web.health import stage

log = logging.getLogger(__name__)
STARTS_WITHIN = 60
LINK_HOURS = 1
SETUP, FIRST_OWNER = "setup", "first-owner"


@dataclass(frozen=True, slots=True)
class Signals:
    """What parent and workers tell each other: a worker is ready, and the server ends."""

    ready: Event = field(default_factory=multiprocessing.Event)
    ends: Event = field(default_factory=multiprocessing.Event)


@click.command()
def command() -> None:
    """Run the server. In development it first makes whatever is missing."""
    config = configuration.load()
    logs.configure(config)
    memory.KEPT.begin()
    link = _ready_to_start(config)
    listening = listen(config)
    configuration.remember(config)
    exporter = _exporter(config)
    _forget_environment()
    signals = Signals()
    server = Server(config, listening, ends=signals.ends, log=logs.dictionary(config))
    threading.Thread(target=_announce, args=(config, link, signals), daemon=True).start()
    # What was loaded until here is shared by all workers, and no collector needs to look at it again.
    gc.freeze()
    try:
        server.serve(target_loader=partial(_worker, config, signals, listening, exporter), wrap_loader=False)
    finally:
        if exporter is not None:
            exporter.close()


def _ready_to_start(config: Config) -> str | None:
    """See to it that the server can start; returns the link for the first owner while there is none."""
    if config.is_development and not _has_master_key(config):
        _prepare(config)
    refuse(_problems(of_configuration(config)))
    issuer = make_issuer(config)
    try:
        if config.is_development and _lacks_something(issuer):
            _prepare(config)
            issuer.revisions.forget()
        refuse(_problems(of_installation(issuer)))
        return None if health.has_owner(issuer.database) else _link(issuer)
    finally:
        issuer.refusals.close()
        issuer.database.dispose()


def _problems(findings: Any) -> list[Finding]:
    return [found for found in findings if found.level == "problem"]


def _has_master_key(config: Config) -> bool:
    return bool(config.master_key) or config.master_key_path.exists()


def _lacks_something(issuer: Issuer) -> bool:
    return schema.is_pending(schema.current(issuer.database)) or issuer.keyring.algs != ALGS


def _prepare(config: Config) -> None:
    # Migrations are slow to load; a second start does without them.
    import_module("authserver.cli.init").prepare(config)


def _link(issuer: Issuer) -> str:
    """Make the way to the first owner: one link, which replaces the one of an earlier start."""
    now = issuer.clock()
    with issuer.database.writing() as db:
        ticket = open_ticket(
            db,
            issuer.roots,
            SETUP,
            key=FIRST_OWNER,
            now=now,
            expires_at=now + timedelta(hours=LINK_HOURS),
        )
    return f"{issuer.url}/setup/{ticket}"


def _exporter(config: Config) -> Any:
    if not config.metrics_bind:
        return None
    exporter = import_module("authserver.work.prometheus").Prometheus()
    host, _, port = config.metrics_bind.rpartition(":")
    exporter.listen(host.strip("[]"), int(port))
    metrics.export_to(exporter)
    return exporter


def _forget_environment() -> None:
    """Take secrets out of the environment, which WSGI would hand to every request."""
    for name in [name for name in os.environ if name.startswith(configuration.PREFIX)]:
        del os.environ[name]


def _worker(config: Config, signals: Signals, listening: socket.socket, exporter: Any, place: int) -> Any:
    """Make the application of one worker, after the fork: connections and threads are its own."""
    _keep_to_slices()
    if config.pin_workers:
        cores.keep_to_one(place)
    listening.detach()  # in a worker it is granian's, which closes it when this worker takes no more
    app = create_app(config)
    # A forked worker runs no atexit handlers; what multiprocessing finalizes it does run.
    Finalize(None, app.close, exitpriority=1)
    if exporter is not None:
        exporter.keep_adding()
        Finalize(None, exporter.add_up, exitpriority=0)
    stage(app.issuer).ends = signals.ends.is_set
    stage(app.issuer).complete.clear()
    threading.Thread(target=_complete, args=(config, app), name="site", daemon=True).start()
    signals.ready.set()
    return logs.accessed(app) if config.access_log else app


def _keep_to_slices() -> None:
    """Have the kernel let each thread from here on finish its slice, where it would let whoever wakes push it aside.

    Threads of one worker wake each other several times a request; on a busy core each push costs two switches.
    """
    # A sandbox may forbid it, and not every system knows it: there it goes on, a little slower.
    with suppress(OSError, AttributeError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _complete(config: Config, app: App) -> None:
    """Load what machines do without, while they are answered already: the site, then the background work."""
    try:
        gc.disable()  # loading makes no garbage
        app.site  # noqa: B018  built by being asked for
        if config.background:
            import_module("authserver.work.background").begin(app.issuer).start()
        gc.enable()
        gc.freeze()
    except BaseException:
        # A worker without its pages is of no use: it ends, and the parent says so and starts another.
        log.critical("the site cannot be built", exc_info=True)
        os._exit(1)
    stage(app.issuer).complete.set()


def _announce(config: Config, link: str | None, signals: Signals) -> None:
    """Say where the server runs, once it does."""
    if not signals.ready.wait(STARTS_WITHIN):
        return
    lines = [f"authserver {__version__} runs on {config.url}"]
    if config.issuer:
        lines.append(f"  it listens on {config.bind}")
    lines.append(f"  its data is in {config.data_dir}")
    if config.is_development:
        lines.append('  it runs for development: production wants https and `environment = "production"`')
    if link and (config.is_development or sys.stdout.isatty()):
        lines += ["", "There is no owner yet. This link makes one, once, within the hour:", f"  {link}", ""]
    elif link:
        lines.append(
            "There is no owner yet: `authserver users add E-MAIL --owner --password-stdin` makes one."
        )
    click.echo("\n".join(lines))
    sys.stdout.flush()
