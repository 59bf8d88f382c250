"""The pages by which people come to an account: registering, a confirmed address, a forgotten password."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from authserver.web.pages_account import AccountPage
from authserver.web.pages_parts import NOTHING, Page


class ToldOf(StrEnum):
    """What a page with one sentence and one link tells."""

    LINK_SENT = "link_sent"
    LINK_OVER = "link_over"
    PASSWORD_SET = "password_set"  # noqa: S105
    REGISTERED = "registered"
    CODE_OVER = "code_over"
    INVITATION_OVER = "invitation_over"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class Told(Page):
    """One thing happened, or did not, and there is one way on: to a page of ours, or to this `app`."""

    template: ClassVar[str] = "login/told.html"
    what: ToldOf
    to: str
    app: str = ""

    @property
    def status(self) -> int:
        return 410 if self.what in {ToldOf.LINK_OVER, ToldOf.CODE_OVER, ToldOf.INVITATION_OVER} else 200


@dataclass(frozen=True, kw_only=True)
class Forgotten(Page):
    """`/login/forgotten`. Posts `username`."""

    template: ClassVar[str] = "login/forgotten.html"
    csrf_token: str
    action: str
    username: str = ""
    error: str = ""

    @property
    def status(self) -> int:
        return 422 if self.error else 200


@dataclass(frozen=True, kw_only=True)
class NewPassword(Page):
    """`/recover/…`. Posts `new`."""

    template: ClassVar[str] = "login/new_password.html"
    csrf_token: str
    action: str
    minimum: int
    error: str = ""

    @property
    def status(self) -> int:
        return 422 if self.error else 200


@dataclass(frozen=True, kw_only=True)
class Register(Page):
    """`/register`. Posts `name`, `email`, `password`, and `accept` with the version of the `terms`."""

    template: ClassVar[str] = "login/register.html"
    csrf_token: str
    tx: str
    action: str
    minimum: int
    email: str = ""
    name: str = ""
    terms: str = ""
    accepted: bool = False
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        if self.retry_after:
            return 429
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class TakeUp(Page):
    """`/invitation/…`. Posts `name`, `password`, and `accept` as Register does; the address is confirmed already."""

    template: ClassVar[str] = "login/take_up.html"
    csrf_token: str
    action: str
    email: str
    minimum: int
    app: str = ""
    name: str = ""
    terms: str = ""
    accepted: bool = False
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class ConfirmAddress(Page):
    """`/register/confirm`. Posts `code`, with `key`."""

    template: ClassVar[str] = "login/confirm_address.html"
    csrf_token: str
    tx: str
    action: str
    key: str
    email: str
    error: str = ""

    @property
    def status(self) -> int:
        return 422 if self.error else 200


@dataclass(frozen=True, kw_only=True)
class AddressChange(AccountPage):
    """`/account/email`. Posts `email` to itself, and `code` to `…/confirm` while an address is pending."""

    template: ClassVar[str] = "account/email.html"
    place: ClassVar[str] = "profile"
    can_send: bool = True
    pending: str = ""
    typed: str = ""
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        if self.retry_after:
            return 429
        return 422 if self.errors else 200
