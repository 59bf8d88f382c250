"""The pages of one's own account. Each posts to its own address, or to one that comes in as a field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from authserver.web.pages_parts import NOTHING, App, Device, Page, Person


class Done(StrEnum):
    """What was just done, repeated in the words of the button that did it."""

    NOTHING = ""
    NAME_SAVED = "name_saved"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    APP_WITHDRAWN = "app_withdrawn"  # with `done_about`
    OTHERS_ENDED = "others_ended"
    TRUST_ENDED = "trust_ended"
    DEVICE_ENDED = "device_ended"
    EMAIL_CHANGED = "email_changed"
    FACTOR_REPLACED = "factor_replaced"
    FACTOR_REMOVED = "factor_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_NAMED = "passkey_named"
    PASSKEY_REMOVED = "passkey_removed"
    LINKED = "linked"
    UNLINKED = "unlinked"


@dataclass(frozen=True, kw_only=True)
class AccountPage(Page):
    """What every account page shows: who is signed in, the places, and what was just done.

    The sign-out button in the masthead posts to `/logout` with the same `csrf_token`.
    """

    place: ClassVar[str]
    csrf_token: str
    person: Person
    done: Done = Done.NOTHING
    done_about: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile(AccountPage):
    """`/account`. Posts `name` to `/account`. `managed_by` names the source of a name that cannot be changed here."""

    template: ClassVar[str] = "account/profile.html"
    place: ClassVar[str] = "profile"
    email_verified: bool = True
    password_changed_at: datetime | None = None
    has_password: bool = True
    app_count: int = 0
    managed_by: str = ""
    may_delete: bool = True
    typed_name: str | None = None
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class PasswordChange(AccountPage):
    """`/account/password`. Posts `new`, after a fresh sign-in. `others_end`: other devices are signed out by it."""

    template: ClassVar[str] = "account/password.html"
    place: ClassVar[str] = "factors"
    minimum: int = 15
    changed_at: datetime | None = None
    others_end: bool = True
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        if self.retry_after:
            return 429
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class ExportData(AccountPage):
    """`/account/data`. Posts nothing but the `csrf_token` to itself, and the answer is a file."""

    template: ClassVar[str] = "account/data.html"
    place: ClassVar[str] = "profile"


@dataclass(frozen=True, kw_only=True)
class DeleteAccount(AccountPage):
    """`/account/delete`. Posts `sure` to itself. The audit keeps what happened for `kept_days`."""

    template: ClassVar[str] = "account/delete.html"
    place: ClassVar[str] = "profile"
    kept_days: int = 365
    is_last_owner: bool = False
    unsure: bool = False

    @property
    def status(self) -> int:
        if self.is_last_owner:
            return 409
        return 422 if self.unsure else 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One thing that happened, as a sentence. `is_here`: in the sign-in that reads it."""

    sentence: str
    at: datetime
    device: str = ""
    place: str = ""
    is_here: bool = False
    is_warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Activity(AccountPage):
    """`/account/activity`, the newest first. `last` is the sign-in before this one."""

    template: ClassVar[str] = "account/activity.html"
    place: ClassVar[str] = "activity"
    entries: tuple[Happened, ...]
    last: Happened | None = None
    older_url: str = ""


@dataclass(frozen=True, kw_only=True)
class NotMe(AccountPage):
    """Something was somebody else's doing. Posts nothing but the `csrf_token` to its own address."""

    template: ClassVar[str] = "account/not_me.html"
    place: ClassVar[str] = "activity"
    others: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedApp:
    """One app with what it gets. `withdraw_url` shows the page that asks once more."""

    app: App
    gets: tuple[str, ...]
    since: datetime
    withdraw_url: str
    last_used_at: datetime | None = None
    offline: bool = False


@dataclass(frozen=True, kw_only=True)
class ConnectedApps(AccountPage):
    """`/account/apps`."""

    template: ClassVar[str] = "account/apps.html"
    place: ClassVar[str] = "apps"
    apps: tuple[ConnectedApp, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WithdrawApp(AccountPage):
    """Says what stops, and asks once more. Posts nothing but the `csrf_token` to `action`."""

    template: ClassVar[str] = "account/withdraw.html"
    place: ClassVar[str] = "apps"
    connected: ConnectedApp
    action: str
    cancel_url: str = "/account/apps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A device on which the second step is not asked until then."""

    id: str
    name: str
    until: datetime
    is_this: bool = False


@dataclass(frozen=True, kw_only=True)
class Devices(AccountPage):
    """`/account/devices`. Each of `others` can be ended, and all of them at once, by a page that asks once more."""

    template: ClassVar[str] = "account/devices.html"
    place: ClassVar[str] = "devices"
    this: Device
    others: tuple[Device, ...] = ()
    trusted: tuple[Trusted, ...] = ()
    forget_action: str = "/account/devices/trusted"


@dataclass(frozen=True, kw_only=True)
class EndDevice(AccountPage):
    """Says what ends, and asks once more: this `device`, or without one everything but the acting session."""

    template: ClassVar[str] = "account/end_device.html"
    place: ClassVar[str] = "devices"
    device: Device | None = None
    others: int = 0
    action: str = "/account/devices/end"
