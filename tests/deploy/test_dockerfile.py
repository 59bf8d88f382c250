"""The image: built by its own steps, it runs as nobody special, says how it is, and ends when asked."""

import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy import dockerfile
from tests.deploy.dockerfile import Context, Image, is_root
from tests.peers.process import wait_until
from tests.wire import send

DATA = "/var/lib/authserver"
PRODUCTION = {"AUTHSERVER_ISSUER": "https://id.example.org", "AUTHSERVER_TRUSTED_PROXIES": "1"}
CONTENT = {"authserver", "migrations", "pyproject.toml", "setup.py", "README.md", "requirements.lock"}


def test_the_image_is_built_by_its_own_steps_and_runs_as_nobody_special(
    project: Path, tmp_path: Path
) -> None:
    """OPS-1, OPS-2: no secret and no history goes into it, and nothing but its data belongs to its user."""
    # Open to the image's user, as pytest's own folder is not.
    with tempfile.TemporaryDirectory(prefix="authserver-image-") as folder:
        Path(folder).chmod(0o755)
        image = dockerfile.build(Context(project), Path(folder))
        assert {path.parts[0] for path in image.copied} == CONTENT
        assert not [path for path in image.copied if "__pycache__" in path.parts]
        assert image.user not in {None, 0}
        says_what_is_missing(image, tmp_path / "first.log")
        runs_in_production(image, tmp_path / "log")


def says_what_is_missing(image: Image, log: Path) -> None:
    """An image that is only started tells what production wants, all of it at once."""
    assert image.run(image.health, log) != 0
    assert image.run(image.command, log, AUTHSERVER_DATA_DIR=f"{DATA}/empty") == 2
    said = log.read_text()
    assert "issuer" in said
    assert "trusted_proxies" in said


def runs_in_production(image: Image, log: Path) -> None:
    """`init` as a job, then the server: health, metrics, and an end within the time that Docker gives."""
    assert image.run(["authserver", "init"], log, **PRODUCTION) == 0, log.read_text()
    with container(image, log, **PRODUCTION) as process:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        mine = str(image.user if is_root() else os.getuid())
        assert f"Uid:\t{mine}\t{mine}\t{mine}\t{mine}\n" in status
        public, metrics = (f"http://127.0.0.1:{image.ports[port]}" for port in (8000, 9000))
        wait_until(lambda: send("GET", f"{public}/readyz").json() == {"status": "ready"}, "all is loaded")
        found = send("GET", f"{public}/.well-known/openid-configuration").json()
        assert found["issuer"] == PRODUCTION["AUTHSERVER_ISSUER"]
        wait_until(
            lambda: "authserver_request_seconds" in send("GET", f"{metrics}/metrics").text,
            "the workers have added up what they counted",
        )
        process.terminate()
        assert process.wait(30) == 0
    assert stat.S_IMODE(image.below(DATA).stat().st_mode) == 0o700
    assert stat.S_IMODE((image.below(DATA) / "master.key").stat().st_mode) == 0o600
    owned = {path for path in image.root.rglob("*") if path.lstat().st_uid == image.user}
    assert owned == ({image.below(DATA), *image.below(DATA).rglob("*")} if is_root() else set())


@contextmanager
def container(image: Image, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the image's command until its health check is content."""
    process = image.start(image.command, log, **environment)
    try:
        wait_until(
            lambda: process.poll() is not None or image.run(image.health, log, **environment) == 0,
            "the health check",
            within=60,
        )
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
