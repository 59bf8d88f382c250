"""The image: built by its own steps, it runs as nobody special, says how it is, and ends when asked."""

import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy import dockerfile
from tests.deploy.dockerfile import Context, Image, is_root
from tests.peers.process import wait_until
from tests.wire import send

DATA = "/var/lib/authserver"
PRODUCTION = {"AUTHSERVER_ISSUER": "https://id.example.org", "AUTHSERVER_TRUSTED_PROXIES": "1"}


@pytest.fixture(scope="module")
def image(pytestconfig: pytest.Config) -> Iterator[Image]:
    """The image, built once; its folder is open to the image's user, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="authserver-image-") as folder:
        Path(folder).chmod(0o755)
        yield dockerfile.build(Context(pytestconfig.rootpath), Path(folder))


@contextmanager
def container(image: Image, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the image's command until its health check is content."""
    process = image.start(image.command, log, **environment)
    try:
        wait_until(
            lambda: process.poll() is not None or image.run(image.health, log, **environment) == 0,
            "the health check",
            within=20,
        )
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_only_what_the_image_needs_goes_into_it(image: Image) -> None:
    """No secret, no data, no history: the build knows the package, its migrations and the lock file."""
    tops = {path.parts[0] for path in image.copied}
    assert tops == {
        "authserver",
        "migrations",
        "pyproject.toml",
        "setup.py",
        "README.md",
        "requirements.lock",
    }
    assert not [path for path in image.copied if "__pycache__" in path.parts]


def test_the_image_runs_in_production_as_nobody_special(image: Image, tmp_path: Path) -> None:
    """`init` as a job, then the server: health, metrics, an end within the time that Docker gives."""
    log = tmp_path / "log"
    assert image.user not in {None, 0}
    assert image.run(image.health, log) != 0
    assert image.run(["authserver", "init"], log, **PRODUCTION) == 0, log.read_text()
    with container(image, log, **PRODUCTION) as process:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        mine = str(image.user if is_root() else os.getuid())
        assert f"Uid:\t{mine}\t{mine}\t{mine}\t{mine}\n" in status
        public, metrics = (f"http://127.0.0.1:{image.ports[port]}" for port in (8000, 9000))
        assert send("GET", f"{public}/readyz").json() == {"status": "ready"}
        assert send("GET", f"{public}/.well-known/openid-configuration").json()["issuer"].startswith("https:")
        assert "authserver_request_seconds" in send("GET", f"{metrics}/metrics").text
        process.terminate()
        assert process.wait(10) == 0
    assert stat.S_IMODE(image.below(DATA).stat().st_mode) == 0o700
    assert stat.S_IMODE((image.below(DATA) / "master.key").stat().st_mode) == 0o600
    # Where root builds, nothing but the data belongs to the user that the server runs as.
    owned = {path for path in image.root.rglob("*") if path.lstat().st_uid == image.user}
    assert owned == ({image.below(DATA), *image.below(DATA).rglob("*")} if is_root() else set())


def test_the_image_without_an_issuer_says_what_is_missing(image: Image, tmp_path: Path) -> None:
    """OPS-1: an image that is only started tells what production wants, all of it at once."""
    log = tmp_path / "log"
    assert image.run(image.command, log, AUTHSERVER_DATA_DIR=f"{DATA}/empty") == 2
    said = log.read_text()
    assert "issuer" in said
    assert "trusted_proxies" in said
