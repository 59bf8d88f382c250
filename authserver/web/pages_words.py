"""Sentences that are chosen by a value: what is wrong with a field, what a scope means, when something was."""

from datetime import UTC, datetime

from flask_babel import format_date, format_datetime
from markupsafe import Markup

from authserver.web.language import gettext, ngettext
from authserver.web.pages_parts import Problem

LONGEST_PASSWORD = 256


def problem(found: str, *, minimum: int = 0) -> str:
    """The sentence beside a field; a ready sentence stays what it is."""
    match found:
        case Problem.REQUIRED:
            return gettext("Fill this in.")
        case Problem.WRONG_PASSWORD:
            return gettext("This is not your current password.")
        case Problem.TOO_SHORT:
            return ngettext(
                "Use at least %(num)d character. A few words in a row are easy to remember.",
                "Use at least %(num)d characters. A few words in a row are easy to remember.",
                minimum,
            )
        case Problem.TOO_LONG:
            return gettext("Use at most %(most)d characters.", most=LONGEST_PASSWORD)
        case Problem.COMMON:
            return gettext("This password is on the lists that attackers try first. Choose another one.")
        case _:
            return _more(found)


def _more(found: str) -> str:
    match found:
        case Problem.ABOUT_YOU:
            return gettext("This password says your name, your address or ours. Choose another one.")
        case Problem.UNCHANGED:
            return gettext("This is your current password. Choose a new one.")
        case Problem.NOT_AN_ADDRESS:
            return gettext("This is not an e-mail address. It looks like name@example.org.")
        case Problem.TAKEN:
            return gettext("Another account has this already.")
        case Problem.UNUSABLE:
            return gettext("This holds characters that cannot be stored.")
        case _:
            return found


def consent_sentence(scope: str) -> str | None:
    """What a scope of OpenID Connect lets an app do; None for one that an API declares."""
    match scope:
        case "openid":
            return gettext("Know that it is you, by a number that says nothing else about you")
        case "profile":
            return gettext("See your name and user name")
        case "email":
            return gettext("See your e-mail address")
        case "groups":
            return gettext("See which groups you are in")
        case "offline_access":
            return gettext("Keep this while you are away, until you withdraw it")
        case _:
            return None


def moment(at: datetime) -> Markup:
    """A time that the browser turns into the reader's own; without JavaScript it is told in UTC."""
    return _time(at, f"{format_datetime(at.astimezone(UTC), 'medium', rebase=False)} UTC", "time")


def day(at: datetime) -> Markup:
    """The day of a time, in the same way."""
    return _time(at, format_date(at.astimezone(UTC), "long", rebase=False), "day")


def _time(at: datetime, shown: str, kind: str) -> Markup:
    exact = at.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}" data-local="{}">{}</time>').format(exact, kind, shown)


def wait(seconds: int) -> str:
    """How long to wait, in the unit that a person would use."""
    if seconds < 100:  # noqa: PLR2004
        return ngettext("%(num)d second", "%(num)d seconds", max(seconds, 1))
    if seconds < 5400:  # noqa: PLR2004
        return ngettext("%(num)d minute", "%(num)d minutes", -(-seconds // 60))
    return ngettext("%(num)d hour", "%(num)d hours", -(-seconds // 3600))
