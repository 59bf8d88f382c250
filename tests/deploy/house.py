"""One installation as a newcomer has it: a data folder, a server, and commands typed at a shell."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import typed
from tests.oidc import Person
from tests.peers.process import free_port, wait_until
from tests.serve import PROGRAM, PROJECT, Node

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
            timeout=180,
            check=False,
            cwd=self.folder,
            env=environment(self.data, self.folder) | variables,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


def environment(data: Path, first: Path | None = None) -> dict[str, str]:
    """What a shell has in which the command `authserver` is found, and nothing of the caller's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTHSERVER_")}
    path = os.pathsep.join(map(str, filter(None, (first, PROGRAM.parent, kept.get("PATH", os.defpath)))))
    return kept | {"PATH": path, "AUTHSERVER_DATA_DIR": str(data)}


@contextmanager
def running(folder: Path) -> Iterator[House]:
    """Serve in an empty folder, as `make run` does, beside a shell whose commands start quickly."""
    house = House(folder=folder, port=free_port())
    path = folder / "calls"
    program = folder / "authserver"
    program.write_text(typed.CALL.format(python=sys.executable, path=str(path)))
    program.chmod(0o755)
    node = Node(data=house.data, log=folder / "log", settings={}, port=house.port)
    with subprocess.Popen([sys.executable, "-m", typed.__name__, str(path)], cwd=PROJECT) as calls:
        try:
            node.start()
            wait_until(path.exists, "the commands", within=20)
            yield house
        finally:
            node.kill()
            calls.kill()


__all__ = ["MARA", "House", "environment", "running"]
