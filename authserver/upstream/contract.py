"""Upstream: a provider that people sign in with. Ours and those of other packages come through this door.

A kind is a class without state: it is given its settings at each use, tells where a browser goes and reads what
comes back, or checks a name and a password. It never makes a session or a token, and never sees the database.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from authserver.errors import Refusal, Unavailable
from authserver.input import Form
from authserver.upstream.fields import SecretText, secret_fields
from authserver.upstream.http import Http

__all__ = ["SecretText", "UpstreamConfig"]
Kept = Mapping[str, Any]


class UpstreamConfig(Form):
    """The base of a kind's settings: form, command line and validation are made from its fields.

    A field of type `SecretText` is sealed at rest and shown to nobody. `sent_to` names the fields that say where
    secrets go: who changes one of them gives the secrets again. AD-6.
    """

    sent_to: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def secrets(cls) -> frozenset[str]:
        return secret_fields(cls)


C = TypeVar("C", bound=UpstreamConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings that are known of one provider in particular; `guide` is its page in docs/guide/providers."""

    title: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    guide: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a departure is made from.

    `callback` is this provider's own address on our side, `document` that of what `publish` gives. `state` comes
    back unchanged (state, RelayState): at most 80 bytes, and all that a browser may carry. `nonce` is random.
    `fresh`: the person must prove anew who they are, whatever the provider remembers (prompt=login, ForceAuthn).
    """

    callback: str
    document: str
    state: str
    nonce: str
    at: datetime
    fresh: bool = False
    login_hint: str = ""
    locales: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes: to `url`, or, where there is a `form`, by posting these fields there.

    `keep` is what complete() needs again: sealed here, never in the browser, and good for one return.
    """

    url: str
    form: Mapping[str, str] | None = None
    keep: Kept = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What came back to our address, from this browser, once. Nothing in it is proved yet."""

    asking: Asking
    method: str
    params: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """What is known of how the provider authenticated somebody. Empty where it says nothing.

    `at` is when the person proved it, `said_at` when the provider wrote this down. `acr` holds the class and `amr`
    the methods in the provider's own words (SAML: AuthnContextClassRef is an acr).
    """

    at: datetime | None = None
    said_at: datetime | None = None
    acr: str = ""
    amr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is at a provider. UP-1: `issuer` and `subject` name them for good, and nothing else does.

    `attributes` are what the provider says of them, by its own names, texts or lists of texts; rules map them to
    ours. `groups` None: it could not say this time, and what was known stays. `email_verified` is its word. `shown`
    is how a person knows the identity again, `page` its public address. `once` are values that may be seen only
    once (a SAML assertion's id), until when.
    """

    issuer: str
    subject: str
    provider: str = ""  # its id, filled in by whoever asked
    username: str = ""
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    email_verified: bool = False
    locale: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] | None = ()
    authentication: Authenticated = Authenticated()
    shown: str = ""
    page: str = ""
    once: tuple[tuple[str, datetime], ...] = ()


class Declined(Refusal):
    """The provider, or the person there, said no: there is no identity, and they may try again. OI-5."""

    def __init__(self, detail: str, *, rule: str = "upstream.declined", value: str = "") -> None:
        public = "The sign-in there was cancelled, or refused."
        super().__init__(public, code="upstream_declined", detail=detail, rule=rule, value=value)


class Distrusted(Refusal):
    """What came back proves nothing; `rule` and `detail` say why, to admins alone."""

    def __init__(self, detail: str, *, rule: str, value: str = "", nearest: str = "") -> None:
        public = "What the provider sent cannot be trusted."
        super().__init__(
            public, code="upstream_distrusted", detail=detail, rule=rule, value=value, nearest=nearest
        )


class Down(Unavailable):
    """The provider cannot be reached, or takes too long. OI-6, UP-12."""


class Why(StrEnum):
    """Why a name and a password let nobody in. LD-7: people are told CLOSED alone, all else reads as wrong."""

    WRONG = "wrong"  # the provider really rejected the password: it counts against the account
    UNKNOWN = "unknown"  # nobody, or more than one, has this name
    CLOSED = "closed"  # the password is right, and the account there is disabled, locked or expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No identity. `detail` is for admins; `public` a sentence for the person, with CLOSED alone."""

    why: Why
    detail: str
    public: str = ""


class Passed(StrEnum):
    """How a step of a test went."""

    YES = "yes"
    NO = "no"
    WARNED = "warned"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a test: what was done, what was found, and what to do where it failed. Never a secret."""

    title: str
    passed: Passed
    found: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a test is given. `name` is somebody to look for, where a kind can look."""

    http: Http
    at: datetime
    callback: str
    document: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Something that a kind publishes about us, such as SAML metadata."""

    content_type: str
    body: bytes


class Upstream(ABC, Generic[C]):
    """What every kind has in common. `title` is what it is called, `presets` are settings known beforehand.

    `says_verified`: it tells of an address whether it is verified. Of a kind that cannot, those in the provider's own
    domains count, where an admin trusts it for addresses. UP-2.
    """

    title: ClassVar[str]
    says_verified: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Preset]] = {}
    Config: type[C]

    @abstractmethod
    def test(self, config: C, probe: Probe) -> Iterator[Step]:
        """Take the real steps one after another, and end at the first that fails; change nothing. AD-7."""

    def prepared(self, config: C, before: C | None, http: Http, at: datetime) -> C:
        """Complete what an admin gave before it is saved: make keys, import metadata. May take its time.

        `before` is what stands, None for a new provider. A Refusal with `fields` of the settings says what is wrong.
        """
        return config

    def refreshed(self, config: C, http: Http, at: datetime) -> C:
        """Read again what a provider publishes, by a job; the same settings where nothing is new.

        Raises a Refusal or Down where it cannot be taken: what was read last stays in force.
        """
        return config

    def warnings(self, config: C, at: datetime) -> Iterator[str]:
        """What an admin must know beforehand, such as a certificate that ends soon."""
        return iter(())

    def publish(self, config: C, probe: Probe) -> Document | None:
        """What others must know of us, at `probe.document`; None where there is nothing."""
        return None


class RedirectUpstream(Upstream[C]):
    """The person goes there and comes back. `posts_back`: the answer is a POST from their page. SA-10.

    `asks_nobody`: neither going nor coming back asks anybody over the network, so that none has to wait for others.
    """

    posts_back: ClassVar[bool] = False
    asks_nobody: ClassVar[bool] = False

    @abstractmethod
    def begin(self, config: C, asking: Asking, http: Http) -> Departure:
        """Where to go. Raises Down."""

    @abstractmethod
    def complete(self, config: C, back: Callback, keep: Kept, http: Http) -> Identity:
        """Who came back, after every check. Raises Declined, Distrusted or Down; never answers half."""


class PasswordUpstream(Upstream[C]):
    """The person types name and password on our page, and the provider says whether they are right."""

    @abstractmethod
    def check(self, config: C, username: str, password: str, at: datetime) -> Identity | Denied:
        """Whose these are, within the time that the provider has. Raises Down."""

    @abstractmethod
    def standing(self, config: C, subject: str, at: datetime) -> Identity | Denied:
        """The same person, looked up without a password: still there and allowed in? For a job. LD-5."""
