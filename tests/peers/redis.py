"""A Redis server of our own, which keeps nothing on disk."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.process import Home, PeerMissingError, answers, free_port, program, unprivileged, wait_until


@dataclass(slots=True)
class Redis:
    """A running server; `stop` and `start` take it away from the product and give it back, empty."""

    home: Home
    program: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def install(cls) -> "Redis":
        server = cls(
            Home(name="redis", user=unprivileged("redis")), program("redis-server", package="redis-server")
        )
        server.start()
        return server

    @property
    def url(self) -> str:
        """What AUTHSERVER_REDIS_URL takes."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def log(self) -> str:
        return (self.home.path / "log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start, and come back when it takes connections."""
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.home.path)
        with (self.home.path / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--port", str(self.port), *options],
                user=self.home.user,
                cwd=self.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
        wait_until(self._answers_or_ended, "Redis answers")
        if self.process.poll() is not None:
            raise PeerMissingError(f"redis-server ended with {self.process.returncode}:\n{self.log}")

    def stop(self) -> None:
        """Take it away, with all that it knew."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Redis is away for as long as this lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        self.stop()
        self.home.remove()

    def _answers_or_ended(self) -> bool:
        return answers(self.port) or (self.process is not None and self.process.poll() is not None)
