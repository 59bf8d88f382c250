"""Texts of pages that many people are shown alike: rendered once, and kept without what is new each time.

A page names what is new in `new`, and has marks in its place: they pass through a template, and through the quoting of
addresses, as they are. Nobody outside ever sees one, so nothing that somebody typed can be taken for one.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from secrets import token_hex

from markupsafe import escape

from authserver.web.branding import Branding

MOST = 200
PLAIN = re.compile(r"[^&<>\"']*")  # escaping leaves it as it is


def mark() -> str:
    """Stands in a page for what is new each time."""
    return f"new{token_hex(16)}"


def filled(text: str, new: Mapping[str, str]) -> str:
    """The text with what is new, escaped as a template would have it."""
    for found, value in new.items():
        text = text.replace(found, value if PLAIN.fullmatch(value) else escape(value))
    return text


class Texts:
    """Texts by what they follow from, while the branding is the very same: any changed setting makes another."""

    def __init__(self) -> None:
        self._held: tuple[Branding | None, dict[Hashable, str]] = (None, {})

    def get(self, branding: Branding, key: Hashable, make: Callable[[], str]) -> str:
        held = self._held
        if held[0] is not branding or len(held[1]) >= MOST:
            held = self._held = (branding, {})
        found = held[1].get(key)
        if found is None:
            found = held[1][key] = make()
        return found
