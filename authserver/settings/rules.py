"""What settings must fulfil beyond their type: texts that mean something, and values that fit each other."""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from authserver.clock import moment
from authserver.settings.catalogue import Settings
from authserver.settings.colours import DARK_SHEET, LIGHT_SHEET, check_accent

LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
ADDRESS = re.compile(r"[^\s@:/\\\"<>]+@[^\s@:/\\\"<>]+")
PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*")
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
NETWORKS, LANGUAGES = 100, 20

# (what must not be more, than what, the sentence about the first, the sentence about the second)
ORDER = (
    ("session_idle", "session_lifetime", "A session cannot be idle for longer than it lasts."),
    ("remembered_idle", "remembered_lifetime", "A session cannot be idle for longer than it lasts."),
    ("session_lifetime", "remembered_lifetime", "'Keep me signed in' must not last shorter than without it."),
    ("refresh_idle_lifetime", "refresh_lifetime", "A family cannot be unused for longer than it lasts."),
    ("password_failures", "password_failures_ever", "The end must not come before the first closing."),
    (
        "password_min_length_with_second",
        "password_min_length",
        "A password beside a second factor may be as short as one alone, or shorter.",
    ),
    ("code_failures", "code_failures_lock", "The lock must not come before the first wait."),
    ("address_failures", "named_network_failures", "A named network is allowed at least what an address is."),
)


def wrong(settings: Settings, changed: str) -> str | None:
    """Say what is wrong with the value of a setting just changed, beside all the others; None when nothing is."""
    check = ALONE.get(changed)
    found = check(getattr(settings, changed)) if check else None
    return found or next(_against_others(settings, changed), None)


def _against_others(settings: Settings, changed: str) -> Iterator[str]:
    for less, more, sentence in ORDER:
        one, other = getattr(settings, less), getattr(settings, more)
        if changed in {less, more} and one > other:
            rest = f"{more} is {other}" if changed == less else f"{less} is {one}"
            yield f"{sentence} Now {rest}."
    if settings.terms_version and not (settings.terms_text or settings.privacy_text):
        if changed == "terms_version":
            yield "There is no text to accept. Set terms_text or privacy_text first."
        elif changed in {"terms_text", "privacy_text"}:
            yield "Everybody must accept this text. Set terms_version to nothing first."
    # What is sent in clear can be read on its way, links that reset passwords among it.
    in_clear = settings.smtp_tls == "none" and settings.smtp_host not in {"", *HERE}
    if in_clear and changed in {"smtp_host", "smtp_tls"}:
        yield "Only a mail server on this machine may go without TLS."


def _link(url: str) -> str | None:
    return None if not url or _is_https(url) else "This must be an https address, or empty."


def _logo(url: str) -> str | None:
    if not url or _is_https(url) or PATH.fullmatch(url):
        return None
    return "This must be an https address or a path of this server, or empty."


def _contact(text: str) -> str | None:
    if not text or ADDRESS.fullmatch(text) or _is_https(text):
        return None
    return "This must be an e-mail address or an https address, or empty."


def _is_https(url: str) -> bool:
    # What stands here becomes a link or an image on every page, and its origin a word of their content policy.
    if not url.startswith("https://") or not url.isascii() or re.search(r"[\s\\\"'<>;,`{}|^]", url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # a bad port is found out here
    except ValueError:
        return False
    return bool(parts.hostname) and parts.username is None


def _languages(tags: tuple[str, ...]) -> str | None:
    if len(tags) > LANGUAGES or len(set(tags)) != len(tags):
        return f"Name each language once, and at most {LANGUAGES}."
    wrong_one = next((tag for tag in tags if not LANGUAGE.fullmatch(tag)), None)
    return (
        f"{wrong_one[:40]!r} is not a language tag, such as en or pt-BR." if wrong_one is not None else None
    )


def _networks(names: tuple[str, ...]) -> str | None:
    if len(names) > NETWORKS:
        return f"Name at most {NETWORKS} networks."
    for name in names:
        try:
            ip_network(name)
        except ValueError:
            return f"{name[:50]!r} is not a network, such as 192.0.2.0/24 or 2001:db8::/32."
    return None


def _accent(sheet: str) -> Callable[[str], str | None]:
    def check(colour: str) -> str | None:
        better = check_accent(colour, sheet) if colour else None
        return (
            f"Text in this colour is hard to read; {better} is the nearest shade that is not."
            if better
            else None
        )

    return check


def _sender(address: str) -> str | None:
    if not address or (ADDRESS.fullmatch(address) and address.isascii()):
        return None
    return "This must be an e-mail address, without a name, or empty."


def _host(name: str) -> str | None:
    return (
        None if not name or HOST.fullmatch(name) else "This must be the name or address of a host, or empty."
    )


def _file(path: str) -> str | None:
    return None if not path or path.startswith("/") else "This must be a path from the root, or empty."


def _digits(count: int) -> str | None:
    return None if count in {6, 8} else "This must be 6 or 8."


def _moment(text: str) -> str | None:
    return None if not text or moment(text) else "This must be a date, such as 2027-06-30, or empty."


ALONE: Mapping[str, Callable[[Any], str | None]] = {
    "logo_url": _logo,
    "privacy_url": _link,
    "imprint_url": _link,
    "support_contact": _contact,
    "languages": _languages,
    "totp_digits": _digits,
    "mail_from": _sender,
    "smtp_host": _host,
    "smtp_ca_file": _file,
    "admins_exempt_until": _moment,
    "named_networks": _networks,
    "accent_light": _accent(LIGHT_SHEET),
    "accent_dark": _accent(DARK_SHEET),
}
