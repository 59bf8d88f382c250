"""Which language a page speaks, and its words: the catalogues are read as they are written, from .po files.

Nothing is compiled beforehand, so there is no second copy that could be stale; a catalogue is read at its first use.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context
from flask_babel import Babel, Domain, refresh
from flask_babel import gettext as _gettext
from flask_babel import ngettext as _ngettext
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from authserver.web import here

FOLDER = Path(__file__).parent / "translations"
SOURCE, PSEUDO = "en", "qps-plocm"
TRANSLATED = ("de",)
NAMES = {"en": "English", "de": "Deutsch", PSEUDO: "[Ƥşḗŭḓǿ]"}
OVERRIDES = "~"
EXTENSION = "authserver_language"
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")
MOST_TAGS = 10
# Placeholders and mark-up stay as they are; the letters between them do not.
PLACE = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]+>|\n)")
PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ODD = "ȦƁƇḒḖƑƓĦĪĴĶĿḾȠǾƤɊŘŞŦŬṼẆẊẎẐȧƀƈḓḗƒɠħīĵķŀḿƞǿƥɋřşŧŭṽẇẋẏẑ"
ACCENTED = str.maketrans(PLAIN, ODD)


def install(app: Flask, *, offered: Callable[[], Sequence[str]], cookie: Callable[[], str | None]) -> None:
    """Give the app its words. Both are asked in each request: the languages offered, and the language cookie."""
    app.extensions[EXTENSION] = (offered, cookie)
    babel = Babel()
    babel.init_app(app, default_locale=SOURCE, locale_selector=_locale)
    babel.domain_instance = _Words()
    # Flask-Babel looks its context and domain up for every message of a page; the words are one step away.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: words(current()).gettext(text),
        lambda one, many, num: words(current()).ngettext(one, many, num),
        newstyle=True,
    )
    # Jinja's own way from `_` to the same words leads three times through the context of the page.
    app.jinja_env.globals["_"] = _in_page


def gettext(message: str, **values: object) -> str:
    """The message in the language of this request."""
    return str(_gettext(message, **values))


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """The message for this number, in the language of this request."""
    return str(_ngettext(one, many, num, **values))


def available(languages: Iterable[str], *, mirrored: bool = False) -> tuple[str, ...]:
    """Those of these languages that pages are complete in; `mirrored` adds the mirrored one, for development.

    Without it this is what discovery says in ui_locales_supported.
    """
    found = tuple(language for language in languages if language in {SOURCE, *TRANSLATED}) or (SOURCE,)
    return (*found, PSEUDO) if mirrored else found


def choose(
    languages: Sequence[str], *, ui_locales: str = "", cookie: str = "", accepted: Sequence[str] = ()
) -> str:
    """The language of a page: what the app asks for, then the cookie, then the browser, then English.

    A cookie `de~en` was set by somebody who read English because an app had asked for it and wanted German: it goes
    before that wish, and only that one.
    """
    wished = _first(ui_locales.split()[:MOST_TAGS], languages)
    kept, _, instead_of = cookie.partition(OVERRIDES)
    if wished and kept in languages and instead_of == wished:
        return kept
    fallback = SOURCE if SOURCE in languages else languages[0]
    return wished or (kept if kept in languages else None) or _first(accepted, languages) or fallback


@lru_cache(maxsize=100)  # most browsers ask for one of a few things
def _chosen(languages: tuple[str, ...], ui_locales: str, cookie: str, header: str) -> str:
    accepted = parse_accept_header(header, LanguageAccept).values()
    return choose(languages, ui_locales=ui_locales, cookie=cookie, accepted=tuple(accepted)[:MOST_TAGS])


def cookie_value(to: str, languages: Sequence[str], instead_of: str = "") -> str | None:
    """What the language cookie holds after a press in the footline; None for a language that is not offered."""
    if to not in languages:
        return None
    return f"{to}{OVERRIDES}{instead_of}" if instead_of in languages else to


def prefer(ui_locales: str) -> None:
    """Let the rest of this request speak what the app asked for: for views that read it from a login under way."""
    g.ui_locales = ui_locales
    g.pop("language", None)
    refresh()


def current() -> str:
    """The language of the request under way."""
    if not has_request_context():
        return SOURCE
    kept = here.kept()
    found: str | None = kept.get("language")
    if found is None:
        languages, cookie = here.app().extensions[EXTENSION]
        header = here.asked().environ.get("HTTP_ACCEPT_LANGUAGE", "")
        found = kept["language"] = _chosen(tuple(languages()), wished(), cookie() or "", header)
    return found


def offered() -> Sequence[str]:
    """The languages of this deployment, the first is the fallback."""
    languages: Sequence[str] = here.app().extensions[EXTENSION][0]()
    return languages


def wished() -> str:
    """The ui_locales that count for this request."""
    spoken: str | None = here.kept().get("ui_locales")
    return spoken or here.query().get("ui_locales", "")


def overridden() -> str:
    """The language that a press in the footline would go against: the one that an app asked for, or none."""
    wish = wished()
    return (_first(wish.split()[:MOST_TAGS], offered()) or "") if wish else ""


def tag(language: str) -> str:
    """What the `lang` attribute says of it: the pseudo-locale is English in odd letters."""
    return f"{SOURCE}-x-{PSEUDO}" if language == PSEUDO else language


@lru_cache
def direction(language: str) -> str:
    """Which way its lines run: ltr or rtl."""
    if language == PSEUDO:
        return "rtl"
    found: str = Locale.parse(language, sep="-").text_direction
    return found


@lru_cache
def words(language: str) -> NullTranslations:
    """The catalogue of a language; the source language needs none."""
    if language not in {*TRANSLATED, PSEUDO}:
        return Translations()
    catalog = pseudo(read(SOURCE)) if language == PSEUDO else read(language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def read(language: str) -> Catalog:
    """The catalogue as it is written; that of the source language is the template of all others."""
    name = "messages.pot" if language == SOURCE else f"{language}.po"
    with (FOLDER / name).open("rb") as file:
        return read_po(file, locale=None if language == SOURCE else language)


def pseudo(source: Catalog) -> Catalog:
    """Every message of the source, accented, bracketed and a third longer: what is not translated is seen at once."""
    made = Catalog(locale=SOURCE)
    for message in source:
        if not message.id:
            continue
        if isinstance(message.id, str):
            made.add(message.id, accented(message.id), context=message.context)
        else:
            made.add(message.id, tuple(map(accented, message.id)), context=message.context)
    return made


def accented(text: str) -> str:
    """The text in letters that can be read and are not those of any language, its placeholders untouched."""
    parts = PLACE.split(text)
    odd = "".join(part if index % 2 else part.translate(ACCENTED) for index, part in enumerate(parts))
    return f"[{odd}{'·' * (len(text) // 3)}]"


def _in_page(message: str, /, **values: object) -> Markup:
    """A message as a template says it: our own mark-up, with values from outside escaped into it."""
    return Markup(words(current()).gettext(message)) % values  # noqa: S704


class _Words(Domain):  # type: ignore[misc]
    """Flask-Babel's way to our catalogues."""

    def get_translations(self) -> NullTranslations:
        return words(current())


def _locale() -> str:
    # Dates and numbers of the pseudo-locale are English: it has none of its own.
    language = current()
    return SOURCE if language == PSEUDO else language.replace("-", "_")


def _first(wanted: Iterable[str], languages: Sequence[str]) -> str | None:
    """The first wanted tag that is offered, as itself or with its last parts left away. RFC 4647 §3.4."""
    known = {language.lower(): language for language in languages}
    for tag in wanted:
        parts = tag.lower().split("-") if TAG.fullmatch(tag) else []
        while parts:
            if "-".join(parts) in known:
                return known["-".join(parts)]
            parts.pop()
    return None
