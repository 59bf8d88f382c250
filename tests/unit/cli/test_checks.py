"""What production refuses to start with: one row for each rule, each with what to do."""

from pathlib import Path
from typing import Any

import pytest

from authserver.cli import checks
from authserver.cli.checks import Finding, of_configuration, of_installation
from authserver.config import Config
from authserver.errors import Misconfigured
from authserver.keys import master
from authserver.store import Hot, migrating
from tests.flow.conftest import MakeWorld
from tests.flow.world import World

SOUND: dict[str, Any] = {
    "environment": "production",
    "issuer": "https://login.example.org",
    "trusted_proxies": 1,
    "database_url": "postgresql://as@db/as",
    "nodes": 2,
}

RULES = [
    pytest.param({"issuer": ""}, {}, "issuer", "not an https URL", id="OPS-1-no-issuer"),
    pytest.param(
        {"issuer": "http://localhost:8000"}, {}, "issuer", "not an https URL", id="OPS-1-http-issuer"
    ),
    pytest.param({"debug": True}, {}, "debug", "`debug` is on", id="OPS-1-debug"),
    pytest.param(
        {"database_url": ""}, {}, "database", "cannot share an SQLite file", id="OPS-1-sqlite-nodes"
    ),
    pytest.param(
        {"database_url": "sqlite://", "nodes": 1}, {}, "database", "in memory", id="KEY-6-keys-in-memory"
    ),
    pytest.param(
        {},
        {"AUTHLIB_INSECURE_TRANSPORT": "1"},
        "environment",
        "INSECURE_TRANSPORT is set",
        id="OPS-1-insecure",
    ),
    pytest.param({"trusted_proxies": 0}, {}, "proxy", "no proxy is trusted", id="OPS-1-untrusted-proxy"),
    pytest.param(
        {"master_key_file": Path("/nowhere")},
        {},
        "master key",
        "does not exist",
        id="OPS-1-KEY-6-no-master-key",
    ),
    pytest.param({"master_key": "A" * 43}, {}, "master key", "default or an example", id="KEY-6-example"),
    pytest.param({"master_key": "c2hvcnQ="}, {}, "master key", "5 bytes and needs 32", id="KEY-6-short"),
]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    master.make(path)
    return path


def problems(config: Config, environ: dict[str, str]) -> list[Finding]:
    return [found for found in of_configuration(config, environ) if found.level == "problem"]


def test_a_sound_production_starts(key: Path) -> None:
    assert not problems(Config(**SOUND, master_key_file=key), {})


@pytest.mark.parametrize(("given", "environ", "about", "what"), RULES)
def test_production_is_refused(
    given: dict[str, Any], environ: dict[str, str], about: str, what: str, key: Path
) -> None:
    """OPS-1, KEY-6: each rule alone stops the start, and says what to do."""
    own_key = {} if "master_key" in given else {"master_key_file": key}
    found = problems(Config(**{**SOUND, **own_key, **given}), environ)
    assert [(each.about, what in each.what) for each in found] == [(about, True)]
    assert found[0].remedy


@pytest.mark.parametrize(("given", "environ", "about", "what"), RULES[:7])
def test_development_is_not(
    given: dict[str, Any], environ: dict[str, str], about: str, what: str, key: Path
) -> None:
    assert not problems(
        Config(**{**SOUND, **given, "environment": "development", "master_key_file": key}), environ
    )


@pytest.mark.parametrize(
    ("package", "version"), [("authlib", "1.8.3"), ("joserfc", "1.6.2"), ("joserfc", "1.5.9")]
)
def test_versions_with_holes_start_nowhere(
    package: str, version: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-9: Authlib below 1.9 and joserfc below 1.6.3 are refused."""
    installed = checks.metadata.version
    monkeypatch.setattr(
        checks.metadata, "version", lambda name: version if name == package else installed(name)
    )
    found = problems(Config(master_key_file=key), {})
    assert [each.about for each in found] == ["versions"]
    assert version in found[0].what


def test_every_problem_is_named_at_once(key: Path) -> None:
    config = Config(environment="production", debug=True, master_key_file=key)
    with pytest.raises(Misconfigured) as refused:
        checks.refuse(problems(config, {}))
    assert all(text in refused.value.what for text in ("https URL", "`debug` is on", "no proxy is trusted"))


def test_a_key_file_that_others_may_read_is_noted(key: Path) -> None:
    """KEY-5: a file with mode 0600."""
    key.chmod(0o640)
    found = list(of_configuration(Config(master_key_file=key), {}))
    assert [(each.about, each.level) for each in found] == [("master key", "warning")]
    assert found[0].remedy.startswith("chmod 600")


def about(world: World) -> list[tuple[str, bool]]:
    return [(found.about, found.level == "problem") for found in of_installation(world.issuer)]


def test_a_sound_installation_starts(world: World) -> None:
    assert about(world) == []


def test_pending_migrations_stop_the_start(world: World) -> None:
    """OPS-1."""
    migrating.downgrade(world.issuer.config.database, "base")
    assert about(world) == [("migrations", True)]


def test_an_audit_that_cannot_be_written_stops_the_start(world: World) -> None:
    """OPS-1: unwritable audit."""
    with world.writing() as db:
        db.hot(Hot("ALTER TABLE audit_events RENAME TO elsewhere"), {})
    assert about(world) == [("audit", True)]


def test_the_audit_is_tried_and_nothing_stays(world: World) -> None:
    before = len(world.events())
    about(world)
    assert len(world.events()) == before


@pytest.mark.parametrize("table", ["signing_keys", "root_secrets"])
def test_missing_keys_and_roots_stop_the_start(table: str, world: World) -> None:
    """KEY-6: production never signs with a key of the moment."""
    with world.writing() as db:
        db.hot(Hot(f"DELETE FROM {table}"), {})  # noqa: S608
        db.hot(Hot("UPDATE revisions SET n = n + 1"), {})
    assert about(world) == [("keys", True)]


def test_another_master_key_stops_the_start(make_world: MakeWorld) -> None:
    """KEY-6: nothing opens with a key that is not ours."""
    other = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
    assert about(make_world(master_key=other)) == [("keys", True)]
