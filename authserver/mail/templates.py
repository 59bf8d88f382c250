"""The text of each mail in each language: what an admin put in its place, else the deployment's file, else ours."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from babel import Locale
from babel.dates import format_date, format_time
from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from authserver import metrics
from authserver.issuer import Issuer
from authserver.mail import drafts
from authserver.mail.drafts import BrokenDraft, Draft
from authserver.mail.languages import HERE, SOURCE, Written, locales, own
from authserver.mail.letters import FOOTER, TEXTS
from authserver.store import Session
from authserver.store.outbox import REPLACED

log = logging.getLogger(__name__)
TOPIC = "mail_templates"
T = TypeVar("T")
Replaced = Mapping[tuple[str, str], Draft]


def write(
    issuer: Issuer, name: str, locale: str, values: Mapping[str, str | datetime], link: str = ""
) -> Written:
    """A mail with its values. A text that is broken falls back to the next one, and is told of. AD-10."""
    settings = issuer.settings
    about = {key: _shown(value, locale) for key, value in values.items()}
    about |= {
        "site_name": settings.site_name,
        "issuer": issuer.url,
        "support_contact": settings.support_contact,
        "link": link,
    }
    allowed = {key: about.get(key, "") for key in TEXTS[name].known}
    below = {key: about[key] for key in TEXTS[FOOTER].known}
    feet = _first_whole(issuer, FOOTER, locale, lambda draft: tuple(drafts.parts(draft.text, below)))
    return _first_whole(issuer, name, locale, lambda draft: _written(draft, allowed, locale, feet))


def _written(draft: Draft, values: Mapping[str, str], locale: str, feet: tuple[drafts.Part, ...]) -> Written:
    link = values["link"]
    subject, said = drafts.line(draft.subject, values), tuple(drafts.parts(draft.text, values))
    if not subject or not said:
        raise BrokenDraft("There is nothing in it.")
    below = drafts.as_text(feet, link)
    html = (
        drafts.page(draft.html, values)
        if draft.html
        else _layout().render(
            subject=subject,
            parts=said,
            feet=feet,
            link=link,
            locale=locale,
            direction=Locale.parse(locale, sep="-").text_direction,
        )
    )
    return Written(
        subject=subject,
        text=f"{drafts.as_text(said, link)}\n\n-- \n{below}\n",
        html=html,
        locale=locale,
        link=link,
    )


def _first_whole(issuer: Issuer, name: str, locale: str, made: Callable[[Draft], T]) -> T:
    """What comes of the first text that is whole: the replaced one, the deployment's file, ours."""
    for origin, draft in candidates(issuer, name, locale):
        try:
            return made(drafts.read(draft) if isinstance(draft, str) else draft)
        except (BrokenDraft, TemplateError) as error:
            log.error("the %s of the mail %s (%s) is left aside: %s", origin, name, locale, error)  # noqa: TRY400
            metrics.count("mails", result="broken_template")
    raise LookupError(f"the mail {name} has no text")


def candidates(issuer: Issuer, name: str, locale: str) -> Iterator[tuple[str, Draft | str]]:
    """The texts of a mail, best first, each with where it comes from."""
    replaced = _replaced(issuer).get((name, locale))
    if replaced is not None:
        yield "replaced text", replaced
    ours = own(issuer)
    files = [("file", ours / locale), ("file", ours / SOURCE)] if issuer.config.templates_dir else []
    for origin, folder in (*files[:1], ("text", HERE / locale), *files[1:], ("text", HERE / SOURCE)):
        try:
            yield origin, (folder / f"{name}.txt").read_text(encoding="utf-8")
        except FileNotFoundError:
            continue


def trouble(issuer: Issuer) -> Iterator[str]:
    """What is wrong with texts that were replaced here or by files, one sentence each."""
    for name, letter in TEXTS.items():
        for locale in locales(issuer):
            for origin, draft in candidates(issuer, name, locale):
                try:
                    whole = drafts.read(draft) if isinstance(draft, str) else draft
                    for source in (whole.subject, whole.text, whole.html):
                        drafts.check(source, letter.known)
                except BrokenDraft as error:
                    yield f"The {origin} of the mail {name} ({locale}) is broken: {error}"


def _replaced(issuer: Issuer) -> Replaced:
    """The texts that admins put in the place of files, live on every node."""
    return issuer.live(TOPIC, _all_replaced)


def _all_replaced(db: Session) -> Replaced:
    return {
        (name, locale): Draft(subject=subject, text=text, html=html)
        for name, locale, subject, text, html in db.hot(REPLACED, {}).fetchall()
    }


def _shown(value: str | datetime, locale: str) -> str:
    if isinstance(value, str):
        return value
    spoken = locale.replace("-", "_")
    day = format_date(value.astimezone(UTC), "long", locale=spoken)
    return f"{day}, {format_time(value, 'short', tzinfo=UTC, locale=spoken)} UTC"


@lru_cache
def _layout() -> Template:
    """The frame around each mail; a file of ours, which no value can reach."""
    frame = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return frame.get_template("letter.html")
