"""The page for makers of apps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from authserver.web.pages_parts import Page


@dataclass(frozen=True, kw_only=True)
class Guide(Page):
    """`/docs`: where this server is, and what to copy. `endpoints` are named as in discovery."""

    template: ClassVar[str] = "guide.html"
    issuer: str
    endpoints: Mapping[str, str]
    snippets: Mapping[str, str]
