"""What can be wrong with an installation, each with what to do. `doctor` prints it; production refuses to start."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from authserver.audit import SYSTEM, record
from authserver.audit.events import SecretsChanged
from authserver.config import Config
from authserver.errors import AuthserverError, Misconfigured
from authserver.issuer import Issuer
from authserver.keys import master, roots
from authserver.keys.keyring import ALGS
from authserver.store import health, schema
from authserver.vault import CannotOpen

Level = Literal["ok", "warning", "problem"]
FLOORS = {"authlib": (1, 9), "joserfc": (1, 6, 3)}
OTHERS_MAY_READ = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    about: str
    level: Level = "problem"
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that production does not start with."""

    about: str
    broken: Callable[[Config, Mapping[str, str]], bool]
    what: str
    remedy: str


# OPS-1 and KEY-6, as far as the configuration alone can break them.
PRODUCTION = (
    Rule(
        "issuer",
        lambda config, _: not config.issuer.startswith("https://"),
        "The issuer is not an https URL.",
        "Set `issuer` to the address that people and applications see, such as https://login.example.org.",
    ),
    Rule("debug", lambda config, _: config.debug, "`debug` is on.", "Remove it."),
    Rule(
        "database",
        lambda config, _: config.nodes > 1 and config.database.startswith("sqlite"),
        "Several nodes cannot share an SQLite file.",
        "Set `database_url` to a PostgreSQL database, or `nodes` to 1.",
    ),
    Rule(
        "database",
        lambda config, _: config.database.rstrip("/") == "sqlite:" or ":memory:" in config.database,
        "The database is in memory: signing keys and sessions would end with the process.",
        "Remove `database_url`, or set it to a file or a PostgreSQL database.",
    ),
    Rule(
        "environment",
        lambda _, environ: bool(environ.get("AUTHLIB_INSECURE_TRANSPORT")),
        "AUTHLIB_INSECURE_TRANSPORT is set.",
        "Remove it from the environment.",
    ),
    Rule(
        "proxy",
        lambda config, _: config.trusted_proxies == 0,
        "TLS ends at a proxy before this server, and no proxy is trusted: addresses of people would be the proxy's.",
        "Set `trusted_proxies` to the number of proxies that add to X-Forwarded-For, usually 1.",
    ),
)


def of_configuration(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at what is known before anything is opened."""
    yield from _versions()
    if not config.is_development:
        for rule in PRODUCTION:
            if rule.broken(config, environ):
                yield Finding(about=rule.about, what=rule.what, remedy=rule.remedy)
    yield from _master_key(config)


def of_installation(issuer: Issuer) -> Iterator[Finding]:
    """Look at the database and the keys in it; each finding that is not ok stops production."""
    found = schema.current(issuer.database)
    if schema.is_pending(found):
        yield Finding(
            about="migrations",
            what=f"The database has schema {found or 'none'}, and this version needs {schema.REQUIRED}.",
            remedy="Run `authserver db upgrade`.",
        )
        return
    trouble = health.write_trouble(
        issuer.database, lambda db: record(db, SecretsChanged(act="checked"), by=SYSTEM, at=issuer.clock())
    )
    if trouble:
        yield Finding(
            about="audit",
            what=f"Audit events cannot be written: {trouble}",
            remedy="Let the database user write to audit_events, and see that the disk is not full.",
        )
    yield from _keys(issuer)


def refuse(problems: list[Finding]) -> None:
    """Refuse to start, with every problem at once."""
    if problems:
        lines = "\n".join(f"  - {problem.what}\n    → {problem.remedy}" for problem in problems)
        raise Misconfigured(
            f"This installation cannot start:\n{lines}", "`authserver doctor` looks at everything again."
        )


def _versions() -> Iterator[Finding]:
    for name, floor in FLOORS.items():
        version = metadata.version(name)
        if tuple(int(part) for part in version.split(".")[:3] if part.isdigit()) < floor:
            wanted = ".".join(map(str, floor))
            yield Finding(
                about="versions",
                what=f"{name} {version} is installed, and has known holes.",
                remedy=f"Install {name} {wanted} or newer.",
            )


def _master_key(config: Config) -> Iterator[Finding]:
    try:
        master.read(config)
    except Misconfigured as error:
        yield Finding(about="master key", what=error.what, remedy=error.remedy)
        return
    if not config.master_key and config.master_key_path.stat().st_mode & OTHERS_MAY_READ:
        yield Finding(
            about="master key",
            level="warning",
            what=f"Others on this machine may read {config.master_key_path}.",
            remedy=f"chmod 600 {config.master_key_path}",
        )


def _keys(issuer: Issuer) -> Iterator[Finding]:
    try:
        missing = [alg for alg in ALGS if alg not in issuer.keyring.algs]
        missing += [purpose for purpose in roots.PURPOSES if not issuer.roots.known(purpose)]
    except (AuthserverError, CannotOpen) as error:
        yield Finding(
            about="keys",
            what=f"What is sealed in the database does not open: {error}",
            remedy="Give the master key that this database was made with; older versions beside newer ones.",
        )
        return
    if missing:
        yield Finding(
            about="keys",
            what=f"There is no active key or root for {', '.join(missing)}.",
            remedy="Run `authserver init`, which makes what is missing.",
        )
