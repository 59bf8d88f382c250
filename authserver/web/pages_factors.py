"""The pages of one's ways to sign in: what there is, setting up an app, recovery codes, giving it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from authserver.web.pages_account import AccountPage
from authserver.web.pages_parts import NOTHING, AppSetUp
from authserver.web.pages_upstream import Elsewhere, ProviderWay


@dataclass(frozen=True, slots=True, kw_only=True)
class AppShown:
    """An authenticator app that counts."""

    set_up_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyShown:
    """A passkey by its name. `verifies`: it knows its person, and so is a whole sign-in. `synced`: it is copied."""

    id: str
    label: str
    set_up_at: datetime
    last_used_at: datetime | None = None
    verifies: bool = True
    synced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesLeft:
    """The recovery codes, never themselves."""

    left: int
    of: int = 10
    made_at: datetime | None = None
    last_used_at: datetime | None = None
    are_few: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedCode:
    """Codes that are mailed `to` somebody."""

    to: str
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShown:
    """An account elsewhere by which this one is signed in to. `is_last`: it is the only way in, and stays."""

    identity: Elsewhere
    linked_at: datetime
    last_used_at: datetime | None = None
    is_active: bool = True
    is_last: bool = False
    remove_url: str = ""


@dataclass(frozen=True, kw_only=True)
class _FactorPage(AccountPage):
    place: ClassVar[str] = "factors"


@dataclass(frozen=True, kw_only=True)
class Factors(_FactorPage):
    """`/account/factors`. `required`: the last second step stays. `offered`: one may be set up.

    `by_code`: this sign-in was by a recovery code, so that the app may be lost.
    """

    template: ClassVar[str] = "account/factors.html"
    authenticator: AppShown | None = None
    passkeys: tuple[PasskeyShown, ...] = ()
    codes: CodesLeft | None = None
    mailed: MailedCode | None = None
    required: bool = False
    offered: bool = True
    by_code: bool = False
    has_password: bool = True
    password_changed_at: datetime | None = None
    links: tuple[LinkShown, ...] = ()
    linkable: tuple[ProviderWay, ...] = ()
    trouble: str = ""
    by: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class LinkRemove(_FactorPage):
    """Disconnect an account elsewhere? Posts to `action`."""

    template: ClassVar[str] = "account/unlink.html"
    link: LinkShown
    action: str


@dataclass(frozen=True, kw_only=True)
class FactorSetUp(_FactorPage):
    """`/account/factors/totp`. Posts `code` to itself. `replaces`: another app counts until this one does."""

    template: ClassVar[str] = "account/set_up.html"
    set_up: AppSetUp
    replaces: bool = False
    error: str = ""

    @property
    def status(self) -> int:
        return 422 if self.error else 200


@dataclass(frozen=True, kw_only=True)
class FactorRemove(_FactorPage):
    """`/account/factors/totp/remove`. Posts `new` where `needs_password`: the one there is too short alone."""

    template: ClassVar[str] = "account/remove.html"
    last: bool = True
    needs_password: bool = False
    minimum: int = 15
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class NewCodes(_FactorPage):
    """`/account/factors/codes`. Asks once more, and posts to itself."""

    template: ClassVar[str] = "account/new_codes.html"
    left: int = 0


@dataclass(frozen=True, kw_only=True)
class CodesShown(_FactorPage):
    """The recovery codes, once. `first`: they came with an app that was set up just now."""

    template: ClassVar[str] = "account/codes.html"
    codes: tuple[str, ...]
    first: bool = False


@dataclass(frozen=True, kw_only=True)
class PasskeyNew(_FactorPage):
    """`/account/factors/passkeys/new`. Posts `assertion` and `label` to itself; `options` is for the browser."""

    template: ClassVar[str] = "account/passkey_new.html"
    options: str
    label: str = ""
    error: str = ""

    @property
    def status(self) -> int:
        return 422 if self.error else 200


@dataclass(frozen=True, kw_only=True)
class PasskeyEdit(_FactorPage):
    """`/account/factors/passkeys/<id>`. Posts `label` to itself, and to `…/remove`, with `new` where needed.

    `last`: it is the last second step; `stays`: and a rule keeps it.
    """

    template: ClassVar[str] = "account/passkey_edit.html"
    passkey: PasskeyShown
    last: bool = False
    stays: bool = False
    needs_password: bool = False
    minimum: int = 15
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200
