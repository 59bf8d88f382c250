"""The command line as an operator types it."""

import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authserver.cli import NOUNS, main
from authserver.keys.roots import PURPOSES
from tests.flow.world import World

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command at this world's data folder."""
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(world.issuer.config.data_dir))
    url = world.issuer.config.database_url.get_secret_value()
    if url:
        monkeypatch.setenv("AUTHSERVER_DATABASE_URL", url)
    runner = CliRunner(catch_exceptions=False)
    return lambda *words, typed=None: runner.invoke(main, words, input=typed)


def printed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_explains_itself(noun: str, run: Run) -> None:
    result = run(noun, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_help_names_every_noun(run: Run) -> None:
    told = run("--help").output
    assert all(noun in told for noun in NOUNS)


def test_a_noun_that_is_not_there(run: Run) -> None:
    result = run("clouds")
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_what_is_misconfigured_is_said_without_a_trace(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_ISSUR", "https://a.example")
    result = run("keys", "list")
    assert result.exit_code == 2
    assert "did you mean AUTHSERVER_ISSUER?" in result.stderr
    assert "Traceback" not in result.output


def test_keys_rotate_and_activate(run: Run) -> None:
    """KEY-2: by hand."""
    listed = {key["alg"]: key["kid"] for key in printed(run("keys", "list", "--json"))}
    published = printed(run("keys", "rotate", "--alg", "ES256", "--json"))
    assert [key["state"] for key in published] == ["next"]
    too_soon = run("keys", "activate")
    assert too_soon.exit_code == 1
    assert "may sign from" in too_soon.stderr
    result = run("keys", "activate", "--now", "--json")
    assert printed(result)[0]["kid"] == published[0]["kid"] != listed["ES256"]
    assert "cannot verify it until they fetch again" in result.stderr, "--now says which caches may fail"
    states = {key["kid"]: key["state"] for key in printed(run("keys", "list", "--json"))}
    assert states == {
        listed["ES256"]: "retiring",
        listed["RS256"]: "active",
        published[0]["kid"]: "active",
    }


def test_keys_are_replaced_in_an_emergency(run: Run) -> None:
    """KEY-3."""
    before = {key["kid"] for key in printed(run("keys", "list", "--json"))}
    printed(run("keys", "rotate", "--emergency", "--json"))
    after = printed(run("keys", "list", "--json"))
    assert [key["state"] for key in after] == ["active", "active"]
    assert not before & {key["kid"] for key in after}


def test_the_master_key_rotates_online(run: Run, world: World) -> None:
    """KEY-5: a running server follows."""
    kid = world.issuer.keyring.signer("ES256").kid
    assert printed(run("secrets", "rotate", "--json"))["version"] == 2
    world.issuer.revisions.forget()
    assert world.issuer.keyring.signer("ES256").kid == kid
    mode = world.issuer.config.master_key_path.stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_master_key_of_the_environment_is_not_ours_to_rotate(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = world.issuer.config.master_key_path.read_text().splitlines()[-1]
    monkeypatch.setenv("AUTHSERVER_MASTER_KEY", text)
    result = run("secrets", "rotate")
    assert result.exit_code == 2
    assert "1:OLD,2:NEW" in result.stderr
    monkeypatch.setenv("AUTHSERVER_MASTER_KEY", f"{text},2:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")
    assert printed(run("secrets", "rotate", "--json")) == {"version": 2, "moved": len(PURPOSES) + 2}
    assert run("secrets", "rotate").exit_code == 2, "all is sealed under the newest already"


def test_roots_roll(run: Run, world: World) -> None:
    """KEY-7."""
    before = world.issuer.roots.current("csrf").id
    made = printed(run("secrets", "roll", "csrf", "--json"))
    world.issuer.revisions.forget()
    assert list(made) == ["csrf"]
    assert world.issuer.roots.current("csrf").id == made["csrf"] != before


def test_doctor_finds_nothing_wrong_and_asks_for_a_backup(run: Run) -> None:
    findings = printed(run("doctor", "--json"))
    assert "problem" not in {found["level"] for found in findings}
    noted = {found["about"]: found["remedy"] for found in findings if found["level"] == "warning"}
    assert "secrets backed-up" in noted["backup"]
    assert "users add" in noted["owner"]
    printed(run("secrets", "backed-up", "--json"))
    again = printed(run("doctor", "--json"))
    assert "backup" not in {found["about"] for found in again}


def test_doctor_ends_with_1_on_a_problem(run: Run, world: World) -> None:
    world.issuer.config.master_key_path.unlink()
    result = run("doctor")
    assert result.exit_code == 1
    assert "FAIL  master key" in result.output
    assert "→ Run `authserver init`" in result.output


def test_doctor_says_what_is_wrong_with_the_configuration(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_WORKERS", "many")
    result = run("doctor")
    assert result.exit_code == 1
    assert "workers" in result.output


def test_doctor_reports_a_database_that_is_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = run("doctor")
    assert result.exit_code == 1
    assert "FAIL  database" in result.output


def test_init_makes_what_is_missing_and_keeps_what_is_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTHSERVER_DATABASE_URL", raising=False)
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(tmp_path / "new"))
    made = printed(run("init", "--json"))["made"]
    assert {"master key", "signing key ES256", "signing key RS256"} < set(made)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert printed(run("init", "--json"))["made"] == []


def test_init_makes_a_token_for_a_host_without_a_browser(run: Run) -> None:
    token = printed(run("init", "--api-token", "--json"))["api_token"]
    assert token.startswith("as_api_")
    assert [made["role"] for made in printed(run("api-tokens", "list", "--json"))] == ["owner"]


def test_the_schema_is_told(run: Run) -> None:
    told = printed(run("db", "current", "--json"))
    assert told["current"] == told["required"]
    assert told["pending"] is False
    assert run("db", "upgrade").exit_code == 0


@pytest.mark.parametrize("words", [("db", "upgrade"), ("db", "current"), ("keys", "list"), ("purge",)])
def test_without_an_installation_a_command_says_what_to_do(
    words: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTHSERVER_DATABASE_URL", raising=False)
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(tmp_path / "nothing"))
    result = run(*words)
    assert result.exit_code == 2
    assert "authserver init" in result.stderr


def test_after_a_restore_everybody_signs_in_again(run: Run, world: World) -> None:
    person = world.add_user()
    browser = world.signed_in(person)
    assert browser.open("/account").url.endswith("/account")
    assert run("db", "after-restore", typed="n\n").exit_code == 1, "it asks first"
    ended = printed(run("db", "after-restore", "--yes", "--json"))
    assert (ended["epoch"], ended["sessions"]) == (1, 1)
    assert "/login" in browser.open("/account").url
    assert world.events("restored_from_backup")


def test_purge_tells_what_went(run: Run, world: World) -> None:
    gone = printed(run("purge", "--json"))
    assert gone["tickets"] == 0


def test_a_port_in_use_is_said_before_anything_starts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("AUTHSERVER_BIND", f"127.0.0.1:{taken.getsockname()[1]}")
        result = run("serve")
    assert result.exit_code == 2
    assert "Nothing can listen on" in result.stderr
