"""The small language of mail texts: values, `if`, and paragraphs. Nothing in it can be run. AD-10."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

LONGEST = 20_000
WIDTH = 72
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If,
    nodes.Not, nodes.And, nodes.Or, nodes.CondExpr, nodes.Const,
)  # fmt: skip
BETWEEN = re.compile(r"\n[ \t]*\n")
BUTTON = re.compile(r"\[([^\[\]\n]+)\]")
# A line end within a subject would begin a header, and one within a paragraph a paragraph.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")

PLAIN = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
MARKUP = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
for environment in (PLAIN, MARKUP):
    environment.globals.clear()
    environment.filters.clear()

Kind = Literal["said", "button", "code"]


class BrokenDraft(Exception):
    """The text does not hold to the language; the sentence is for whoever wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A mail's text before its values are filled in. An empty `html` is made from the text."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A paragraph with its values: a sentence or more, the label of the button, or a code to be shown large."""

    kind: Kind
    text: str


def read(source: str) -> Draft:
    """The draft in a file: `Subject: …`, an empty line, the text."""
    first, _, text = source.replace("\r\n", "\n").partition("\n")
    subject = first.removeprefix("Subject:")
    if subject == first or not subject.strip():
        raise BrokenDraft("The first line must be 'Subject: …'.")
    return Draft(subject=subject.strip(), text=text.strip("\n"))


def check(source: str, known: frozenset[str]) -> None:
    """See to it that a text asks for nothing but values that there are."""
    if len(source) > LONGEST:
        raise BrokenDraft(f"This is longer than {LONGEST} characters.")
    try:
        tree = PLAIN.parse(source)
    except TemplateSyntaxError as error:
        raise BrokenDraft(f"Line {error.lineno}: {error.message}") from error
    for node in _inner(tree):
        if not isinstance(node, ALLOWED):
            raise BrokenDraft(
                f"Line {node.lineno}: a text may show values and ask whether there is one; nothing else."
            )
        if isinstance(node, nodes.Name) and node.name not in known:
            raise BrokenDraft(
                f"Line {node.lineno}: there is no {node.name[:40]}; there are {', '.join(sorted(known))}."
            )


def _inner(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _inner(child)


def line(source: str, values: Mapping[str, str]) -> str:
    """A text of one line, such as a subject."""
    check(source, frozenset(values))
    return " ".join(PLAIN.from_string(source).render(clean(values)).split())


def parts(source: str, values: Mapping[str, str]) -> Iterator[Part]:
    """The paragraphs, each with its values: no value can begin a paragraph, or be taken for a button."""
    for paragraph in filter(None, (each.strip() for each in BETWEEN.split(source))):
        button = BUTTON.fullmatch(paragraph)
        if button:
            yield Part(kind="button", text=line(button[1], values))
            continue
        kind: Kind = "code" if paragraph.startswith("# ") else "said"
        text = line(paragraph.removeprefix("# "), values)
        if text:
            yield Part(kind=kind, text=text)


def page(source: str, values: Mapping[str, str]) -> str:
    """HTML that an admin wrote, with its values escaped."""
    check(source, frozenset(values))
    return MARKUP.from_string(source).render(clean(values))


def as_text(found: tuple[Part, ...], link: str) -> str:
    """Paragraphs as plain text, in lines that every reader shows."""

    def shown(part: Part) -> str:
        match part.kind:
            case "button":
                return f"{part.text}:\n{link}"
            case "code":
                return f"    {part.text}"
            case "said":
                return textwrap.fill(part.text, WIDTH, break_long_words=False, break_on_hyphens=False)

    return "\n\n".join(map(shown, found))


def as_markup(part: Part) -> str:
    """One paragraph's words for the inside of a tag."""
    return str(escape(part.text))


def clean(values: Mapping[str, str]) -> dict[str, str]:
    """Values as one line each, without what would turn a line around."""
    return {name: DIRECTIONS.sub("", CONTROLS.sub(" ", value)) for name, value in values.items()}
