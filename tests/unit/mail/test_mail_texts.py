"""Each mail in each language, and the texts that admins put in their place."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from authserver.audit import SYSTEM
from authserver.errors import NotFound, Refusal
from authserver.mail import drafts, replace, templates
from authserver.mail.drafts import Draft
from authserver.mail.languages import HERE
from authserver.mail.languages import spoken as language_of
from authserver.mail.letters import LETTERS, TEXTS
from authserver.store.records.outbox import MailTemplateRow
from tests.flow.conftest import MakeWorld
from tests.flow.world import World

OURS = [(name, locale) for name in TEXTS for locale in ("en", "de")]
REMOTE = re.compile(r"<(img|link|script|iframe|object)|url\(|@import", re.IGNORECASE)


@pytest.mark.parametrize(("name", "locale"), OURS)
def test_each_mail_has_a_whole_text_in_each_language(name: str, locale: str, world: World) -> None:
    draft = drafts.read((HERE / locale / f"{name}.txt").read_text(encoding="utf-8"))
    drafts.check(draft.subject, TEXTS[name].known)
    drafts.check(draft.text, TEXTS[name].known)


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", LETTERS)
def test_each_mail_is_text_and_html_without_anything_from_elsewhere(
    name: str, locale: str, world: World
) -> None:
    values = {value: f"<{value}>" for value in LETTERS[name].values}
    mail = templates.write(world.issuer, name, locale, values, f"{world.url}/account")
    assert mail.subject
    assert "<at>" not in mail.html
    assert not REMOTE.search(mail.html)
    assert "authserver" in mail.text
    assert set(re.findall(r"https?://[^\s<>\"]+", mail.text)) <= {
        world.url,
        f"{world.url},",
        f"{world.url}.",
        f"{world.url}/account",
    }
    assert all(len(line) <= 100 for line in mail.text.splitlines() if "://" not in line)


@pytest.mark.parametrize(
    ("wished", "languages", "spoken"),
    [
        ("de", ["en"], "de"),
        ("de-AT", ["en"], "de"),
        ("fr", ["de", "en"], "de"),
        (None, ["de"], "de"),
        (None, ["fr"], "en"),
        ("../../etc", ["en"], "en"),
        ("texts", ["en"], "en"),
    ],
)
def test_a_mail_speaks_the_language_of_the_person(
    wished: str | None, languages: list[str], spoken: str, world: World
) -> None:
    world.set(languages=languages)
    assert language_of(world.issuer, wished) == spoken


def test_a_replaced_text_is_live_and_can_be_taken_back(world: World) -> None:
    """AD-10: a row of the database goes before the file, at once."""
    draft = Draft(subject="Hi from {{ site_name }}", text="At {{ at }}.", html="<p>{{ at }}</p>")
    with world.writing() as db:
        replace.put(db, world.issuer, "test", "en", draft, by=SYSTEM)
    mail = templates.write(world.issuer, "test", "en", {"at": world.clock()})
    assert mail.subject == "Hi from authserver"
    assert "At January 15, 2027, 12:00 PM UTC." in mail.text.replace("\u202f", " ")
    assert mail.html.startswith("<p>January")
    with world.writing() as db:
        replace.take_back(db, world.issuer, "test", "en", by=SYSTEM)
    assert "works" in templates.write(world.issuer, "test", "en", {"at": ""}).subject
    assert [
        event.data["act"] for event in world.events("changed") if event.data["kind"] == "mail_template"
    ] == [
        "changed",
        "removed",
    ]


def test_a_text_that_asks_for_what_there_is_not_cannot_be_kept(world: World) -> None:
    """AD-10: values are those of an allow-list; what else is asked for is refused, field by field."""
    draft = Draft(subject="{{ ''.__class__ }}", text="{{ password }}", html="{% for a in b %}{% endfor %}")
    with pytest.raises(Refusal) as refused, world.writing() as db:
        replace.put(db, world.issuer, "test", "en", draft, by=SYSTEM)
    assert set(refused.value.fields) == {"subject", "text", "html"}
    for name, locale in (("nothing", "en"), ("test", "xx")):
        with pytest.raises(NotFound), world.writing() as db:
            replace.put(db, world.issuer, name, locale, Draft(subject="a", text="b"), by=SYSTEM)


def test_a_broken_text_falls_back_and_is_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """AD-10: a row that is no good any more, by whatever way it came, does not keep a mail from people."""
    with world.writing() as db:
        db.orm.add(
            MailTemplateRow(
                name="test",
                locale="en",
                subject="{{ ''.__class__ }}",
                text="x",
                updated_by="x",
                updated_at=world.clock(),
            )
        )
    assert "works" in templates.write(world.issuer, "test", "en", {"at": ""}).subject
    assert "the replaced text of the mail test (en) is left aside" in caplog.text
    (sentence,) = templates.trouble(world.issuer)
    assert "the mail test (en) is broken" in sentence


def test_a_deployment_has_files_and_languages_of_its_own(make_world: MakeWorld, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "mail" / "fr"
    folder.mkdir(parents=True)
    (folder / "test.txt").write_text("Subject: Bonjour\n\nÀ {{ at }}.\n", encoding="utf-8")
    world = make_world(templates_dir=tmp_path / "own")
    mail = templates.write(world.issuer, "test", language_of(world.issuer, "fr"), {"at": world.clock()})
    assert (mail.subject, mail.locale) == ("Bonjour", "fr")
    assert "15 janvier 2027" in mail.text
    assert "Nobody reads answers" in mail.text, "what is not written in French is English"


def test_every_mail_ends_some_time() -> None:
    assert all(timedelta() < letter.lives <= timedelta(days=7) for letter in LETTERS.values())
