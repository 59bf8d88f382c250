"""Settings are changed live: checked, kept with their history, taken back, and in force on every worker."""

import json
import threading
from typing import Any

import pytest
from click.testing import CliRunner

from authserver.app import create_app
from authserver.audit import SYSTEM
from authserver.cli import main
from authserver.errors import Refusal
from authserver.settings import change
from authserver.settings.setting import NEVER, Setting
from authserver.store import live
from tests.flow.admin import admin
from tests.flow.conftest import MakeWorld
from tests.flow.world import World


def put(world: World, name: str, value: Any, version: str | None = None) -> Setting:
    with world.writing() as db:
        return change.set_(db, world.issuer, name, value, by=SYSTEM, expected_version=version)


def test_a_change_holds_on_another_worker_within_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AD-5: two workers with memories of their own; the other one reads again when its copy is half a second old."""
    now = [1000.0]
    monkeypatch.setattr(live, "monotonic", lambda: now[0])
    other = create_app(world.issuer.config, clock=world.clock)
    assert other.issuer.settings.session_idle == 600
    put(world, "session_idle", 700)
    assert world.issuer.settings.session_idle == 700
    assert other.issuer.settings.session_idle == 600
    now[0] += 0.51
    assert other.issuer.settings.session_idle == 700
    with world.writing() as db:
        change.undo(db, world.issuer, "session_idle", by=SYSTEM)
    now[0] += 0.51
    assert other.issuer.settings.session_idle == 600
    other.close()


def test_a_change_is_kept_audited_and_taken_back(world: World) -> None:
    """AD-5, AU-4: history and rollback."""
    assert put(world, "session_idle", 700).version != NEVER
    put(world, "session_idle", 800)
    with world.writing() as db:
        undone = change.undo(db, world.issuer, "session_idle", by=SYSTEM)
    assert undone.value == 700
    with world.writing() as db:
        redone = change.undo(db, world.issuer, "session_idle", by=SYSTEM)
    assert redone.value == 800
    with world.reading() as db:
        found = change.history(db, "session_idle")
    assert [(each.old, each.new) for each in found] == [(700, 800), (800, 700), (700, 800), (None, 700)]
    with world.writing() as db:
        first = change.undo(db, world.issuer, "session_idle", change=found[-1].id, by=SYSTEM)
    assert (first.value, first.origin) == (600, "default")
    assert world.issuer.settings.session_idle == 600
    events = [event for event in world.events("changed") if event.data["kind"] == "setting"]
    assert [event.data["fields"] for event in events][:2] == [
        {"old": None, "new": 700},
        {"old": 700, "new": 800},
    ]


def test_the_same_value_again_is_no_change(world: World) -> None:
    first = put(world, "session_idle", 700)
    assert put(world, "session_idle", 700) == first


def test_only_the_version_that_was_read_is_changed(world: World) -> None:
    """AD-5: two admins of one moment; the second is told."""
    put(world, "session_idle", 700, NEVER)
    with pytest.raises(Refusal) as refused:
        put(world, "session_idle", 800, NEVER)
    assert refused.value.status == 412
    assert world.issuer.settings.session_idle == 700


def test_of_many_who_change_one_version_at_once_one_wins(world: World) -> None:
    """AD-5, T-1: the version is checked under the lock that the write takes."""
    results: list[str] = []

    def attempt(value: int) -> None:
        try:
            put(world, "session_idle", value, NEVER)
        except Refusal as refusal:
            results.append(str(refusal.status))
        else:
            results.append("won")

    threads = [threading.Thread(target=attempt, args=(700 + n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["412"] * 7 + ["won"]


def test_values_that_do_not_fit_each_other_are_refused_when_they_come(world: World) -> None:
    """AD-5: validated before save; nothing of a refused change stays."""
    before = len(world.events())
    for name, value in (("session_idle", 86_400), ("session_idle", "soon"), ("accent_light", "#ffee00")):
        with pytest.raises(Refusal) as refused:
            put(world, name, value)
        assert refused.value.fields[name]
    assert len(world.events()) == before
    with world.reading() as db:
        assert change.load(db, world.issuer, "session_idle").version == NEVER


def test_a_stored_value_that_went_bad_does_not_stop_the_server(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.set(session_idle="soon", unicorns=7, site_name="Campus")
    assert world.issuer.settings.session_idle == 600
    assert world.issuer.settings.site_name == "Campus"
    assert "session_idle" in caplog.text
    with world.reading() as db:
        names = [each.name for each in change.every(db, world.issuer)]
    assert "unicorns" not in names
    put(world, "session_idle", 700)
    assert world.issuer.settings.session_idle == 700


def test_what_the_configuration_fixes_is_changed_there(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHSERVER_SETTINGS__SESSION_IDLE", "660")
    world = make_world(settings={"site_name": "From the file"})
    world.set(session_idle=700, site_name="From the database")
    assert world.issuer.settings.session_idle == 660
    assert world.issuer.settings.site_name == "From the file"
    with world.reading() as db:
        origins = {each.name: each.origin for each in change.every(db, world.issuer)}
    assert (origins["session_idle"], origins["site_name"]) == ("environment", "file")
    assert (origins["argon2_time"], origins["session_lifetime"]) == ("here", "default")
    reply = admin(world).patch("/settings/session_idle", {"value": 700})
    assert reply.status == 409
    assert "AUTHSERVER_SETTINGS__SESSION_IDLE" in reply.json()["detail"]
    assert admin(world).get("/settings/session_idle").json()["where"].endswith("SESSION_IDLE")


def test_the_api_and_the_command_line_are_two_renderings_of_one_function(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(world.issuer.config.data_dir))
    if not world.issuer.database.embedded:
        monkeypatch.setenv("AUTHSERVER_DATABASE_URL", world.issuer.config.database)

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(main, ["settings", *arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    owner = admin(world)
    made = owner.patch("/settings/languages", {"value": ["de", "en"]}).json()
    shown = run("get", "languages")
    assert {name: made[name] for name in ("name", "value", "default", "origin", "version")} == {
        name: shown[name] for name in ("name", "value", "default", "origin", "version")
    }
    assert run("set", "languages", "en,de", "fr")["value"] == ["en", "de", "fr"]
    assert owner.get("/settings/languages").json()["value"] == ["en", "de", "fr"]
    assert run("undo", "languages")["value"] == ["de", "en"]
    assert [each["new"] for each in run("history", "languages")] == [
        ["de", "en"], ["en", "de", "fr"], ["de", "en"],
    ]  # fmt: skip
    assert run("reset", "languages")["origin"] == "default"
    assert owner.delete("/settings/languages", etag="*").json()["value"] == ["en", "de"]
    assert "languages" not in [each["name"] for each in run("list", "--changed")]
    wrong = CliRunner().invoke(main, ["settings", "set", "session_idle", "soon"])
    assert wrong.exit_code == 1
    assert "session_idle: This must be a whole number from 60" in wrong.stderr
    assert "did you mean session_idle?" in CliRunner().invoke(main, ["settings", "get", "sesion_idle"]).stderr
