"""What a sign-in asks beside proofs: yes to the terms, and an address; and the texts themselves."""

from dataclasses import dataclass
from typing import ClassVar

from authserver.web.pages_parts import App, Page, Proved


@dataclass(frozen=True, kw_only=True)
class AskTerms(Page):
    """`/login/terms`. Posts `version`, and `choice` `cancel`. `changed`: they accepted what stood there before."""

    template: ClassVar[str] = "login/terms.html"
    csrf_token: str
    tx: str
    action: str
    version: str
    terms: str = ""
    privacy: str = ""
    changed: bool = False
    app: App | None = None
    proved: tuple[Proved, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AskAddress(Page):
    """`/login/address`. Posts `email`, or `choice` `skip` where `can_skip`; `code` to `…/confirm` while `pending`."""

    template: ClassVar[str] = "login/address.html"
    csrf_token: str
    tx: str
    action: str
    pending: str = ""
    typed: str = ""
    can_skip: bool = False
    email_error: str = ""
    code_error: str = ""
    app: App | None = None
    proved: tuple[Proved, ...] = ()

    @property
    def status(self) -> int:
        if self.retry_after:
            return 429
        return 422 if self.email_error or self.code_error else 200


@dataclass(frozen=True, kw_only=True)
class OurText(Page):
    """`/terms` and `/privacy`. `is_terms` says which; `version` is the one that people accept."""

    template: ClassVar[str] = "our_text.html"
    text: str
    is_terms: bool
    version: str = ""
