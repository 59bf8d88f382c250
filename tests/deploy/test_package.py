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

from tests.deploy.house import environment
from tests.peers.process import free_port, wait_until
from tests.wire import send

SHIPPED = ("authserver/", "migrations/")
NOT_SHIPPED = {"migrations/README.md", "migrations/alembic.ini"}
PIP = (sys.executable, "-m", "pip")


def tracked(project: Path) -> list[str]:
    """Every file that a clone has."""
    said = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, check=True, timeout=30)
    names = os.fsdecode(said.stdout).split("\0")
    return [name for name in names if name and (project / name).is_file()]


def wheel_of(project: Path, names: list[str], folder: Path) -> Path:
    """The wheel of a clean checkout."""
    clone = folder / "clone"
    for name in names:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, clone / name)
    run(*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, clone, within=180)
    (found,) = folder.glob("*.whl")
    return found


def installed(wheel: Path, folder: Path) -> Path:
    """The command in an environment of its own; what it depends on is lent by the one that runs the tests."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    options = ("--quiet", "--no-deps", "--no-index", "--ignore-installed", "--no-warn-script-location")
    run(*PIP, "--python", folder / "bin" / "python", "install", *options, wheel)
    return folder / "bin" / "authserver"


def run(*arguments: str | Path, within: float = 90, **options: Path | dict[str, str]) -> str:
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=within, check=False, **options  # type: ignore[call-overload]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@contextmanager
def serving(program: Path, folder: Path, variables: dict[str, str]) -> Iterator[str]:
    """The installed command serves; where."""
    port = free_port()
    variables = variables | {"AUTHSERVER_BIND": f"127.0.0.1:{port}"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve"], cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or is_up(port), "the server", within=60)
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(60)


def is_up(port: int) -> bool:
    try:
        return send("GET", f"http://127.0.0.1:{port}/healthz").status == 200
    except OSError:
        return False


def test_a_clean_checkout_installs_a_command_that_has_all_it_needs(project: Path, tmp_path: Path) -> None:
    """The wheel holds what git tracks; templates, styles, translations and migrations are found from any folder."""
    names = tracked(project)
    wheel = wheel_of(project, names, tmp_path)
    shipped = {name for name in names if name.startswith(SHIPPED)} - NOT_SHIPPED
    wanted = {f"authserver/{name}" if name.startswith("migrations/") else name for name in shipped}
    assert {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name} == wanted

    program = installed(wheel, tmp_path / "environment")
    variables = environment(tmp_path / "data")
    made = json.loads(run(program, "init", "--json", cwd=tmp_path, env=variables))["made"]
    assert {"master key", "signing key ES256", "signing key RS256"} <= set(made)
    assert (
        json.loads(run(program, "db", "current", "--json", cwd=tmp_path, env=variables))["pending"] is False
    )
    with serving(program, tmp_path, variables) as here:
        assert "Dieser Anmeldedienst läuft" in send("GET", f"{here}/?ui_locales=de").text
        assert f"{here}/oauth/token" in send("GET", f"{here}/docs").text
        styles = send("GET", f"{here}/static/authserver.css")
        assert styles.header("Content-Type") == "text/css; charset=utf-8"
