"""The pages of a sign-in: who are you, one more proof, which account, what may the app have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from authserver.web.pages_parts import NOTHING, App, AppSetUp, Device, Page, Person, Proved, Way
from authserver.web.pages_upstream import ProviderWay


class SignInState(StrEnum):
    """Why the page is shown, and so what it says first."""

    FRESH = "fresh"
    WRONG = "wrong"  # one sentence for every cause
    LIMITED = "limited"  # with `retry_after`
    BUSY = "busy"  # with `retry_after`
    AWAY = "away"  # with `away_minutes`
    AGAIN = "again"  # the app, or an account change, asks for a fresh sign-in
    LASTED = "lasted"  # as long as a sign-in may
    ELSEWHERE = "elsewhere"
    TAKEN = "taken"  # with `ended_by`, and `ended_at`
    CLOSED = "closed"  # by an administrator
    EXPIRED = "expired"  # the page was open for too long; the app's request is kept
    SWITCHED = "switched"  # somebody else signed in meanwhile


WAITING = {SignInState.LIMITED: 429, SignInState.BUSY: 503}


class _Waiting(Page):
    """What a page does while it cannot take an answer."""

    state: SignInState

    @property
    def status(self) -> int:
        return WAITING.get(self.state, 200)

    @property
    def retry_in(self) -> int:
        return self.retry_after if self.status != 200 else 0  # noqa: PLR2004


@dataclass(frozen=True, kw_only=True)
class SignIn(_Waiting):
    """Posts `username`, `password`, `keep`, `csrf_token`, `tx`. Without `app` it leads to the account pages.

    `providers` are buttons to where people have accounts elsewhere, `more` are found by `find`; `here_only`: a
    typed address leads to none of them. `trouble` says why `by` let nobody in, `said` what a directory told.
    `username` is what was typed before, or the app's login_hint; `keep_days` 0 offers no "keep me signed in".
    """

    template: ClassVar[str] = "login/sign_in.html"
    csrf_token: str
    tx: str
    action: str
    app: App | None = None
    state: SignInState = SignInState.FRESH
    username: str = ""
    keep: bool = False
    keep_days: int = 30
    away_minutes: int = 10
    ended_by: str = ""
    ended_at: datetime | None = None
    forgotten_url: str = ""
    passkey_options: str = ""
    register_url: str = ""
    ways: tuple[Way, ...] = ()
    providers: tuple[ProviderWay, ...] = ()
    more: int = 0
    find: str = ""
    here_only: bool = False
    trouble: str = ""
    by: str = ""
    said: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Reauthenticate(_Waiting):
    """An account change asks the person who is signed in for the password again. Posts `password`."""

    template: ClassVar[str] = "login/reauthenticate.html"
    csrf_token: str
    tx: str
    action: str
    person: Person
    app: App | None = None
    state: SignInState = SignInState.AGAIN
    cancel_url: str = "/account"
    ways: tuple[Way, ...] = ()
    has_password: bool = True
    providers: tuple[ProviderWay, ...] = ()
    trouble: str = ""
    by: str = ""
    said: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """A code that goes `to` somebody by a press of its own, at `url`.

    The last one holds for `ends_in` seconds, 0 for none; another can be sent in `again_in`.
    """

    to: str
    url: str
    ends_in: int = 0
    again_in: int = 0


@dataclass(frozen=True, kw_only=True)
class StepNeeded(Page):
    """One more proof, in one field. Posts `code` (or `field`); the sentences are the factor's own.

    `locked`: no code is taken until somebody opens it; another way, or a person, helps. `help_url` reaches one.
    `trust_for` are the seconds for which the device may be trusted (posts `trust`); 0 offers it not.
    `too_soon`: another code was asked for, so many seconds before one may be sent.
    """

    template: ClassVar[str] = "login/step.html"
    csrf_token: str
    tx: str
    action: str
    heading: str
    title: str
    label: str
    lead: str = ""
    hint: str = ""
    field: str = "code"
    digits: bool = False
    error: str = ""
    locked: bool = False
    trust_for: int = 0
    trusts: bool = False
    sent: CodeSent | None = None
    too_soon: int = 0
    help_url: str = ""
    app: App | None = None
    proved: tuple[Proved, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def status(self) -> int:
        return 429 if self.retry_in else 200

    @property
    def retry_in(self) -> int:
        return self.retry_after or self.too_soon


@dataclass(frozen=True, kw_only=True)
class PasskeyNeeded(Page):
    """A passkey, as the whole sign-in or beside a password. Posts `assertion`; `options` is for the browser.

    Beside a password the device may be trusted as after any other second step: see StepNeeded.
    """

    template: ClassVar[str] = "login/passkey.html"
    csrf_token: str
    tx: str
    action: str
    options: str
    error: str = ""
    trust_for: int = 0
    trusts: bool = False
    help_url: str = ""
    app: App | None = None
    proved: tuple[Proved, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def status(self) -> int:
        return 429 if self.retry_after else 200


@dataclass(frozen=True, kw_only=True)
class ChooseWay(Page):
    """Several second factors, and none used before: links to the page of each, and to a person."""

    template: ClassVar[str] = "login/choose.html"
    ways: tuple[Way, ...]
    help_url: str
    app: App | None = None
    proved: tuple[Proved, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EnrolNeeded(Page):
    """A second step must be set up before the sign-in ends. Posts `code`; there is no way round."""

    template: ClassVar[str] = "login/enrol.html"
    csrf_token: str
    tx: str
    action: str
    set_up: AppSetUp
    error: str = ""
    ways: tuple[Way, ...] = ()
    app: App | None = None
    proved: tuple[Proved, ...] = ()

    @property
    def status(self) -> int:
        return 429 if self.retry_after else 200


@dataclass(frozen=True, kw_only=True)
class EnrolPasskey(Page):
    """The same with a passkey. Posts `assertion` and `label`; `options` is for the browser."""

    template: ClassVar[str] = "login/enrol_passkey.html"
    csrf_token: str
    tx: str
    action: str
    options: str
    label: str = ""
    error: str = ""
    ways: tuple[Way, ...] = ()
    app: App | None = None
    proved: tuple[Proved, ...] = ()

    @property
    def status(self) -> int:
        return 429 if self.retry_after else 200


@dataclass(frozen=True, kw_only=True)
class KeepCodes(Page):
    """Signed in, with a second step just set up: the recovery codes, once. Goes on to `to` with `fields` by GET."""

    template: ClassVar[str] = "login/keep_codes.html"
    csrf_token: str
    codes: tuple[str, ...]
    to: str
    fields: tuple[tuple[str, str], ...] = ()
    app: App | None = None


@dataclass(frozen=True, kw_only=True)
class CodeUsed(Page):
    """Signed in by a recovery code: how many are left, and what to do about the app that is gone. RC-5."""

    template: ClassVar[str] = "login/code_used.html"
    left: int
    to: str
    app: App | None = None
    factors_url: str = "/account/factors"


@dataclass(frozen=True, kw_only=True)
class NoWayWorks(Page):
    """None of one's second factors is at hand: whom to ask, and what they will do."""

    template: ClassVar[str] = "login/no_way.html"
    back_url: str
    app: App | None = None


