"""What pages are made of: the page itself, and the small records that several of them show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple


class _Nothing(dict[str, str]):
    """An empty mapping that may stand as a default: dataclasses of Python 3.11 take only what has a hash."""

    __hash__ = object.__hash__  # type: ignore[assignment]


NOTHING: Mapping[str, str] = _Nothing()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Exactly what one template shows. `here` is the address that shows the page again by GET.

    The footline's language links lead back to `here`; it can stay empty on a page that answers a GET. `new` has what
    stands behind each mark in a page that many people are shown alike: see pages_kept.
    """

    template: ClassVar[str]
    usual_status: ClassVar[int] = 200
    here: str = ""
    retry_after: int = 0
    new: Mapping[str, str] = field(default=NOTHING, compare=False)

    @property
    def status(self) -> int:
        """The HTTP status that the page has unless the view says another one."""
        return self.usual_status

    @property
    def retry_in(self) -> int:
        """Seconds for `Retry-After`; 0 for none."""
        return self.retry_after

    @property
    def images(self) -> tuple[str, ...]:
        """Addresses of the images on the page that are not our own files."""
        return ()


class App(NamedTuple):
    """An app as a person knows it: its name, and the host that it is at. `contact` is an address or a URL."""

    name: str
    host: str = ""
    logo_url: str = ""
    contact: str = ""


class Person(NamedTuple):
    """Who is signed in. `email` is empty for somebody who has none."""

    name: str = ""
    email: str = ""
    username: str = ""

    @property
    def shown(self) -> str:
        """What the person recognizes the account by."""
        return self.email or self.username or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """One thing on the trail that was shown already: "Password", and whose."""

    title: str
    detail: str = ""
    not_you_url: str = ""


class Way(NamedTuple):
    """Another way to sign in; `used_last` marks the one that the person came by last time."""

    title: str
    url: str
    hint: str = ""
    used_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSetUp:
    """What an authenticator app must be told: `uri` is shown as a QR code, `secret` as text."""

    secret: str
    uri: str
    digits: int = 6

    @property
    def grouped(self) -> str:
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))

    @property
    def link(self) -> str:
        """The same for an app on this device."""
        return self.uri if self.uri.startswith("otpauth://") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, for developers. `given` and `nearest` are shown below each other, so that the difference is seen."""

    rule: str
    detail: str
    given: str = ""
    nearest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A place where somebody is signed in. `is_away`: nobody is there, but apps run on."""

    name: str
    signed_in_at: datetime
    last_seen_at: datetime
    place: str = ""
    apps: tuple[str, ...] = ()
    id: str = ""
    is_new: bool = False
    is_away: bool = False


class Problem(StrEnum):
    """What is wrong with a field where no part below says it; else `errors` holds that part's sentence."""

    REQUIRED = "required"
