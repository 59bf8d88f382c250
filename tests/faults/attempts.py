"""Racing attempts without a server: two processes, some threads each, all after the same thing at the same moment.

`python -m tests.faults.attempts NUMBER FOLDER` opens the installation that its environment leads to, reads the lists
of things, and takes part. What each process won goes to its standard output; `race` is the other end.
"""

import json
import mmap
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from authserver.app import create_app
from authserver.audit import SYSTEM
from authserver.clients.find import by_client_id
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.once import Ticket, open_ticket, peek, remember
from authserver.once import spend as spend_ticket
from authserver.store import Session, retrying
from authserver.tokens.grant import begin, load
from authserver.tokens.refresh import Presented, Retried, Reused, Rotated, settle, spend
from authserver.users.find import by_identifier
from tests.seeds import ADA
from tests.serve import PROJECT, Deployment, environment
from tests.signing import signed_in

PROCESSES, THREADS, TIMEOUT = 2, 8, 120
# After so many things everybody waits for everybody; in between nobody can be far ahead.
TOGETHER = 4
Attempt = Callable[[Issuer, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one kind of thing: `won` holds how many winners each had."""

    store: str
    what: str
    attempts: int
    things: int
    won: Mapping[int, int]
    by_process: tuple[int, ...] = ()
    seconds: float

    @property
    def violations(self) -> int:
        return sum(times for winners, times in self.won.items() if winners != 1)


def redeem(issuer: Issuer, code: str) -> bool:
    """What the redemption of a code asks: it is looked at, then spent."""
    now = issuer.clock()
    with issuer.database.writing_alone() as db:
        found = peek(db, issuer.roots, "code", code, now=now)
        return isinstance(found, Ticket) and spend_ticket(db, found, now=now)


def refresh(issuer: Issuer, coordinates: Sequence[Any]) -> bool:
    """What a refresh asks: the family is read, then moved; whoever was not first asks what became of it."""
    family, generation = coordinates
    client, now = by_client_id(issuer, "portal"), issuer.clock()
    assert client
    presented = Presented(grant=family, generation=generation)
    with issuer.database.writing_alone() as db:
        standing = load(db, client, family)
        assert standing
        if standing.grant.generation == generation and spend(
            db, issuer, client, presented, now, standing=generation
        ):
            return True
    with issuer.database.writing_fast() as db:
        outcome = settle(db, issuer, client, presented, now)
    match outcome:
        case Rotated(generation=successor) | Retried(generation=successor):
            assert successor == generation + 1, outcome
        case Reused():
            # Late is late, whether or not it is within the grace.
            pass
        case _:
            raise AssertionError(f"nobody has a generation after {generation}: {outcome}")
    return isinstance(outcome, Rotated)


def assertion(issuer: Issuer, jti: str) -> bool:
    """The statement that remembers a client assertion."""
    with issuer.database.writing() as db:
        return remember(db, "client_assertion", jti, issuer.clock() + timedelta(minutes=5))


ATTEMPTS: Mapping[str, Attempt] = {"code": redeem, "refresh token": refresh, "client assertion": assertion}


def race(deployment: Deployment, attempts: int) -> list[Result]:
    """So many attempts for each kind of thing; everything that they are after must have exactly one winner."""
    many = max(1, attempts // (PROCESSES * THREADS))
    folder = deployment.folder / f"race-{secrets.token_hex(4)}"
    folder.mkdir()
    with deployment.opened() as issuer:
        things = {what: made(issuer, what, many) for what in ATTEMPTS}
    (folder / "things").write_text(json.dumps(things), encoding="ascii")
    (folder / "turn").write_bytes(bytes(8 * PROCESSES))
    taking_part = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.attempts", str(number), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=environment(deployment.data, None, deployment.settings),
        )
        for number in range(PROCESSES)
    ]
    printed = [process.communicate()[0] for process in taking_part]
    assert [process.returncode for process in taking_part] == [0] * PROCESSES, "a contestant failed"
    said = [json.loads(text) for text in printed]
    return [result_of(deployment.store, what, [of_process[what] for of_process in said]) for what in ATTEMPTS]


def result_of(store: str, what: str, said: Sequence[tuple[list[int], float]]) -> Result:
    won = [of_process for of_process, _ in said]
    taken = [sum(each) for each in zip(*won, strict=True)]
    return Result(
        store=store,
        what=what,
        attempts=len(taken) * PROCESSES * THREADS,
        things=len(taken),
        won=Counter(taken),
        by_process=tuple(map(sum, won)),
        seconds=max(seconds for _, seconds in said),
    )


def made(issuer: Issuer, what: str, many: int) -> list[Any]:
    """What there is to win."""
    now = issuer.clock()
    if what == "client assertion":
        return [secrets.token_urlsafe(16) for _ in range(many)]
    with issuer.database.writing() as db:
        if what == "refresh token":
            family = family_of(db, issuer)
            return [(family, generation) for generation in range(many)]
        until = now + timedelta(hours=2)
        return [open_ticket(db, issuer.roots, "code", now=now, expires_at=until) for _ in range(many)]


def family_of(db: Session, issuer: Issuer) -> str:
    client, user, now = by_client_id(issuer, "portal"), by_identifier(db, ADA.email), issuer.clock()
    assert client
    assert user
    session, _ = signed_in(db, issuer, user)
    family = begin(
        db,
        issuer,
        client=client,
        user=user,
        authentication=session.authentication,
        session_expires_at=session.expires_at,
        scope=("openid", "offline_access"),
        by=SYSTEM,
        now=now,
    )
    assert family
    return family.id


class Turn:
    """Where each process is, in memory that they share: nobody runs ahead."""

    def __init__(self, folder: Path, me: int) -> None:
        with (folder / "turn").open("r+b") as file:
            self._at = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self._me = me

    def next(self) -> None:
        """One further, and come back when everybody is there."""
        number = self._at[self._me] = self._at[self._me] + 1
        ends = time.monotonic() + TIMEOUT
        while min(self._at) < number:
            time.sleep(0)
            assert time.monotonic() < ends, "the other process does not come"


def take_part(me: int, folder: Path) -> dict[str, tuple[list[int], float]]:
    """For each kind: how many winners each thing had among the threads of this process, and how long it took."""
    issuer = create_app(Config(background=False)).issuer
    turn = Turn(folder, me)
    given: Mapping[str, list[Any]] = json.loads((folder / "things").read_text(encoding="ascii"))
    return {what: of_kind(issuer, turn, what, things) for what, things in given.items()}


def of_kind(issuer: Issuer, turn: Turn, what: str, things: Sequence[Any]) -> tuple[list[int], float]:
    attempt = ATTEMPTS[what]
    start = threading.Barrier(THREADS, action=turn.next, timeout=TIMEOUT)
    began = time.monotonic()

    def run(_: int) -> list[bool]:
        found = []
        for number, thing in enumerate(things):
            if number % TOGETHER == 0:
                start.wait()
            found.append(retrying(lambda thing=thing: attempt(issuer, thing)))  # type: ignore[misc]
        return found

    with ThreadPoolExecutor(THREADS) as threads:
        won = [sum(each) for each in zip(*threads.map(run, range(THREADS)), strict=True)]
    return won, time.monotonic() - began


if __name__ == "__main__":
    print(json.dumps(take_part(int(sys.argv[1]), Path(sys.argv[2]))))
