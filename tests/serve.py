"""The product as it runs: `authserver serve` in processes of its own, on one node or several."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Literal

import psycopg

from authserver.app import create_app
from authserver.config import Config
from authserver.issuer import Issuer
from tests.peers.certificates import Certificates
from tests.peers.postgresql import PostgreSQL
from tests.peers.process import free_port, wait_until
from tests.proxy import Proxy

Store = Literal["sqlite", "postgresql"]
PROGRAM = Path(sys.executable).parent / "authserver"
PROJECT = Path(__file__).resolve().parent.parent
CLOCK_FOLDER = PROJECT / "tests" / "clock"
READY_WITHIN = 20.0


class CommandFailedError(Exception):
    """`authserver …` said no; the exception's text is what it said."""

    def __init__(self, command: str, status: int, said: str) -> None:
        super().__init__(f"{command} ended with {status}:\n{said}")
        self.status = status
        self.said = said


@dataclass(slots=True)
class Clock:
    """The time of the processes started with it: the machine's and an offset, or a moment that stands."""

    path: Path
    offset: float = 0.0
    standing: float | None = None

    def __post_init__(self) -> None:
        self.set(self.offset)

    def set(self, offset: float) -> None:
        """So many seconds ahead of the machine's clock."""
        self.offset, self.standing = offset, None
        self._write(f"{offset:+}")

    def advance(self, seconds: float) -> None:
        """Let time pass: it runs on from there."""
        self.set(self.offset + seconds)

    def stand(self, at: float) -> None:
        """Time stands at this moment, in seconds since 1970, until it is set again."""
        self.offset, self.standing = at - time.time(), at
        self._write(f"={at}")

    def now(self) -> float:
        """What the product takes the time to be."""
        return time.time() + self.offset if self.standing is None else self.standing

    def _write(self, text: str) -> None:
        # A new file each time: a process never reads half of one, and its stamp surely changes.
        new = self.path.with_suffix(".new")
        new.write_text(text, encoding="ascii")
        new.rename(self.path)


def environment(data: Path, clock: Clock | None, settings: Mapping[str, str]) -> dict[str, str]:
    """What a process of the product is given, and nothing of ours beside it."""
    made = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    made |= {"LC_ALL": "C.UTF-8", "AUTHSERVER_DATA_DIR": str(data), **settings}
    # What stands beside these tests is what they are about, wherever the command was installed from.
    made["PYTHONPATH"] = str(PROJECT)
    if clock is not None:
        made |= {"PYTHONPATH": f"{CLOCK_FOLDER}:{PROJECT}", "TESTS_CLOCK_FILE": str(clock.path)}
    return made


