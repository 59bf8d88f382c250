"""The pages on the way to a provider and back: leaving, being new here, joining two names, a trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from authserver.web.pages_parts import NOTHING, App, Page, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWay:
    """A button of the sign-in page. `asks_here`: name and password are typed on this very page."""

    slug: str
    title: str
    used_last: bool = False
    resting: bool = False
    asks_here: bool = False

    @property
    def url(self) -> str:
        return f"/login/upstream/{self.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """An identity at a provider, as its person knows it; `page` is its public address."""

    provider: str
    shown: str
    page: str = ""
    is_orcid: bool = False


@dataclass(frozen=True, kw_only=True)
class Leaving(Page):
    """On the way to a provider: by its address, or by a form that posts `fields`; both go on by themselves."""

    template: ClassVar[str] = "login/leaving.html"
    title: str
    url: str
    posts: bool = False
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LeadOn(Page):
    """A provider was named beforehand: the button to it, which presses itself. Posts to `action`."""

    template: ClassVar[str] = "login/lead_on.html"
    csrf_token: str
    tx: str
    action: str
    title: str
    others_url: str
    app: App | None = None


@dataclass(frozen=True, kw_only=True)
class NewHere(Page):
    """Nobody here has this identity. Posts `choice`: `new` with `name` and `email`, or `have`.

    `makes_account`: a new account may be made. `email_known`: the provider's word on the address counts.
    """

    template: ClassVar[str] = "login/new_here.html"
    csrf_token: str
    tx: str
    action: str
    identity: Elsewhere
    makes_account: bool = True
    name: str = ""
    email: str = ""
    email_known: bool = False
    app: App | None = None
    errors: Mapping[str, str] = NOTHING

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class Join(Page):
    """Both were proved: shall they be one? Posts `choice`: `join` or `apart`."""

    template: ClassVar[str] = "login/join.html"
    csrf_token: str
    action: str
    identity: Elsewhere
    person: Person
    app: App | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line of what a trial sign-in found: what, its value, and what becomes of it."""

    name: str
    value: str
    becomes: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialStart(Page):
    """A trial sign-in by a provider; nothing is made. Posts to `action`, with name and password if `asks_here`."""

    template: ClassVar[str] = "login/trial_start.html"
    csrf_token: str
    action: str
    title: str
    asks_here: bool = False


@dataclass(frozen=True, kw_only=True)
class TrialDone(Page):
    """What came back, and how it would be mapped. `refused` says why it would not have let anybody in."""

    template: ClassVar[str] = "login/trial_done.html"
    title: str
    again_url: str
    refused: str = ""
    outcome: str = ""
    facts: tuple[Told, ...] = ()
    values: tuple[Told, ...] = ()
