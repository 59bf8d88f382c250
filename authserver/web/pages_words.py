"""Sentences that are chosen by a value: what is wrong with a field, what a scope means, when something was."""

import re
from datetime import UTC, datetime

from flask_babel import format_date, format_datetime
from markupsafe import Markup

from authserver.web.language import gettext, ngettext
from authserver.web.pages_parts import Problem

NUMBER = re.compile(r"\d+")
# Sentences of the parts below, which know no languages. A number in one stands for any number.
BELOW = frozenset(
    (
        "A password has at least %(num)s characters.",
        "This is longer than %(num)s characters.",
        "This holds characters that cannot be typed.",
        "Control characters are not allowed.",
        "An e-mail address has at most %(num)s characters.",
        "This is not an e-mail address.",
        "The part behind the @ is not a host name.",
        "Somebody else has this already.",
        # What linking says.
        "There is an account with this address. Sign in to it to connect the two.",
        # What directories say.
        "Your account there cannot be used. Please ask those who run it.",
        # What factors say.
        "Password",
        "Authenticator app",
        "Enter the code from your app",
        "Code",
        "The app shows a new one every 30 seconds.",
        "Get a code by e-mail",
        "Code by e-mail",
        "Code from the mail",
        "This is not the code that was sent last. Look for the newest mail.",
        "This code has ended. Have another one sent.",
        "This code was used already. Have another one sent.",
        "This code has ended. Ask for another one.",
        "This is your address already.",
        "a code from your phone or computer",
        "Recovery code",
        "Enter a recovery code",
        "from the list that you kept",
        "One of those that you kept when you set up two-step sign-in. It works once.",
        "This code was used already. Wait for the next one in your app.",
        "This code is not of now. Wait for the next one, and see whether the clock of that device is right.",
        "This is not the code that the app shows. Check its digits, and that it is the entry for this account.",
        "This took too long. Begin anew.",
        "Passkey",
        "Add a passkey",
        "This password is among the first that are tried. Choose another one.",
        "This is made of your name, your address or the name of this site. Choose another one.",
        "This repeats itself. Choose another one.",
        "Please read and accept this.",
        "on this device, in your password manager or on a key that you plug in",
        "This passkey was not taken. Try once more.",
        "Use your passkey",
        "Your device asks for your finger, your face or its PIN.",
        "This page was open for too long. Try once more.",
        "This passkey did not work here. Try once more, or use another way.",
        "This passkey did not check that it is you, so it is good only after the password.",
        "This passkey says that it was copied. It is not taken any more; use another way.",
        "This is not one of your recovery codes, or it was used already. Each one works once.",
    )
)


def problem(found: str) -> str:
    """The sentence beside a field, in the language of the page where it is known."""
    if found == Problem.REQUIRED:
        return gettext("Fill this in.")
    number = NUMBER.search(found)
    pattern = NUMBER.sub("%(num)s", found, count=1)
    if pattern not in BELOW:
        return found
    return gettext(pattern, num=number[0]) if number else gettext(found)


def translated(text: str) -> str:
    """Words that came from a factor, in the language of the page where it is known."""
    return gettext(text) if text else ""


def consent_sentence(scope: str) -> str | None:
    """What a scope of OpenID Connect lets an app do; None for one that an API declares."""
    sentences = {
        "openid": gettext("Recognize you when you come back"),
        "profile": gettext("See your name and user name"),
        "email": gettext("See your e-mail address"),
        "groups": gettext("See which groups you are in"),
        "orcid": gettext("See your ORCID iD"),
        "eduperson": gettext(
            "See what your organization says of you: its name, yours there, and what you are there"
        ),
        "offline_access": gettext("Keep this while you are away, until you withdraw it"),
    }
    return sentences.get(scope)


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
