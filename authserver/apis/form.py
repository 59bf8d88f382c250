"""What may be filled in about an API."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from authserver.input import Form
from authserver.scopes import STANDARD, is_word

IDENTIFIER = re.compile(r"[!-~]{1,255}")
LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Acr = Literal["pwd", "mfa-low", "mfa", "phr"]
LONGEST_AGE = 400 * 86_400
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class ScopeForm(Form):
    name: str = Field(description="The word in `scope`; it belongs to this API alone.")
    sentences: dict[str, Sentence] = Field(
        default={}, description='What the consent page says, by language: {"en": "Read your orders"}.'
    )
    clients: list[str] | None = Field(
        None, description="The client ids that may have it; null is every client."
    )
    groups: list[str] | None = Field(
        None, description="The groups whose people may have it; null is everybody."
    )
    required_acr: Acr | None = Field(None, description="How surely somebody must have signed in for it.")
    required_max_age: int | None = Field(
        None, ge=0, le=LONGEST_AGE, description="The oldest sign-in that will do for it, in seconds."
    )

    @field_validator("name")
    @classmethod
    def _is_scope(cls, value: str) -> str:
        if not is_word(value):
            raise ValueError("A scope is one word of printable ASCII, without quotes or backslash.")
        if value in STANDARD:
            raise ValueError("This scope is about people and belongs to no API.")
        return value

    @field_validator("sentences")
    @classmethod
    def _are_languages(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [language for language in value if not LANGUAGE.fullmatch(language)]
        if wrong:
            raise ValueError(f"{wrong[0]} is not a language tag.")
        return value


class ApiForm(Form):
    """Changes replace whole fields: `scopes` is the full list."""

    name: Line = Field(description="What people read.")
    scopes: list[ScopeForm] = Field(
        default=[], max_length=200, description="What can be allowed at this API."
    )
    token_lifetime: int | None = Field(
        None,
        ge=30,
        le=86_400,
        description="Seconds that its access tokens live; null is the general setting.",
    )
    required_acr: Acr | None = Field(None, description="How surely somebody must have signed in.")
    required_max_age: int | None = Field(
        None, ge=0, le=LONGEST_AGE, description="The oldest sign-in that will do, in seconds."
    )
    is_default: bool = Field(
        default=False, description="Tokens are for this API where `resource` names none."
    )


class NewApiForm(ApiForm):
    identifier: str = Field(
        description="An absolute URI: `resource` in requests, `aud` in tokens. It never changes."
    )

    @field_validator("identifier")
    @classmethod
    def _is_uri(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        absolute = bool(parts.scheme) and bool(parts.netloc or parts.path)
        if not (IDENTIFIER.fullmatch(value) and absolute) or "#" in value:
            raise ValueError("This is an absolute URI without a fragment, such as https://api.example.org.")
        return value
