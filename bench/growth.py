"""What a request costs when a thousand people are known, and when a million are: it must be the same."""

import mmap
import secrets
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from authserver.app import create_app
from authserver.config import Config
from authserver.tokens.refresh import mint
from bench.endpoints import FULL_SCOPE, OK, tokens_of
from bench.rounds import Measured, Pace, measure
from bench.sides import API, PEOPLE, Side, ours
from bench.signing_in import sign_in
from bench.wire import Flow, Operation, asking, post
from tests.oidc import Person

FEW, MANY = 1_000, 1_000_000
LOCKED = 0x2000  # MAP_LOCKED of Linux, which Python does not name
CONNECTIONS = 6
PAIRS = 5
FAMILIES = 400_000  # more than a measurement uses up
# What the hash costs would hide what the database costs.
CHEAP = (("settings", "set", "argon2_memory", "8"), ("settings", "set", "argon2_time", "1"))
# New values for what must differ in each copy of a row; everything else is the first person's.
COPIES: Mapping[str, Mapping[str, str]] = {
    "users": {
        "id": "new(id)",
        "subject": "'bulk' || n",
        "username": "'bulk' || n",
        "username_key": "'bulk' || n",
    },
    "passwords": {"user_id": "new(user_id)"},
    "user_emails": {
        "id": "new(id)",
        "user_id": "new(user_id)",
        "address": "'bulk' || n || '@example.org'",
        "address_key": "'bulk' || n || '@example.org'",
        # Whoever has an address is told of a sign-in by mail, but not twice in an hour: that goes by how seldom each of
        # so many signs in, not by how many there are.
        "verified_at": "NULL",
    },
    "seen_places": {"user_id": "new(user_id)"},
    "sso_sessions": {
        "id": "new(id)",
        "user_id": "new(user_id)",
        "handle_digest": "randomblob(32)",
        "previous_digest": "NULL",
        "authentication": "replace(replace(authentication, user_id, new(user_id)), id, new(id))",
    },
    "grants": {
        "id": "new(id)",
        "user_id": "new(user_id)",
        "session_id": "new(session_id)",
        "authentication": "replace(replace(authentication, user_id, new(user_id)), session_id, new(session_id))",
    },
}
OF_PERSON = ("passwords", "user_emails", "seen_places")
PERSON = ("users", *OF_PERSON)
NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What an operation costs the server's core among many, as a multiple of what it costs among few, for each pair."""

    refresh: list[float]
    sign_in: list[float]


def measured(folder: Path, pace: Pace) -> Growth:
    """Two servers side by side in turns, one with a thousand families, people and sessions, one with a million.

    Each pair of processes has its memory somewhere else, and differs from the next by more than rounds do.
    """
    folder.mkdir()
    with ExitStack() as stack:
        sides = [stack.enter_context(_grown(folder / str(size), size)) for size in (FEW, MANY)]
        places = [folder / str(size) / "data" for size in (FEW, MANY)]
        pairs = list(zip(sides, places, (FEW, MANY), strict=True))
        refreshed = [_refreshes(side, data, size) for side, data, size in pairs]
        signed = [_sign_ins(side, size) for side, _, size in pairs]
        # In this order: a sign-in leaves rows behind, more for each of a thousand people than for each of a million.
        return Growth(refresh=_pairs(sides, refreshed, pace), sign_in=_pairs(sides, signed, pace))


def _pairs(sides: Sequence[Side], prepared: Sequence[Sequence[Flow]], pace: Pace) -> list[float]:
    found = []
    for _ in range(PAIRS):
        for side in sides:
            side.restart()
        found.append(_times(measure(sides, prepared, pace)))
    return found


def _times(measured: Sequence[Measured]) -> float:
    few, many = (each.each_cpu_microseconds for each in measured)
    return median(of_many / of_few for of_many, of_few in zip(many, few, strict=True))


@contextmanager
def _grown(folder: Path, size: int) -> Iterator[Side]:
    folder.mkdir()
    with ours(folder, first=CHEAP) as side:
        tokens_of(side, PEOPLE[0], asking(side.port), FULL_SCOPE, API)
        with closing(sqlite3.connect(folder / "data" / "authserver.db", timeout=60)) as file:
            _fill(file, size)
        with _held(folder / "data" / "authserver.db"):
            yield side


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep a file in memory: what is measured is the server, not what the kernel throws out meanwhile."""
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        try:
            stack.enter_context(
                mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED | LOCKED, prot=mmap.PROT_READ)
            )
        except OSError as error:
            print(f"{path} is not held in memory: {error}", file=sys.stderr)
        yield


def _fill(file: sqlite3.Connection, size: int) -> None:
    """Copy the first person, with session and family, so often."""
    found = file.execute(
        "SELECT user_id, session_id, id FROM grants ORDER BY granted_at DESC LIMIT 1"
    ).fetchone()
    rows = dict.fromkeys(PERSON, found[0]) | {"sso_sessions": found[1], "grants": found[2]}
    copy_first(file, rows, size)


def copy_first(file: sqlite3.Connection, rows: Mapping[str, str], size: int) -> None:
    """Copy these rows so often, each with a person of its own."""
    # As long as ours, and in the order of their making, as ours are.
    file.create_function("numbered", 2, lambda old, n: f"{old[:12]}{n:020x}", deterministic=True)
    for table in rows:
        changed = COPIES[table]
        columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
        values = ", ".join(_copied(changed.get(column, column)) for column in columns)
        key = "user_id" if table in OF_PERSON else "id"
        file.execute(
            f"{NUMBERS} INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM numbers, {table} "  # noqa: S608
            f"WHERE {table}.{key} = ?",
            (size, rows[table]),
        )
    file.commit()
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copied(value: str) -> str:
    for column in ("session_id", "user_id", "id"):
        value = value.replace(f"new({column})", f"numbered({column}, n)")
    return value


def _refreshes(side: Side, data: Path, size: int) -> list[Flow]:
    """Each refresh is of another family, anywhere in the table."""
    tokens = iter(_tokens(data, size))
    path, credentials = side.path("token_endpoint"), side.credentials

    def one() -> Operation:
        form = {"grant_type": "refresh_token", "resource": API, "refresh_token": next(tokens)}
        (yield post(side.host, path, form, credentials)).expect(OK)

    return [one] * CONNECTIONS


def _tokens(data: Path, size: int) -> list[str]:
    """What the families' clients hold, with the generations in turn where there are fewer families than needed."""
    with closing(sqlite3.connect(data / "authserver.db", timeout=60)) as file:
        families = [row[0] for row in file.execute("SELECT id FROM grants")]
    secrets.SystemRandom().shuffle(families)
    app = create_app(Config(data_dir=data, background=False))
    try:
        return [
            mint(app.issuer.roots, families[n % len(families)], n // len(families)) for n in range(FAMILIES)
        ]
    finally:
        app.close()


def _sign_ins(side: Side, size: int) -> list[Flow]:
    """Each sign-in is of another person."""
    return [_somebody(side, size) for _ in range(CONNECTIONS)]


def _somebody(side: Side, size: int) -> Flow:
    def one() -> Operation:
        name = f"bulk{secrets.randbelow(size)}"
        yield from sign_in(side, Person(email=name, password=PEOPLE[0].password))()

    return one
