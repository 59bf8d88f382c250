"""`authserver doctor`: looks at everything that an installation needs, and says what to do."""

import json
import sys
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import Request, urlopen

import click

from authserver.app import make_issuer
from authserver.cli.check_clients import client_findings
from authserver.cli.check_mail import mail_findings
from authserver.cli.check_providers import provider_findings
from authserver.cli.checks import Finding, of_configuration, of_installation
from authserver.cli.output import echo, json_option
from authserver.config import Config, load_beside
from authserver.errors import Misconfigured, Unavailable
from authserver.issuer import Issuer
from authserver.keys import reseal
from authserver.store import health
from authserver.web.health import CLOCK_MAY_DIFFER, redis_trouble

MARKS = {"ok": "ok  ", "warning": "note", "problem": "FAIL"}
PATIENCE = 5


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Check configuration, database, Redis, keys, clock and issuer. Ends with 1 if there is a problem."""
    findings = list(examine())
    if as_json:
        echo(findings, as_json)
    else:
        for found in findings:
            click.echo(f"{MARKS[found.level]}  {found.about}: {found.what}")
            if found.remedy:
                click.echo(f"      → {found.remedy}")
    if any(found.level == "problem" for found in findings):
        sys.exit(1)


def examine() -> Iterator[Finding]:
    """Look at one thing after the other; what cannot be looked at is a finding, too."""
    try:
        config = load_beside()
    except Misconfigured as error:
        yield Finding(about="configuration", what=error.what, remedy=error.remedy)
        return
    found = list(of_configuration(config))
    yield from found or [
        _ok("configuration", f"{config.environment}, issuer {config.url}, {config.data_dir}")
    ]
    try:
        issuer = make_issuer(config)
    except Misconfigured:
        return
    try:
        yield from _opened(issuer)
    except Unavailable as error:
        yield Finding(
            about="database",
            what=str(error),
            remedy="Start the database, or correct `database_url`.",
        )
    finally:
        issuer.database.dispose()
    yield from _redis(issuer)
    yield from _reached(config)


def _opened(issuer: Issuer) -> Iterator[Finding]:
    theirs = health.clock(issuer.database)
    yield _ok("database", "SQLite" if issuer.database.embedded else "PostgreSQL")
    found = list(of_installation(issuer))
    yield from found or [_ok("keys", "the schema is current, every key and root is there and opens")]
    if theirs is not None and abs(issuer.clock() - theirs) > CLOCK_MAY_DIFFER:
        yield Finding(
            about="clock",
            what=f"This machine's clock differs from the database's by {abs(issuer.clock() - theirs)}.",
            remedy="Keep both by NTP; with more than 2 seconds between them this node is not ready.",
        )
    else:
        yield _ok("clock", "within 2 seconds of the database's")
    if any(each.level == "problem" for each in found):
        return
    with issuer.database.reading() as db:
        backed_up = reseal.is_backed_up(db, issuer.vault)
    if not backed_up:
        yield Finding(
            about="backup",
            level="warning",
            what="Nobody has said that the master key is backed up. Lost, it takes every key with it.",
            remedy="Keep a copy apart from the database's backups, then run `authserver secrets backed-up`.",
        )
    if not health.has_owner(issuer.database):
        yield Finding(
            about="owner",
            level="warning",
            what="There is no owner yet.",
            remedy="Open the link that `authserver serve` prints, or run `authserver users add E-MAIL --owner`.",
        )
    yield from mail_findings(issuer)
    trouble = issuer.places.trouble()
    if trouble:
        yield Finding(
            about="places",
            level="warning",
            what=f"The places of addresses are not known: {trouble}",
            remedy="Give `geoip_file` an MMDB file that this user may read, or take it out.",
        )
    yield from provider_findings(issuer)
    yield from client_findings(issuer)


def _redis(issuer: Issuer) -> Iterator[Finding]:
    if not issuer.config.redis_url:
        return
    trouble = redis_trouble(issuer)
    if trouble is None:
        yield _ok("Redis", "answers")
    else:
        yield Finding(
            about="Redis",
            level="warning",
            what=f"It does not answer, and the database counts in its place: {trouble}",
            remedy="Start Redis, or correct `redis_url`.",
        )


def _reached(config: Config) -> Iterator[Finding]:
    url = f"{config.url}/.well-known/openid-configuration"
    try:
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=PATIENCE) as answer:  # noqa: S310
            told = json.load(answer).get("issuer")
    except (URLError, OSError, ValueError, AttributeError) as error:
        yield Finding(
            about="issuer",
            level="warning" if config.is_development else "problem",
            what=f"{url} cannot be read from here: {error}",
            remedy="Start the server; then look at name service, proxy and certificate.",
        )
        return
    if told != config.url:
        yield Finding(
            about="issuer",
            what=f"{url} belongs to the issuer {told!r}, not to {config.url!r}.",
            remedy="Set `issuer` to the address that people and applications see, or correct the proxy.",
        )
        return
    yield _ok("issuer", f"{config.url} answers")


def _ok(about: str, what: str) -> Finding:
    return Finding(about=about, level="ok", what=what)
