"""What may be filled in about a group, and about a declared attribute."""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from authserver.groups.attributes import NAME, RESERVED, STANDING, USERINFO
from authserver.input import Form
from authserver.scopes import is_word

GROUP = re.compile(r"[^\W_](?:[\w.:/@+-]{0,62}[\w])?")
MEMBERS = "members"  # /api/admin/groups/NAME/members
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]


class GroupForm(Form):
    title: Line = Field("", description="What people read.")
    second_factor: Literal["optional", "required"] | None = Field(
        None,
        description="Whether its people are asked for a second factor; the strictest rule for them holds.",
    )
    max_sessions: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="On how many devices at once a member is signed in; 0 is no limit, null the general setting.",
    )


class NewGroupForm(GroupForm):
    name: str = Field(description="What tokens, clients and APIs say. It never changes.")

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not GROUP.fullmatch(value):
            raise ValueError("A group's name is 1 to 64 letters, digits or . : / @ + - _, without spaces.")
        if MEMBERS in value.split("/")[1:]:
            raise ValueError(
                "After a slash “members” is the list of a group's people; call it something else."
            )
        return value


class AttributeForm(Form):
    title: Line = Field("", description="What people read.")
    edited_by: Literal["admin", "self"] = Field("admin", description="Who changes its value.")
    scope: str | None = Field(None, description="The scope that releases it; without one it stays inside.")
    tokens: list[Literal["id_token", "userinfo", "access_token"]] = Field(
        default=sorted(USERINFO), description="Where the scope releases it."
    )

    @field_validator("scope")
    @classmethod
    def _is_scope(cls, value: str | None) -> str | None:
        if value and not is_word(value):
            raise ValueError("A scope is one word of printable ASCII, without quotes or backslash.")
        if value in {"openid", "offline_access"}:
            raise ValueError(f"The scope {value} releases nothing.")
        return value or None


class NewAttributeForm(AttributeForm):
    name: str = Field(description="The name of the attribute and of its claim.")
    type: Literal["string", "integer", "boolean", "list"] = Field("string", description="What it holds.")

    @field_validator("name")
    @classmethod
    def _is_claim(cls, value: str) -> str:
        if value in RESERVED:
            raise ValueError("Tokens give this claim a meaning of its own.")
        if value in STANDING:
            raise ValueError("This is built in.")
        if not NAME.fullmatch(value):
            raise ValueError("A claim is named in lower case, as in staff_number, or by an https URL.")
        return value
