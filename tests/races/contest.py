"""Threads of several processes that do one thing at the same moment, on one database and without a server.

`python -m tests.races.contest` reads how to open the installation, then rounds; of each it prints what every
one of its threads got. `Contest` is the other end: it starts two such processes, and lets them go together.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from authserver.app import create_app
from authserver.audit import SYSTEM
from authserver.authentication import Kind, Proof, UserId
from authserver.config import Config
from authserver.errors import Refusal
from authserver.factors import totp
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.keys import rotation
from authserver.login import passwords, recovery
from authserver.login.completion import Visitor, complete
from authserver.login.transaction import advance
from authserver.once import consume, remember
from authserver.opaque import digest, new_id
from authserver.store import Session, retrying
from authserver.store.locks import take_lease
from authserver.transaction import Purpose, Transaction
from authserver.users import find, first
from tests.races.volley import THREADS, TIMEOUT
from tests.serve import PROJECT, environment

PROCESSES = 2
PHC = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$YmFkYmFkYmFkYmFkYmFkYmFkYmFkYmFk"
Given = Mapping[str, Any]
Act = Callable[[Session, Issuer, Given, str], Any]


def spend(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Spend a ticket, as the redemption of a code does."""
    found = consume(db, issuer.roots, given["kind"], given["key"], given["answer"], now=issuer.clock())
    kept = asdict(found) if type(found).__name__ == "Wrong" else {}
    return [type(found).__name__, kept.get("attempts_left")]


def keep(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Remember what somebody else handed us for one use."""
    return remember(db, given["kind"], given["value"], issuer.clock() + timedelta(minutes=1))


def own(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Become the first owner; everybody under an address of their own."""
    about = {"email": f"{who}@{given['round']}.example", "name": who}
    made = first.make(db, issuer, given["ticket"], about, PHC, by=SYSTEM)
    return None if made is None else made.id


def lead(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Take the lease of a job."""
    now = issuer.clock()
    return take_lease(db, given["job"], who, now=now, until=now + timedelta(minutes=10))


def publish(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Publish the key that will sign next."""
    found = rotation.publish_next(
        db, issuer.vault, given["alg"], settings=issuer.settings, now=issuer.clock(), by=SYSTEM
    )
    return found.kid


def activate(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Let it sign."""
    now = issuer.clock()
    try:
        return rotation.activate_now(db, given["alg"], settings=issuer.settings, now=now, by=SYSTEM).kid
    except Refusal as refusal:
        return refusal.code


def prove(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Answer a second step with this code; everybody in a login of their own, unless one is named."""
    factor, tx = factors(issuer)[given["factor"]], login(issuer, given, who)
    answer = {"code": given["code"]}
    account = factor.whom(db, issuer, tx, answer, None)
    return type(factor.settle(db, issuer, tx, account, factor.examine(issuer, tx, account, answer))).__name__


def send(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Have a code sent."""
    try:
        factors(issuer)[given["factor"]].send(db, issuer, login(issuer, given, who), by=SYSTEM)
    except Refusal as refused:
        return type(refused).__name__
    return "sent"


def login(issuer: Issuer, given: Given, who: str) -> Transaction:
    now = issuer.clock()
    return Transaction(
        id=given.get("login") or new_id(),
        purpose=Purpose.SIGN_IN,
        request={},
        browser=who.encode(),
        created_at=now,
        expires_at=now + timedelta(minutes=5),
        user=UserId(given["user"]),
    )


def set_up(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Confirm the app that is being set up."""
    return type(totp.confirm(db, issuer, UserId(given["user"]), given["enrolling"], given["code"])).__name__


def enter(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Open a session for somebody who has proved everything; everybody in a login of their own."""
    now, user = issuer.clock(), UserId(given["user"])
    tx = Transaction(
        id=new_id(),
        purpose=Purpose.SIGN_IN,
        request={},
        browser=digest(who),
        created_at=now,
        expires_at=now + timedelta(minutes=5),
    )
    proof = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=now)
    epoch = find.load(db, user).epoch
    proved = advance(db, issuer, tx, user=user, epoch=epoch, proof=proof, now=now)
    visitor = Visitor(browser=tx.browser, device=None, session=None, by=SYSTEM)
    return type(complete(db, issuer, proved, visitor)).__name__ if proved else None


def step(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Take the next step of one login, as whoever saw it at this version."""
    now, user = issuer.clock(), UserId(given["user"])
    tx = Transaction(
        id=given["login"],
        purpose=Purpose.SIGN_IN,
        request={},
        browser=digest("one browser"),
        created_at=now,
        expires_at=now + timedelta(minutes=5),
        version=given["version"],
    )
    proof = Proof(factor=who, amr=("pwd",), kind=Kind.KNOWLEDGE, at=now)
    moved = advance(db, issuer, tx, user=user, epoch=find.load(db, user).epoch, proof=proof, now=now)
    return moved.version if moved else None


def reset(db: Session, issuer: Issuer, given: Given, who: str) -> Any:
    """Set a password by the link; everybody one of their own."""
    chosen = passwords.Chosen(phc=f"{PHC}{who.encode().hex()}", stands=given["stands"])
    found = recovery.spend(db, issuer, given["ticket"], chosen, by=SYSTEM)
    return chosen.phc if found else None


ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (spend, keep, own, lead, publish, activate, prove, send, set_up, enter, step, reset)
}


class Contest:
    """Two processes that wait for the next round."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes
        for process in processes:
            assert self._line(process) == "ready"

    def round(self, act: str, **given: Any) -> list[Any]:
        """What each of the 32 threads got."""
        line = json.dumps({"act": act, **given}) + "\n"
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
        return [result for process in self._processes for result in self._line(process)]

    def _line(self, process: subprocess.Popen[str]) -> Any:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"a contestant ended with {process.wait()}"
        return json.loads(line)


@contextmanager
def contest(data: Path, settings: Mapping[str, str]) -> Iterator[Contest]:
    """A contest on this installation."""
    started: list[subprocess.Popen[str]] = []
    try:
        for number in range(PROCESSES):
            started.append(  # noqa: PERF401 - each that was started is ended
                subprocess.Popen(
                    [sys.executable, "-m", "tests.races.contest", f"process-{number}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=PROJECT,
                    env=environment(data, None, settings),
                )
            )
        yield Contest(started)
    finally:
        for process in started:
            process.kill()
            process.communicate()


def contend(name: str) -> None:
    """The other end: one line in, one line out."""
    issuer = create_app(Config(background=False)).issuer
    many = THREADS // PROCESSES
    go = threading.Barrier(many, timeout=TIMEOUT)

    def attempt(act: Act, given: Given, who: str) -> Any:
        with issuer.database.writing() as db:
            return act(db, issuer, given, who)

    def one(number: int, given: Given) -> Any:
        issuer.roots  # noqa: B018 - nobody reads keys when it begins
        go.wait()
        return retrying(lambda: attempt(ACTS[given["act"]], given, f"{name}-{number}"))

    with ThreadPoolExecutor(many) as threads:
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            given = json.loads(line)
            print(json.dumps(list(threads.map(one, range(many), [given] * many))), flush=True)


if __name__ == "__main__":
    contend(sys.argv[1])
