"""What may be filled in about a person: by administrators, and by the person."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from authserver.input import Form
from authserver.users.names import email_problem, username_problem

LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]


class ProfileForm(Form):
    """What people change about themselves. Attributes given as null are removed, absent ones stay."""

    name: Line = Field("", description="The full name, as the person writes it.")
    locale: str | None = Field(None, description="The language tag of pages and mails, such as de or pt-BR.")
    attributes: dict[str, Any] = Field(default={}, description="Values of declared attributes, by name.")

    @field_validator("locale")
    @classmethod
    def _is_language(cls, value: str | None) -> str | None:
        if value and not LANGUAGE.fullmatch(value):
            raise ValueError("This is not a language tag, such as en or pt-BR.")
        return value or None


class UserForm(ProfileForm):
    """What administrators change about people."""

    email: Line | None = Field(None, description="The address for sign-in and mail.")
    email_verified: bool = Field(default=False, description="Whether the address is known to be theirs.")
    username: Line | None = Field(None, description="Another name to sign in with.")
    role: Literal["owner", "admin", "support", "auditor"] | None = Field(
        None, description="What they may administer."
    )
    groups: list[str] = Field(default=[], max_length=200, description="Names of the groups they are in.")
    max_sessions: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="On how many devices at once; 0 is no limit, null what groups and settings say.",
    )

    @field_validator("email")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        problem = email_problem(value) if value else None
        if problem:
            raise ValueError(problem)
        return value or None

    @field_validator("username")
    @classmethod
    def _is_username(cls, value: str | None) -> str | None:
        problem = username_problem(value) if value else None
        if problem:
            raise ValueError(problem)
        return value or None
