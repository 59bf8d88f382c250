"""One round: clients work, a fault goes on, all is well again, and the notes are held against the database."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import trouble
from tests.faults.check import violations
from tests.faults.clients import Client
from tests.faults.ground import Ground, ground
from tests.faults.line import Line
from tests.faults.notes import Notes
from tests.faults.trouble import Fault
from tests.peers.redis import Redis
from tests.seeds import party
from tests.serve import Seed, deployed

CLIENTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table."""

    store: str
    fault: str
    requests: int
    errors: int
    unanswered: int
    slowest: float
    sign_ins: int
    codes: int
    rotations: int
    violations: tuple[str, ...]
    said: tuple[str, ...]


def faults_of(ground: Ground) -> dict[str, Fault]:
    return {**trouble.EVERYWHERE, **(trouble.ON_SERVERS if ground.server else trouble.ON_ONE_NODE)}


@contextmanager
def prepared(seed: Seed, folder: Path, redis: Redis | None) -> Iterator[Ground]:
    """The product on a copy of the seed: two nodes on servers, one on SQLite."""
    with ExitStack() as stack:
        deployment = stack.enter_context(deployed(seed, folder, nodes=0, redis=redis.url if redis else ""))
        yield stack.enter_context(ground(seed, deployment, redis, people=CLIENTS))


def endure(ground: Ground, name: str, seconds: float, *, pace: float = 0.0) -> Row:
    """Let clients work while this fault goes on, and look what became of what they hold.

    `pace` is how long a client rests between two things that it does.
    """
    stopped = threading.Event()
    with Line(origin=ground.deployment.issuer).open() as line:
        party(ground.deployment, "portal").metadata  # noqa: B018  read once, while all is well
        clients = [
            Client(ground.deployment, person, stopped, party(ground.deployment, "portal"), pace)
            for person in ground.people
        ]
        for client in clients:
            client.party.metadata  # noqa: B018
        at_work = [threading.Thread(target=client.run) for client in clients]
        for thread in at_work:
            thread.start()
        try:
            time.sleep(min(1.0, seconds / 4))
            faults_of(ground)[name](ground, time.monotonic() + seconds)
        finally:
            stopped.set()
            for thread in at_work:
                thread.join()
        during = (line.requests, line.errors, line.unanswered, line.slowest)
        ground.wait_until_well()
        for client in clients:
            client.settle()
        line.said += [f"afterwards: {line.errors - during[1]} errors"] * (line.errors > during[1])
    notes = Notes()
    for client in clients:
        notes.add(client.notes)
    broken = violations(ground.deployment, notes, ground.held)
    ground.held |= notes.codes.keys()
    return Row(
        store=ground.name,
        fault=name,
        requests=during[0],
        errors=during[1],
        unanswered=during[2],
        slowest=during[3],
        sign_ins=len(notes.seats),
        codes=len(notes.codes),
        rotations=notes.rotations,
        violations=tuple(broken),
        said=tuple(line.said),
    )
