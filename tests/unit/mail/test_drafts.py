"""The language of mail texts: what it shows, and what nobody can do with it."""

import pytest

from authserver.mail import drafts
from authserver.mail.drafts import BrokenDraft, Part

KNOWN = frozenset({"name", "link"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ name.__class__.__mro__ }}",
        "{{ name['x'] }}",
        "{{ name | attr('x') }}",
        "{{ name.upper() }}",
        "{{ self._TemplateReference__context }}",
        "{% for x in name %}{{ x }}{% endfor %}",
        "{% set x = 'y' %}",
        "{% include 'letter.html' %}",
        "{% import 'x' as y %}",
        "{% macro x() %}{% endmacro %}",
        "{{ 'a' * 1000000000 }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ settings }}",
        "{{ name",
        "x" * (drafts.LONGEST + 1),
    ],
)
def test_a_text_can_show_values_and_do_nothing_else(source: str) -> None:
    """AD-10: no text is evaluated as code, and none reaches what it was not given."""
    with pytest.raises(BrokenDraft):
        drafts.check(source, KNOWN)
    with pytest.raises(BrokenDraft):
        tuple(drafts.parts(source, dict.fromkeys(KNOWN, "x")))
    with pytest.raises(BrokenDraft):
        drafts.page(source, dict.fromkeys(KNOWN, "x"))


def test_paragraphs_are_sentences_a_button_and_a_code() -> None:
    source = "Hello {{ name }},\nhow are you?\n\n[Go on]\n\n# 123 456\n\n{% if link %}Gone.{% endif %}"
    found = tuple(drafts.parts(source, {"name": "Ada", "link": ""}))
    assert found == (
        Part(kind="said", text="Hello Ada, how are you?"),
        Part(kind="button", text="Go on"),
        Part(kind="code", text="123 456"),
    )


@pytest.mark.parametrize(
    "name", ["x\n\n[Press here]", "[Press here]", "x\r\nBcc: eve@example.org", "a\u2028b", "\u202eevil"]
)
def test_a_value_stays_within_its_sentence(name: str) -> None:
    """A name that somebody chose begins no paragraph, header or button, and turns no line around."""
    (part,) = drafts.parts("{{ name }}", {"name": name})
    assert part.kind == "said"
    assert not set(part.text) & set("\r\n\u2028\u202e")
    assert drafts.line("For {{ name }}", {"name": name}).count("\n") == 0


def test_values_are_escaped_in_html_that_an_admin_wrote() -> None:
    assert drafts.page("<b>{{ name }}</b>", {"name": "<script>"}) == "<b>&lt;script&gt;</b>"


def test_a_file_begins_with_its_subject() -> None:
    assert drafts.read("Subject: Hello\r\n\r\nText\r\n").subject == "Hello"
    with pytest.raises(BrokenDraft):
        drafts.read("Hello\n\nText")
