"""A text of the deployment as HTML: paragraphs, headings, and links to addresses. Nothing else of it is markup."""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

ADDRESS = re.compile(r"(https://[^\s<>\"']*[^\s<>\"'.,;:!?)\]])")
BREAK = re.compile(r"\n[ \t]*\n")


def prose(text: str) -> Markup:
    return Markup("\n").join(map(_block, _blocks(text)))


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs have an empty line between them; a heading is a line of its own."""
    for block in BREAK.split(text.replace("\r\n", "\n").strip()):
        first, _, rest = block.strip().partition("\n")
        if first.startswith("#"):
            yield first
            if rest.strip():
                yield rest.strip()
        elif block.strip():
            yield block.strip()


def _block(block: str) -> Markup:
    if block.startswith("#"):
        return Markup("<h2>{}</h2>").format(block.lstrip("#").strip())
    lines = [Markup("").join(map(_part, ADDRESS.split(line))) for line in block.split("\n")]
    return Markup("<p>{}</p>").format(Markup("<br>").join(lines))


def _part(part: str) -> Markup:
    if ADDRESS.fullmatch(part):
        return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(part)
    return escape(part)
