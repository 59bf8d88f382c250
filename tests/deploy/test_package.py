"""`pip install .` from a clean checkout: the command has all that it needs, wherever it is installed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.deploy.house import environment
from tests.peers.process import free_port, wait_until
from tests.wire import send

# In a checkout, beside the modules; none of them is found by looking for packages.
SHIPPED = ("authserver/", "migrations/")
NOT_SHIPPED = {"migrations/README.md", "migrations/alembic.ini"}


@pytest.fixture(scope="module")
def tracked(project: Path) -> list[str]:
    """Every file that a clone has."""
    said = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, check=True, timeout=30)
    names = os.fsdecode(said.stdout).split("\0")
    return [name for name in names if name and (project / name).is_file()]


@pytest.fixture(scope="module")
def wheel(project: Path, tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a clean checkout."""
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for name in tracked:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, clone / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(clone)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a virtual environment of its own; what it depends on is lent by the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run(
        [*pip, "--ignore-installed", "--no-warn-script-location", str(wheel)], check=True, timeout=120
    )
    return folder / "bin" / "authserver"


def test_the_wheel_holds_what_the_checkout_tracks_and_nothing_else(wheel: Path, tracked: list[str]) -> None:
    shipped = {name for name in tracked if name.startswith(SHIPPED)} - NOT_SHIPPED
    wanted = {f"authserver/{name}" if name.startswith("migrations/") else name for name in shipped}
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted


@contextmanager
def serving(program: Path, data: Path, folder: Path) -> Iterator[str]:
    """The installed command serves; where."""
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve"],
            cwd=folder,
            env=environment(data) | {"AUTHSERVER_BIND": f"127.0.0.1:{port}"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or is_up(port), "the server", within=20)
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def is_up(port: int) -> bool:
    try:
        return send("GET", f"http://127.0.0.1:{port}/healthz").status == 200
    except OSError:
        return False


def test_an_installed_server_makes_migrates_and_serves(program: Path, tmp_path: Path) -> None:
    """Templates, styles, translations and migrations are found from any folder."""
    data = tmp_path / "data"

    def typed(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments], cwd=tmp_path, env=environment(data), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "signing key ES256" in json.loads(typed("init", "--json"))["made"]
    assert json.loads(typed("db", "current", "--json"))["pending"] is False
    assert json.loads(typed("clients", "list", "--json")) == []
    with serving(program, data, tmp_path) as here:
        assert "Dieser Anmeldedienst läuft" in send("GET", f"{here}/?ui_locales=de").text
        assert f"{here}/oauth/token" in send("GET", f"{here}/docs").text.replace("localhost", "127.0.0.1")
        assert (
            send("GET", f"{here}/static/authserver.css").header("Content-Type") == "text/css; charset=utf-8"
        )
