"""One installation as a newcomer has it: a data folder, a server, and commands typed at a shell."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oidc import Person
from tests.serve import PROGRAM, PROJECT, Node, free_port

MARA = Person(email="mara@example.org", password="seventeen calm otters", name="Mara Lindqvist")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where it is, and its shell."""

    folder: Path
    port: int

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def shell(self, script: str, **variables: str) -> str:
        """Run lines of bash as the documentation has them; a failing line fails the test."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env=environment(self.data) | variables,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


def environment(data: Path) -> dict[str, str]:
    """A shell in which the command `authserver` is found, and nothing of the caller's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTHSERVER_")}
    path = f"{PROGRAM.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "AUTHSERVER_DATA_DIR": str(data)}


@contextmanager
def running(folder: Path) -> Iterator[House]:
    """Serve in an empty folder, as `make run` does."""
    house = House(folder=folder, port=free_port())
    node = Node(data=house.data, log=folder / "log", settings={}, port=house.port)
    node.start()
    try:
        yield house
    finally:
        node.kill()


__all__ = ["MARA", "PROJECT", "House", "running"]
