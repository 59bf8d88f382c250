"""The tables of docs/proof/faults.md, and what stands around them."""

import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.attempts import Result
from tests.faults.harness import Row
from tests.serve import PROJECT

PAGE = PROJECT / "docs" / "proof" / "faults.md"
PROOF = PROJECT / "docs" / "proof.md"
HEAD = """\
| store | fault | requests | errors | no answer | slowest | sign-ins | codes | rotations | violations |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""
WON = """\
| store | what | attempts | things | won once | won otherwise | winners by process | attempts/s |
|---|---|--:|--:|--:|--:|--:|--:|
"""
INTRODUCTION = """\
# Nothing lost

Written by `{command}` on {date}, {machine}.

Clients (threads, one person and three browsers each) sign in by the pages, take codes by single sign-on, redeem and
refresh them as fast as they are answered, through a balancer that minds `/readyz`. They remember every answer and
every request that got none, and ask again until they get one. Meanwhile something dies. Afterwards each session must
stand, each family must give its next token, and the database must hold what the notes say: no code and no
generation was answered twice, no token was issued twice, no answered grant or session is unknown or has ended, no
code is spent that nobody has, unless its answer is one of those that were lost.

*Errors* are answers of 500 and above, most of them 503 with `Retry-After` (and the balancer's 502 while no node
listens); *no answer* is a connection that broke. Each of them is one request, which its client repeated.

"""
RACES = """
## Once means once

Two processes with {threads} threads each go after the same code, refresh token or client assertion at the same
moment, by the statements that the endpoints use; the share over HTTP is sent as {volley} requests whose last bytes
leave together. Exactly one wins each.

"""
LIMITS = """
## What this does not promise

* A code whose redemption was written and whose answer was lost is gone: its app asks for another one.
* A refresh token that is presented again within the grace (`refresh_grace`, 10 s) gets the same successor. An app
  that repeats a request later than that, or goes on with the successor while its first request is still under way
  somewhere, looks like a thief, and its family ends. So an app waits longer for an answer than a node may pause.
* With one node there is nobody else while it starts again: those requests get the balancer's 502.
"""


def table(rows: Sequence[Row]) -> str:
    return "".join(
        f"| {row.store} | {row.fault} | {row.requests:,} | {row.errors:,} | {row.unanswered:,} |"
        f" {row.slowest:.1f} s | {row.sign_ins:,} | {row.codes:,} | {row.rotations:,} | {len(row.violations)} |\n"
        for row in rows
    )


def races(results: Sequence[Result]) -> str:
    return "".join(
        f"| {result.store} | {result.what} | {result.attempts:,} | {result.things:,} | {result.won.get(1, 0):,} |"
        f" {result.violations} | {' + '.join(f'{each:,}' for each in result.by_process) or 'all'} |"
        f" {result.attempts / result.seconds:,.0f} |\n"
        for result in results
    )


def page(rows: Sequence[Row], results: Sequence[Result], *, threads: int, volley: int) -> str:
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return (
        INTRODUCTION.format(command=command(), date=date, machine=machine())
        + HEAD
        + table(rows)
        + RACES.format(threads=threads, volley=volley)
        + WON
        + races(results)
        + LIMITS
    )


def summary(rows: Sequence[Row], results: Sequence[Result]) -> str:
    """The two tables with date and machine, for the page that has the figures of speed as well."""
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return "\n".join(
        (f"Run by `{command()}` on {date}, {machine()}.\n", HEAD + table(rows), WON + races(results))
    ).rstrip()


def command() -> str:
    """What writes this page again; a shorter run says that it was one."""
    return f"python -m tests.faults {' '.join(sys.argv[1:])}" if sys.argv[1:] else "make faults"


def machine() -> str:
    """What it ran on, without a name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release().partition('-')[0]},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {version_of_postgresql()},"
        f" data on {file_system()}"
    )


def file_system() -> str:
    """What lies under the databases: attempts a second say little without it."""
    asked = ["stat", "--file-system", "--format=%T", tempfile.gettempdir()]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def version_of_postgresql() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        return "PostgreSQL"
    said = subprocess.run([found[-1], "--version"], capture_output=True, text=True, check=True).stdout
    return "PostgreSQL " + said.split()[2]
