"""The pages beside the walk: the front page, the ends of a session, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from authserver.web.pages_parts import NOTHING, App, Link, Page, Person, Reason


@dataclass(frozen=True, kw_only=True)
class Home(Page):
    """`/`: this provider runs, and where to go from here. `person` is who is signed in, if anybody."""

    template: ClassVar[str] = "home.html"
    issuer: str
    documentation_url: str
    person: Person | None = None
    is_development: bool = False
    needs_owner: bool = False


@dataclass(frozen=True, kw_only=True)
class SignOutConfirm(Page):
    """An app asked to sign out without proof of whom. Posts `choice`: `sign_out` or `stay`, and `keeps`.

    `person` has no name where nobody is signed in any more, and apps of the last sign-in run on.
    """

    template: ClassVar[str] = "sign_out.html"
    csrf_token: str
    action: str
    person: Person
    app: App | None = None
    keeps: Mapping[str, str] = NOTHING


@dataclass(frozen=True, kw_only=True)
class SignedOut(Page):
    """The session is over. `back` leads to the app that asked, when there is one that may be returned to."""

    template: ClassVar[str] = "signed_out.html"
    back: Link | None = None


class RefusedKind(StrEnum):
    """What happened, as far as it matters to the person who reads it."""

    APP_REQUEST = "app_request"  # the app sent them in a way that is refused
    FORM = "form"  # csrf: the page was too old, or not ours
    FORBIDDEN = "forbidden"
    TOO_MANY = "too_many"  # with `retry_after`
    INPUT = "input"  # what was sent cannot be read
    UNREACHABLE = "unreachable"  # no way here to sign in as the app asks


@dataclass(frozen=True, kw_only=True)
class Refused(Page):
    """An error page: what happened, what to do, a reference to copy, whom to ask, one way out.

    `sentence` are the refusal's public words; they are meant for the app's makers and stay in English.
    `reason` is for development alone.
    """

    template: ClassVar[str] = "refused.html"
    kind: RefusedKind
    reference: str
    sentence: str = ""
    app: App | None = None
    way_out: Link | None = None
    reason: Reason | None = None

    @property
    def status(self) -> int:
        found = {RefusedKind.FORM: 403, RefusedKind.FORBIDDEN: 403, RefusedKind.TOO_MANY: 429}
        return found.get(self.kind, 400)


@dataclass(frozen=True, kw_only=True)
class NotAllowed(Page):
    """A person who may not sign in at this app reads whom to ask. `switch_url` signs in as somebody else."""

    template: ClassVar[str] = "not_allowed.html"
    usual_status: ClassVar[int] = 403
    app: App
    person: Person
    reference: str
    back_url: str = ""
    switch_url: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class ExpiredSignIn(Page):
    """The sign-in took too long, or began in another browser. `again_url` starts a new one where that is possible."""

    template: ClassVar[str] = "expired.html"
    usual_status: ClassVar[int] = 400
    app: App | None = None
    again_url: str = ""
    reference: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class NotFound(Page):
    template: ClassVar[str] = "not_found.html"
    usual_status: ClassVar[int] = 404
    reference: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class WrongMethod(Page):
    """405: the address exists and does not answer this kind of request."""

    template: ClassVar[str] = "wrong_method.html"
    usual_status: ClassVar[int] = 405
    reference: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class ServerError(Page):
    template: ClassVar[str] = "server_error.html"
    usual_status: ClassVar[int] = 500
    reference: str
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Unavailable(Page):
    """Something that we need is away for now; nothing was lost. `retry_url` is where the press leads."""

    template: ClassVar[str] = "unavailable.html"
    usual_status: ClassVar[int] = 503
    retry_after: int = 5
    reference: str = ""
    retry_url: str = ""
    reason: Reason | None = None