def cli(
    data: Path,
    *arguments: str,
    typed: str | None = None,
    clock: Clock | None = None,
    settings: Mapping[str, str] | None = None,
) -> Any:
    """Run `authserver …` on a data folder; its JSON where it prints any, else its text."""
    result = subprocess.run(
        [PROGRAM, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(data, clock, settings or {}),
    )
    if result.returncode:
        raise CommandFailedError(
            f"authserver {' '.join(arguments)}", result.returncode, result.stderr + result.stdout
        )
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def commands(
    data: Path, typed: Sequence[tuple[Sequence[str], str | None]], settings: Mapping[str, str]
) -> list[Any]:
    """Run several commands on a data folder, each with what is typed into it; as `cli` does, but quickly."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.commands"],
        input=json.dumps(typed),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=PROJECT,
        env=environment(data, None, settings),
    )
    if result.returncode:
        raise CommandFailedError("authserver …", result.returncode, result.stderr + result.stdout)
    said = json.loads(result.stdout)
    return [
        json.loads(text) if "--json" in arguments else text
        for (arguments, _), text in zip(typed, said, strict=True)
    ]


@dataclass(slots=True, kw_only=True)
class Node:
    """One `authserver serve` with its workers, on a port of 127.0.0.1."""

    data: Path
    log: Path
    settings: dict[str, str]
    clock: Clock | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and come back when it is ready."""
        self.launch()
        wait_until(self._is_ready_or_ended, f"node on port {self.port}", within=READY_WITHIN)
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"`authserver serve` ended at its start:\n{self.said()}")

    def launch(self) -> None:
        """Start, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment(
                    self.data, self.clock, self.settings | {"AUTHSERVER_BIND": f"127.0.0.1:{self.port}"}
                ),
            )

    def stop(self, *, within: float = 35.0) -> int:
        """Ask it to end, as a service manager does; its exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        status = self.process.wait(within)
        self.process = None
        return status

    def kill(self) -> None:
        """kill -9 for the node and all of its workers."""
        if self.process is not None:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            # Its workers have their socket for a moment longer.
            wait_until(lambda: not self.is_listening(), f"nobody listens on {self.port} any more")
            self.process = None

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        if self.process is None:
            return []
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        lines = {int(child): command_line(int(child)) for child in children}
        # One that was killed has no command line any more, though its parent may not have noticed.
        return [child for child, line in lines.items() if line and b"resource_tracker" not in line]

    def is_listening(self) -> bool:
        """Whether its port takes connections."""
        with open("/proc/net/tcp", encoding="ascii") as file:  # noqa: PTH123
            sockets = [line.split()[1:4] for line in file.readlines()[1:]]
        address = f"0100007F:{self.port:04X}"
        return any(local == address and state == "0A" for local, _, state in sockets)

    def kill_worker(self, pid: int | None = None) -> None:
        """kill -9 for one worker; comes back when it is gone."""
        pid = pid or self.workers()[0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.workers(), f"worker {pid} is gone")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask this node, past the balancer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        # With a clock of our own it differs from the database's, and says so.
        path = "/healthz" if self.clock and abs(self.clock.offset) > 1 else "/readyz"
        try:
            return self.get(path)[0] == 200
        except (OSError, HTTPException):
            return False

    def _is_ready_or_ended(self) -> bool:
        return self.is_ready() or (self.process is not None and self.process.poll() is not None)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A data folder and a database made once, with people and clients in it, that deployments copy."""

    store: Store
    folder: Path
    server: PostgreSQL | None = None
    template: str = ""

    @contextmanager
    def copied(self, folder: Path) -> Iterator[dict[str, str]]:
        """A copy of its own; the settings that lead to it."""
        shutil.copytree(self.folder, folder)
        if self.server is None:
            yield {}
            return
        name = self.server.create(self.template)
        try:
            yield {"AUTHSERVER_DATABASE_URL": self.server.url(name)}
        finally:
            if self.server.is_up:
                self.server.drop(name)


@dataclass(slots=True, kw_only=True)
class Deployment:
    """The product behind one address, whatever stands behind it."""

    store: Store
    folder: Path
    proxy: Proxy
    clock: Clock
    settings: dict[str, str]
    nodes: list[Node] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.settings["AUTHSERVER_ISSUER"]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def cli(self, *arguments: str, typed: str | None = None) -> Any:
        """A command on this deployment's data."""
        return cli(self.data, *arguments, typed=typed, clock=self.clock, settings=self.settings)

    def change(self, *arguments: str) -> Any:
        """A command that changes what nodes remember: it is over once that holds everywhere, which takes a second."""
        told = self.cli(*arguments)
        time.sleep(1)
        return told

    @property
    def ports(self) -> list[int]:
        """Where its nodes are, past the balancer."""
        return [node.port for node in self.nodes]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What its database holds; each ? in the statement is a value."""
        url = self.settings.get("AUTHSERVER_DATABASE_URL")
        if url:
            with psycopg.connect(url, autocommit=True) as connection:
                return connection.execute(statement.replace("?", "%s"), values).fetchall()  # type: ignore[arg-type]
        with closing(sqlite3.connect(self.data / "authserver.db", timeout=10)) as file:
            return file.execute(statement, values).fetchall()

    @contextmanager
    def opened(self) -> Iterator[Issuer]:
        """The installation in this process, as one more node that takes no requests has it."""
        config = Config(
            data_dir=self.data,
            issuer=self.issuer,
            database_url=self.settings.get("AUTHSERVER_DATABASE_URL", ""),  # type: ignore[arg-type]
            background=False,
        )
        app = create_app(config, clock=lambda: datetime.fromtimestamp(self.clock.now(), UTC))
        try:
            yield app.issuer
        finally:
            app.close()

    def add_node(self) -> Node:
        """Start one more node, with files of its own, and send requests to it."""
        name = f"node-{len(self.nodes) + 1}"
        data = self.data
        if self.nodes:
            data = self.folder / f"data-of-{name}"
            shutil.copytree(self.data, data)
        node = Node(
            data=data,
            log=self.folder / f"{name}.log",
            settings=self.settings | {"AUTHSERVER_NODE_NAME": name},
            clock=self.clock,
        )
        self.nodes.append(node)
        node.start()
        self.proxy.add(node.port)
        return node

    def restart(self) -> None:
        """Stop and start every node, one after the other."""
        for node in self.nodes:
            self.proxy.drop(node.port)
            node.stop()
            node.start()
            self.proxy.add(node.port)

    def close(self) -> None:
        for node in self.nodes:
            node.kill()

    def said(self) -> str:
        """All that its nodes wrote."""
        return "".join(node.said() for node in self.nodes)


@contextmanager
def deployed(
    seed: Seed,
    folder: Path,
    *,
    nodes: int = 1,
    workers: int = 2,
    redis: str = "",
    tls: Certificates | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Run the product on a copy of the seed; the issuer is the balancer's address."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        leading = stack.enter_context(seed.copied(folder / "data"))
        proxy = Proxy(tls=tls.server() if tls else None)
        proxy.start()
        stack.callback(proxy.close)
        own = {
            "AUTHSERVER_ISSUER": f"{'https' if tls else 'http'}://localhost:{proxy.port}",
            "AUTHSERVER_WORKERS": str(workers),
            **leading,
        }
        if nodes > 1:
            own["AUTHSERVER_NODES"] = str(nodes)
        if redis:
            own["AUTHSERVER_REDIS_URL"] = redis
        deployment = Deployment(
            store=seed.store,
            folder=folder,
            proxy=proxy,
            clock=Clock(folder / "clock"),
            settings=own | dict(settings or {}),
        )
        stack.callback(deployment.close)
        for _ in range(nodes):
            deployment.add_node()
        yield deployment
