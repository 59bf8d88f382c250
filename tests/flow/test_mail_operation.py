"""Mail as an operator and a developer meet it: the page, the commands, doctor, and the server's password."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from authserver.audit import SYSTEM
from authserver.audit.events import Changed
from authserver.cli import main
from authserver.cli.check_mail import mail_findings
from authserver.errors import Refusal
from authserver.mail import outbox
from authserver.settings import change
from authserver.store import Hot
from tests.flow.admin import admin
from tests.flow.conftest import MakeWorld
from tests.flow.world import World, write_settings
from tests.peers.smtp import PASSWORD, MailServer

Run = Callable[..., Any]
TO = "ada@example.org"


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command at this world's data folder."""
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(world.issuer.config.data_dir))
    if url := world.issuer.config.database_url.get_secret_value():
        monkeypatch.setenv("AUTHSERVER_DATABASE_URL", url)
    runner = CliRunner()
    return lambda *words, typed=None: runner.invoke(main, ("mail", *words), input=typed)


def put(world: World, **given: str) -> str:
    with world.writing() as db:
        return outbox.enqueue(
            db, world.issuer, to=TO, template="test", locale="en", values={"at": "noon <b>"}, **given
        )


def about(world: World) -> list[tuple[str, str]]:
    return [(found.level, found.what) for found in mail_findings(world.issuer)]


def test_development_shows_its_mails_with_links_that_work(world: World) -> None:
    browser = world.browser()
    assert "No mail was written" in browser.open("/dev/mail").page.words
    put(world)
    put(world, link="/login?from=mail")
    visit = browser.open("/dev/mail")
    assert visit.page.words.count("noon <b>") == 2
    link = visit.page.link("Follow the link")
    assert link == f"{world.url}/login?from=mail"
    assert "Sign in" in browser.open(link).page.words


def test_production_has_no_such_page(make_world: MakeWorld) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    assert world.get("/dev/mail").status == 404


def test_a_test_says_at_once_whether_the_server_takes_mail(
    world: World, mail_server: MailServer, run: Run
) -> None:
    """AD-7, AU-1: within 5 seconds, without secrets, audited; nothing is kept."""
    assert "There is no mail server" in run("test", TO).output
    world.set(**mail_server.settings())
    told = run("test", TO, "--locale", "de", "--json")
    assert json.loads(told.stdout)["taken_by"] == "localhost"
    assert mail_server.only_mail()["Content-Language"] == "de"
    with mail_server.away():
        told = run("test", TO)
    assert told.exit_code == 1
    assert "did not take it: ConnectionRefusedError" in told.output
    assert PASSWORD not in told.output
    assert [event.data["is_taken"] for event in world.events("mail_tested")] == [False, True, False]
    assert world.mails() == []
    assert run("test", "nobody").exit_code == 1


def test_what_failed_is_listed_without_its_content_and_tried_again(
    world: World, mail_server: MailServer, run: Run
) -> None:
    world.set(**mail_server.settings())
    mail_server.sink.answers[TO] = "550 no"
    id_ = put(world, link="/secret")
    world.deliver()
    told = run("list", "--state", "failed", "--json").stdout
    (row,) = json.loads(told)
    assert (row["id"], row["to"], row["last_error"]) == (id_, TO, "the server said 550 no")
    assert "/secret" not in told
    mail_server.sink.answers.clear()
    assert json.loads(run("retry", "--all", "--json").stdout) == {"retried": 1}
    world.deliver()
    mail_server.only_mail()
    assert run("retry", id_).exit_code == 1, "what was sent is not sent again"
    assert run("retry").exit_code == 2


def test_doctor_says_what_is_wrong_with_mail(make_world: MakeWorld, mail_server: MailServer) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    assert about(world) == [("warning", "There is no mail server: no mail leaves.")]
    world.set(**mail_server.settings())
    ((level, what),) = about(world)
    assert (level, "takes mails from no-reply@id.example.org" in what) == ("ok", True)
    put(world)
    world.clock.advance(minutes=11)
    assert "Mails wait for a server or a worker: 1" in about(world)[1][1]
    mail_server.sink.answers[TO] = "550 no"
    world.deliver()
    assert about(world)[1] == ("warning", "Mails were given up in the last week: 1.")
    with mail_server.away():
        assert about(world)[0][0] == "problem"


