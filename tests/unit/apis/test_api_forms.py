"""What may be filled in about an API."""

from typing import Any

import pytest

from authserver.apis.form import NewApiForm
from authserver.errors import Refusal
from authserver.input import read

NOTES = {"identifier": "https://notes.example", "name": "Notes"}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("identifier", {"identifier": "notes"}),
    ("identifier", {"identifier": "/notes"}),
    ("identifier", {"identifier": "https://"}),
    ("identifier", {"identifier": "https://notes.example#x"}),
    ("identifier", {"identifier": "https://notes.example/a b"}),
    ("identifier", {"identifier": "https://[notes"}),
    ("identifier", {"identifier": 5}),
    ("name", {"name": "  "}),
    ("scopes.0.name", {"scopes": [{"name": "two words"}]}),
    ("scopes.0.name", {"scopes": [{"name": "openid"}]}),
    ("scopes.0.name", {"scopes": [{"name": "offline_access"}]}),
    ("scopes.0.name", {"scopes": [{}]}),
    ("scopes.0.more", {"scopes": [{"name": "x", "more": 1}]}),
    ("scopes.0.sentences", {"scopes": [{"name": "x", "sentences": {"english!": "Read"}}]}),
    ("scopes.0.sentences.en", {"scopes": [{"name": "x", "sentences": {"en": ""}}]}),
    ("scopes.0.clients", {"scopes": [{"name": "x", "clients": "app"}]}),
    ("token_lifetime", {"token_lifetime": 5}),
    ("required_acr", {"required_acr": "strong"}),
    ("is_default", {"is_default": "true"}),
    ("version", {"version": 2}),
]


@pytest.mark.parametrize(("field", "given"), REFUSED)
def test_what_cannot_be_an_api_names_its_field(field: str, given: dict[str, Any]) -> None:
    """CL-12."""
    with pytest.raises(Refusal) as refused:
        read(NewApiForm, {**NOTES, **given})
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    "identifier", ["https://notes.example", "https://notes.example/v1", "urn:example:notes", "api://notes"]
)
def test_an_identifier_is_an_absolute_uri(identifier: str) -> None:
    assert read(NewApiForm, {**NOTES, "identifier": identifier}).identifier == identifier


def test_every_field_of_the_form_says_what_it_is_for() -> None:
    assert all(field.description for field in NewApiForm.model_fields.values())
