"""Reads a page as a browser without JavaScript does: its forms, its links, its words."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

SENDING = {"submit", "image"}
SPEAKING = {"script", "style", "h1", "title"}


@dataclass(slots=True, kw_only=True)
class Button:
    """One way to send a form."""

    name: str = ""
    value: str = ""
    words: str = ""
    action: str = ""


@dataclass(slots=True, kw_only=True)
class Input:
    """A field that a person fills, or that the page filled."""

    name: str
    kind: str
    value: str
    sent: bool = True
    autocomplete: str = ""
    required: bool = False


@dataclass(slots=True, kw_only=True)
class Form:
    """What a form would send, and where."""

    page: str
    action: str
    method: str
    id: str
    inputs: list[Input] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def has(self, kind: str) -> bool:
        return any(entry.kind == kind for entry in self.inputs)

    def named(self, *, kind: str = "", autocomplete: str = "") -> str:
        """The name of the one field of this kind, or with this word in its autocomplete."""
        found = [
            entry.name
            for entry in self.inputs
            if (kind and entry.kind == kind) or (autocomplete and autocomplete in entry.autocomplete.split())
        ]
        assert len(found) == 1, f"{found} for {kind or autocomplete} in {self}"
        return found[0]

    def button(self, words: str = "") -> Button:
        """The button that says this; without words the first one."""
        for button in self.buttons:
            if words.lower() in button.words.lower():
                return button
        said = [button.words for button in self.buttons]
        raise AssertionError(f"no button says {words!r}, only {said}")

    def fields(
        self, filled: dict[str, str] | None = None, button: Button | None = None
    ) -> list[tuple[str, str]]:
        """What is sent when this button is pressed."""
        filled = dict(filled or {})
        unknown = set(filled) - {entry.name for entry in self.inputs}
        assert not unknown, f"the form has no field {unknown}"
        pairs = [
            (entry.name, filled.get(entry.name, entry.value))
            for entry in self.inputs
            if entry.sent or entry.name in filled
        ]
        if button is not None and button.name:
            pairs.append((button.name, button.value))
        return pairs

    def address(self, button: Button | None = None) -> str:
        return urljoin(self.page, (button.action if button else "") or self.action or self.page)


@dataclass(slots=True, kw_only=True)
class Link:
    """Where it leads, and what it says."""

    to: str
    words: str = ""


class Page(HTMLParser):
    """The forms and links of one HTML page."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.words = ""
        self.heading = ""
        self.language = ""
        self._open: dict[str, Any] = dict.fromkeys(("form", "button", "a", "select", "textarea"))
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def form(self, words: str = "") -> Form:
        """The form that has a button saying this; without words the only form."""
        found = [
            form
            for form in self.forms
            if not words or any(words.lower() in button.words.lower() for button in form.buttons)
        ]
        assert len(found) == 1, f"{len(found)} forms for {words!r} on {self.url}: {self.words[:400]}"
        return found[0]

    def link(self, words: str) -> str:
        """Where the link that says this leads."""
        found = [link.to for link in self.links if words.lower() in link.words.lower()]
        assert found, f"no link says {words!r} on {self.url}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if start := getattr(self, f"start_{tag}", None):
            start({name: value or "" for name, value in attrs})
        elif tag in SPEAKING:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SPEAKING and tag in self._inside:
            self._inside.remove(tag)
        elif tag in self._open:
            self._open[tag] = None

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self._inside):
            return
        if self._open["textarea"] is not None:
            self._open["textarea"].value += data
            return
        said = " ".join(data.split())
        if not said:
            return
        if "title" not in self._inside:
            self.words = f"{self.words} {said}".strip()
        if "h1" in self._inside:
            self.heading = f"{self.heading} {said}".strip()
        for target in (self._open["button"], self._open["a"]):
            if target is not None:
                target.words = f"{target.words} {said}".strip()

    def start_html(self, given: dict[str, str]) -> None:
        self.language = given.get("lang", "")

    def start_a(self, given: dict[str, str]) -> None:
        if "href" in given:
            self._open["a"] = Link(to=urljoin(self.url, given["href"]))
            self.links.append(self._open["a"])

    def start_form(self, given: dict[str, str]) -> None:
        self._open["form"] = Form(
            page=self.url,
            action=given.get("action", ""),
            method=given.get("method", "get").upper(),
            id=given.get("id", ""),
        )
        self.forms.append(self._open["form"])

    def start_input(self, given: dict[str, str]) -> None:
        form, kind = self._owner(given), given.get("type", "text").lower()
        if form is None or "disabled" in given:
            return
        if kind in SENDING:
            form.buttons.append(button(given, words=given.get("value", "")))
        elif given.get("name"):
            sent = kind not in {"checkbox", "radio"} or "checked" in given
            value = given.get("value", "on" if kind == "checkbox" else "")
            form.inputs.append(entry(given, kind=kind, value=value, sent=sent))

    def start_button(self, given: dict[str, str]) -> None:
        form, made = self._owner(given), button(given)
        self._open["button"] = made
        if form is not None and given.get("type", "submit") == "submit" and "disabled" not in given:
            form.buttons.append(made)

    def start_select(self, given: dict[str, str]) -> None:
        self._choice(given, kind="select", sent=False)

    def start_textarea(self, given: dict[str, str]) -> None:
        self._choice(given, kind="textarea", sent=True)

    def start_option(self, given: dict[str, str]) -> None:
        select = self._open["select"]
        if select is not None and ("selected" in given or not select.sent):
            select.value, select.sent = given.get("value", ""), True

    def _choice(self, given: dict[str, str], *, kind: str, sent: bool) -> None:
        form, made = self._owner(given), entry(given, kind=kind, value="", sent=sent)
        self._open[kind] = made
        if form is not None and made.name:
            form.inputs.append(made)

    def _owner(self, given: dict[str, str]) -> Form | None:
        if "form" in given:
            return next((form for form in self.forms if form.id == given["form"]), None)
        found: Form | None = self._open["form"]
        return found


def button(given: dict[str, str], words: str = "") -> Button:
    return Button(
        name=given.get("name", ""),
        value=given.get("value", ""),
        words=words,
        action=given.get("formaction", ""),
    )


def entry(given: dict[str, str], *, kind: str, value: str, sent: bool) -> Input:
    return Input(
        name=given.get("name", ""),
        kind=kind,
        value=value,
        sent=sent,
        autocomplete=given.get("autocomplete", ""),
        required="required" in given,
    )
