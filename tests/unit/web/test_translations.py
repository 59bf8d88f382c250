"""The words of the pages: complete in every language, and chosen by the rules."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

import authserver
from authserver.web import language, pages_words
from authserver.web.language import PSEUDO, accented, available, choose, cookie_value
from tests import catalogue, gallery

LANGUAGES = ("en", "de", PSEUDO)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
POLITE = re.compile(r"\b(du|dein|deine|deinen|deinem|dir|dich)\b", re.IGNORECASE)


def ids(messages: object) -> set[object]:
    return {message.id for message in messages if message.id}  # type: ignore[attr-defined]


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_the_catalogues_hold_exactly_what_the_pages_say() -> None:
    """WEB-9. `python -m tests.catalogue` brings them up to date."""
    assert dict(catalogue.up_to_date()) == {
        path.name: path.read_bytes() for path in language.FOLDER.iterdir()
    }


@pytest.mark.parametrize("tag", language.TRANSLATED)
def test_nothing_is_left_untranslated(tag: str) -> None:
    """WEB-9: every message has its words in every plural form, none is a guess, and no placeholder is lost."""
    for message in language.read(tag):
        if message.id:
            assert all(forms(message)), message.id
            assert not message.fuzzy, message.id
            source = message.id if isinstance(message.id, str) else message.id[-1]
            for form in forms(message):
                assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(source)), message.id


def test_german_speaks_to_strangers_politely() -> None:
    assert not [form for message in language.read("de") for form in forms(message) if POLITE.search(form)]


def test_every_sentence_of_the_parts_below_is_still_said_there() -> None:
    package = Path(authserver.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py") if "web" not in path.parts)
    for sentence in pages_words.BELOW:
        assert all(part in source for part in PLACEHOLDER.split(sentence)), sentence


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("A password has at least 15 characters.", "Ein Passwort hat mindestens 15 Zeichen."),
        ("This is not an e-mail address.", "Das ist keine E-Mail-Adresse."),
        ("100% of nobody's words", "100% of nobody's words"),
    ],
)
def test_sentences_of_the_parts_below_are_translated_where_they_are_known(said: str, german: str) -> None:
    with gallery.make_app().test_request_context("/?ui_locales=de"):
        assert pages_words.problem(said) == german


def test_the_pseudo_locale_is_made_from_the_source_and_so_is_always_complete() -> None:
    """WEB-9: it is read right to left, and whatever is not translated stands out."""
    made = ids(language.pseudo(catalogue.extracted()))
    assert made == ids(catalogue.extracted())
    assert language.direction(PSEUDO) == "rtl"
    assert language.direction("de") == "ltr"
    assert accented("Back to %(app)s") == "[Ɓȧƈķ ŧǿ %(app)s·····]"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "en", id="nothing-said"),
        pytest.param({"ui_locales": "fr de en"}, "de", id="the-first-that-is-spoken"),
        pytest.param({"ui_locales": "de-AT"}, "de", id="a-region-falls-back"),
        pytest.param({"ui_locales": "DE"}, "de", id="case-does-not-matter"),
        pytest.param({"ui_locales": "de", "cookie": "en"}, "de", id="ui-locales-before-cookie"),
        pytest.param({"ui_locales": "en", "cookie": "de~en"}, "de", id="a-press-against-ui-locales-holds"),
        pytest.param(
            {"ui_locales": "de", "cookie": "en~qps-plocm"}, "de", id="against-another-wish-it-does-not"
        ),
        pytest.param({"cookie": "de", "accepted": ["en"]}, "de", id="cookie-before-browser"),
        pytest.param({"cookie": "de~en"}, "de", id="a-press-is-kept-without-a-wish"),
        pytest.param({"cookie": "xx", "accepted": ["de-CH", "en"]}, "de", id="unknown-cookie"),
        pytest.param({"accepted": ["fr", "*", "de;q=x", "de"]}, "de", id="odd-header"),
        pytest.param({"ui_locales": "../../etc de\x00 " + "x " * 1000}, "en", id="nonsense"),
        pytest.param({"ui_locales": PSEUDO}, PSEUDO, id="mirrored"),
    ],
)
def test_the_language_is_chosen_by_the_app_then_the_cookie_then_the_browser(
    given: dict, expected: str
) -> None:
    """WEB-9."""
    assert choose(LANGUAGES, **given) == expected


def test_where_english_is_not_offered_the_first_language_is_the_fallback() -> None:
    assert choose(("de",), accepted=["en"]) == "de"


def test_only_complete_languages_are_offered_and_the_mirrored_one_in_development_alone() -> None:
    """What discovery says in ui_locales_supported."""
    assert available(("de", "xx", "en")) == ("de", "en")
    assert available(("xx",)) == ("en",)
    assert available(("en",), mirrored=True) == ("en", PSEUDO)


def test_the_language_cookie_holds_only_languages_that_are_offered() -> None:
    assert cookie_value("de", LANGUAGES) == "de"
    assert cookie_value("de", LANGUAGES, "en") == "de~en"
    assert cookie_value("de", LANGUAGES, "<script>") == "de"
    assert cookie_value("xx", LANGUAGES) is None
