"""The master key: where it comes from, what is refused, and how a new version takes over."""

import base64
import os
import threading
from pathlib import Path

import pytest

from authserver.config import Config
from authserver.errors import Misconfigured
from authserver.keys import master
from authserver.vault import CannotOpen, Place, Vault

KEY = bytes(range(100, 132))
TEXT = base64.b64encode(KEY).decode()
HERE = Place(table="t", column="c", row="1")

READ = [
    pytest.param(TEXT, {1: KEY}, id="bare"),
    pytest.param(base64.urlsafe_b64encode(KEY).decode().rstrip("="), {1: KEY}, id="url-safe"),
    pytest.param(f"3:{TEXT}\n", {3: KEY}, id="numbered"),
    pytest.param(f"# old\n1:{TEXT}\n# new\n2:{TEXT}", {1: KEY, 2: KEY}, id="lines"),
    pytest.param(f"1:{TEXT},2:{TEXT}", {1: KEY, 2: KEY}, id="commas"),
]
REFUSED = [
    pytest.param("", "holds no master key", id="KEY-6-missing"),
    pytest.param("# nothing\n", "holds no master key", id="KEY-6-only-comments"),
    pytest.param(base64.b64encode(KEY[:31]).decode(), "has 31 bytes and needs 32", id="KEY-6-short"),
    pytest.param(base64.b64encode(KEY + b"1").decode(), "has 33 bytes", id="KEY-6-long"),
    pytest.param(base64.b64encode(bytes(32)).decode(), "a default or an example", id="KEY-6-zeros"),
    pytest.param(base64.b64encode(b"changeme" * 4).decode(), "a default or an example", id="KEY-6-changeme"),
    pytest.param("changeme", "has 6 bytes", id="KEY-6-word"),
    pytest.param("no key!", "has 1 bytes|not a master key", id="KEY-6-sentence"),
    pytest.param("0:" + TEXT, "not a master key", id="version-0"),
    pytest.param(f"1:{TEXT}\n1:{TEXT}", "version 1 twice", id="version-twice"),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_master_key_is_read(text: str, expected: dict[int, bytes]) -> None:
    assert master.parse(text, "here") == expected


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_what_no_generator_made_is_refused(text: str, expected: str) -> None:
    """KEY-6: missing, default, example or too short."""
    with pytest.raises(Misconfigured, match=expected):
        master.parse(text, "here")


def test_the_variable_needs_no_file(tmp_path: Path) -> None:
    vault = master.vault_of(Config(data_dir=tmp_path, master_key=TEXT))
    assert Vault({1: KEY}).open(vault.seal(b"x", HERE), HERE) == b"x"


def test_without_a_file_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist") as refused:
        master.vault_of(Config(data_dir=tmp_path))
    assert "authserver init" in refused.value.remedy


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """KEY-5: a file with mode 0600 and a key of 256 bits."""
    path = tmp_path / "master.key"
    assert master.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [len(key) for key in master.parse(path.read_text(), "").values()] == [32]
    assert os.listdir(tmp_path) == ["master.key"]  # noqa: PTH208


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = []
    threads = [threading.Thread(target=lambda: made.append(master.make(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]
    before = path.read_text()
    assert not master.make(path)
    assert path.read_text() == before


def test_a_new_version_seals_and_the_old_one_opens(tmp_path: Path) -> None:
    """KEY-5: versioned; two versions are readable."""
    config = Config(data_dir=tmp_path)
    master.make(config.master_key_path)
    running = master.vault_of(config)
    old = running.seal(b"old", HERE)
    assert master.add_version(config.master_key_path) == 2
    assert config.master_key_path.stat().st_mode & 0o777 == 0o600
    newer = master.vault_of(config)
    new = newer.seal(b"new", HERE)
    assert (newer.version_of(old), newer.version_of(new)) == (1, 2)
    assert newer.open(old, HERE) == b"old"
    assert running.open(new, HERE) == b"new", "a running server looks at its file again"
    assert running.version == 2


def test_a_version_that_nobody_has_does_not_open(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    master.make(config.master_key_path)
    with pytest.raises(CannotOpen, match="version 7 is not configured"):
        master.vault_of(config).open(Vault({7: KEY}).seal(b"x", HERE), HERE)