def test_the_password_of_the_server_is_sealed_and_never_told(world: World) -> None:
    """AD-6, KEY-4, AU-2: it is in no answer, history, audit or row; only that it is set."""
    robot = admin(world)
    for name, value in (("smtp_host", "mail.example.org"), ("smtp_password", PASSWORD)):
        told = robot.patch(f"/settings/{name}", {"value": value})
        assert told.status == 200, told.text
    world.issuer.revisions.forget()
    assert told.json()["value"] == {"set": True}
    assert world.issuer.settings.smtp_password.get_secret_value() == PASSWORD
    shown = robot.get("/settings").text + robot.get("/settings/history").text
    assert PASSWORD not in shown
    stored = world.rows("SELECT value FROM settings") + world.rows("SELECT old, new FROM settings_history")
    assert PASSWORD not in str(stored)
    assert PASSWORD not in str([event.data for event in world.events(Changed.name)])
    assert PASSWORD not in repr(world.issuer.settings)


def test_a_new_host_does_not_get_the_old_ones_password(world: World) -> None:
    """AD-6: it is forgotten in the same transaction, and cannot be brought back."""
    for name, value in (("smtp_host", "mail.example.org"), ("smtp_password", PASSWORD)):
        _set(world, name, value)
    _set(world, "smtp_port", 2525)
    assert world.issuer.settings.smtp_password
    _set(world, "smtp_host", "evil.example.org")
    assert not world.issuer.settings.smtp_password
    with world.reading() as db:
        assert change.load(db, world.issuer, "smtp_password").value == {"set": False}
    with pytest.raises(Refusal, match="is not kept"), world.writing() as db:
        change.undo(db, world.issuer, "smtp_password", by=SYSTEM)
    _set(world, "smtp_password", PASSWORD)
    with world.writing() as db:
        change.undo(db, world.issuer, "smtp_host", by=SYSTEM)
    assert not world.issuer.settings.smtp_password, "nor does the old one get the new one's"


def test_a_password_that_the_configuration_fixes_keeps_its_host(
    make_world: MakeWorld,
) -> None:
    """AD-6."""
    world = make_world(settings={"smtp_password": PASSWORD, "smtp_port": 465})
    with pytest.raises(Refusal, match="fixed by smtp_password"), world.writing() as db:
        change.set_(db, world.issuer, "smtp_host", "evil.example.org", by=SYSTEM)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_from", "Ada <ada@example.org>"),
        ("mail_from", "a@b@c"),
        ("smtp_host", "mail.example.org:25"),
        ("smtp_host", "mail example"),
        ("smtp_tls", "maybe"),
        ("smtp_ca_file", "ca.pem"),
        ("smtp_password", 7),
    ],
)
def test_settings_of_mail_mean_something(name: str, value: Any, world: World) -> None:
    with pytest.raises(Refusal):
        _set(world, name, value)


def test_nothing_leaves_this_machine_in_clear(world: World) -> None:
    _set(world, "smtp_tls", "none")
    _set(world, "smtp_host", "localhost")
    with pytest.raises(Refusal) as refused:
        _set(world, "smtp_host", "mail.example.org")
    assert "Only a mail server on this machine" in refused.value.fields["smtp_host"]


def test_a_password_sealed_for_another_row_is_left_aside(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """KEY-4: swapping ciphertexts between rows fails, and the server goes on without."""
    _set(world, "smtp_password", PASSWORD)
    put(world)
    with world.writing() as db:
        (payload,) = db.one(Hot("SELECT payload FROM outbox"), {}) or ()
        write_settings(db, {"smtp_password": {"sealed": b64encode(bytes(payload)).decode()}}, world.clock())
    assert not world.issuer.settings.smtp_password
    assert "smtp_password is left aside" in caplog.text


def _set(world: World, name: str, value: Any) -> None:
    with world.writing() as db:
        change.set_(db, world.issuer, name, value, by=SYSTEM)
