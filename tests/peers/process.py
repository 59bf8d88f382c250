"""What every peer needs: a port, a user without rights, a folder, and an end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class PeerMissingError(Exception):
    """A peer that the tests need is not installed, or does not start: the run fails, it skips nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str, *patterns: str, package: str) -> Path:
    """The newest of the files that the patterns name, else the one on the path."""
    for pattern in patterns:
        found = sorted(Path("/").glob(pattern), key=lambda path: [int(n) for n in path.parts if n.isdigit()])
        if found:
            return found[-1]
    if path := shutil.which(name):
        return Path(path)
    raise PeerMissingError(f"{name} is not installed (Debian package {package})\n  → run tests/install.sh")


def unprivileged(*preferred: str) -> int | None:
    """The user that servers run as when root starts them; None when we are nobody special already."""
    if os.getuid() != 0:
        return None
    for name in (*preferred, "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise PeerMissingError("servers cannot run as root, and there is no user nobody")


@dataclass(slots=True, kw_only=True)
class Home:
    """A temporary folder that belongs to the user a peer runs as."""

    name: str
    user: int | None = None
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        # Not pytest's folder: that is closed to other users.
        self.path = Path(tempfile.mkdtemp(prefix=f"authserver-{self.name}-"))
        if self.user is not None:
            os.chown(self.path, self.user, -1)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def run(command: Sequence[str | Path], user: int | None, cwd: Path) -> None:
    """Run a peer's own tool to its end; what it said is in the error."""
    result = subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(cwd)},
    )
    if result.returncode:
        raise PeerMissingError(f"{Path(command[0]).name} failed:\n{result.stdout}")


def wait_until(ready: Callable[[], bool], what: str, *, within: float = 20.0) -> None:
    """Look until it is so; a peer says by no other means that it is up."""
    ends = time.monotonic() + within
    while not ready():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not within {within:g} s")
        time.sleep(0.01)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
