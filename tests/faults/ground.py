"""Where things are taken away: nodes behind a balancer that minds their readiness, a database behind a slow way."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit, urlunsplit

from authserver.audit import SYSTEM
from authserver.factors.password import hash_password
from authserver.users import edit as users
from tests.faults.slow import SlowWay
from tests.oidc import Person
from tests.peers.postgresql import PostgreSQL
from tests.peers.process import wait_until
from tests.peers.redis import Redis
from tests.proxy import Proxy
from tests.serve import READY_WITHIN, Clock, Deployment, Node, Seed

DRAIN_SECONDS = 1
LOOKED_EVERY = 0.1
WORKERS = 2


@dataclass(slots=True)
class Balancer:
    """Asks each node whether it is ready, and sends requests only to those that are; to all, when none is.

    A request under way is not cut.
    """

    proxy: Proxy
    nodes: list[Node]
    minds: bool = True
    _ready: dict[int, bool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for node in self.nodes:
            self._threads.append(threading.Thread(target=self._mind, args=[node.port], daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _mind(self, port: int) -> None:
        while not self._ended.wait(LOOKED_EVERY):
            ready = is_ready(port)
            with self._lock:
                self._ready[port] = ready
                ports = [node.port for node in self.nodes]
                found = [each for each in ports if self._ready.get(each, True)] if self.minds else ports
                self.proxy.nodes = found or ports


def is_ready(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=1.5)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


@dataclass(slots=True, kw_only=True)
class Ground:
    """The product, and everything that can be taken from it."""

    deployment: Deployment
    balancer: Balancer
    server: PostgreSQL | None = None
    redis: Redis | None = None
    way: SlowWay | None = None
    database: str = ""
    people: list[Person] = field(default_factory=list)
    # Codes that somebody held in an earlier round.
    held: set[str] = field(default_factory=set)

    @property
    def nodes(self) -> list[Node]:
        return self.deployment.nodes

    @property
    def name(self) -> str:
        return "PostgreSQL + Redis, 2 nodes" if self.server else "SQLite, 1 node"

    @property
    def url(self) -> str:
        """The database, past the slow way."""
        if self.server is None:
            return f"sqlite:///{self.deployment.data}/authserver.db"
        return self.server.url(self.database)

    def wait_until_well(self) -> None:
        for node in self.nodes:
            wait_until(lambda node=node: is_ready(node.port), "the node is ready")  # type: ignore[misc]

    def add_people(self, many: int) -> None:
        """Each has a name and a password of their own."""
        with self.deployment.opened() as issuer:
            password = "Whatever dies, nothing is lost"
            phc = hash_password(issuer, password)
            for number in range(many):
                email = f"person-{number}@example.org"
                with issuer.database.writing() as db:
                    about = {"email": email, "email_verified": True, "name": f"Person {number}"}
                    made = users.add(db, issuer, about, by=SYSTEM)
                    users.set_password(db, issuer, made.id, phc, by=SYSTEM)
                self.people.append(Person(email=email, password=password))


@contextmanager
def ground(seed: Seed, deployment: Deployment, redis: Redis | None, *, people: int) -> Iterator[Ground]:
    """Nodes with a clock each, on a deployment that has none yet."""
    with ExitStack() as stack:
        way = None
        url = deployment.settings.get("AUTHSERVER_DATABASE_URL", "")
        if seed.server:
            way = SlowWay(to=seed.server.port)
            way.start()
            stack.callback(way.close)
            deployment.settings["AUTHSERVER_DATABASE_URL"] = urlunsplit(
                urlsplit(url)._replace(netloc=f"authserver@127.0.0.1:{way.port}")
            )
        balancer = Balancer(deployment.proxy, deployment.nodes)
        made = Ground(
            deployment=deployment,
            balancer=balancer,
            server=seed.server,
            redis=redis,
            way=way,
            database=urlsplit(url).path.strip("/"),
        )
        made.add_people(people)
        add_nodes(deployment, 2 if seed.server else 1)
        for node in deployment.nodes:
            stack.callback(wake, node)
        deployment.proxy.nodes = deployment.ports
        balancer.start()
        stack.callback(balancer.close)
        yield made


def add_nodes(deployment: Deployment, many: int) -> None:
    """Nodes on one data folder (in a cluster they only read it), started at once."""
    for number in range(many):
        node = Node(
            data=deployment.data,
            log=deployment.folder / f"node-{number}.log",
            settings=deployment.settings
            | {
                "AUTHSERVER_NODE_NAME": f"node-{number}",
                "AUTHSERVER_NODES": str(many),
                "AUTHSERVER_WORKERS": str(WORKERS),
                "AUTHSERVER_DRAIN_SECONDS": str(DRAIN_SECONDS),
            },
            clock=Clock(deployment.folder / f"clock-{number}"),
        )
        deployment.nodes.append(node)
        node.launch()
    for node in deployment.nodes:
        try:
            wait_until(lambda node=node: is_ready(node.port), "the node is ready", within=READY_WITHIN)  # type: ignore[misc]
        except TimeoutError as error:
            raise AssertionError(f"{error}:\n{node.said()[-4000:]}") from error


def signal_all(node: Node, what: signal.Signals) -> None:
    if node.process is not None and node.process.poll() is None:
        os.killpg(node.process.pid, what)


def wake(node: Node) -> None:
    signal_all(node, signal.SIGCONT)