@dataclass(frozen=True, kw_only=True)
class ChooseAccount(Page):
    """prompt=select_account. Posts `choice`: `continue` or `other`."""

    template: ClassVar[str] = "login/choose_account.html"
    csrf_token: str
    tx: str
    action: str
    person: Person
    app: App | None = None


@dataclass(frozen=True, kw_only=True)
class TakeOver(Page):
    """Signed in on `most` devices already: one of them ends. Posts `session`, or `choice`: `cancel` or `every`.

    The device that was seen longest ago comes first, and is chosen. Without `devices` there is room again.
    """

    template: ClassVar[str] = "login/takeover.html"
    csrf_token: str
    tx: str
    action: str
    devices: tuple[Device, ...]
    most: int
    app: App | None = None
    proved: tuple[Proved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One scope in words. `is_new` marks what an app asks for beyond what it has."""

    sentence: str
    is_new: bool = False


@dataclass(frozen=True, kw_only=True)
class Consent(Page):
    """May this app have that? Posts `choice`: `allow` or `deny`. `offline` is offline_access, in its own words.

    `growing` says that the app has some of it already and asks for more. `keeps` are hidden fields beside `tx`.
    """

    template: ClassVar[str] = "login/consent.html"
    csrf_token: str
    tx: str
    action: str
    app: App
    person: Person
    asks: tuple[Asked, ...]
    offline: bool = False
    growing: bool = False
    policy_url: str = ""
    tos_url: str = ""
    site_url: str = ""
    keeps: Mapping[str, str] = NOTHING

    @property
    def images(self) -> tuple[str, ...]:
        return (self.app.logo_url,) if self.app.logo_url else ()


@dataclass(frozen=True, kw_only=True)
class FormPost(Page):
    """response_mode=form_post: the answer on its way to the app, sent by a script file or by its button."""

    template: ClassVar[str] = "login/form_post.html"
    action: str
    fields: tuple[tuple[str, str], ...]
    app: App
    is_refusal: bool = False


@dataclass(frozen=True, kw_only=True)
class FirstOwner(Page):
    """The one-time link of a new installation. Posts `email`, `name`, `password`. `errors` are by field."""

    template: ClassVar[str] = "login/first_owner.html"
    csrf_token: str
    action: str
    minimum: int = 15
    email: str = ""
    name: str = ""
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class FirstOwnerGone(Page):
    """The link was used or is over. `has_owner` says which."""

    template: ClassVar[str] = "login/first_owner_gone.html"
    usual_status: ClassVar[int] = 410
    has_owner: bool
