"""A person's way to a provider and back: one row here, bound to one browser, good for one return. UP-3."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.once.tickets import ANSWER_BYTES, KEY_BYTES, Ticket, consume, open_ticket, peek
from authserver.opaque import new_secret
from authserver.store import retrying
from authserver.upstream import trial
from authserver.upstream.contract import (
    Asking,
    Callback,
    Declined,
    Departure,
    Distrusted,
    Down,
    Identity,
    RedirectUpstream,
)
from authserver.upstream.exchange import Busy, exchange
from authserver.upstream.find import live
from authserver.upstream.identity import cleaned
from authserver.upstream.provider import Provider

KIND = "departure"
LASTS = timedelta(minutes=10)
SKEW = timedelta(seconds=60)


class Errand(StrEnum):
    """What somebody goes there for."""

    SIGN_IN = "sign_in"
    LINK = "link"  # from their account: to add it
    TRIAL = "trial"  # an admin, to see what comes back


class Trouble(StrEnum):
    """Why somebody who came back is not let in; a page has a sentence for each."""

    CANCELLED = "cancelled"
    DISTRUSTED = "distrusted"
    DOWN = "down"
    BUSY = "busy"
    OFF = "off"
    LATE = "late"
    STALE = "stale"  # a fresh sign-in was asked for, and the provider remembered an old one
    CLOSED = "closed"
    UNLINKED = "unlinked"  # only for accounts that linked it before
    NO_ACCOUNT = "no_account"
    OTHER = "other"  # it belongs to another account than the one that is asked for
    TAKEN = "taken"  # to be linked, and linked to another account already


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """Not let in. `refusal` is for the record, `trouble` for the page; `trip` where it is known whose it was."""

    trouble: Trouble
    refusal: Refusal
    provider: Provider | None = None
    trip: "Trip | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """`tx` is the login that waits, as it travels; `browser` the digest that it is bound to."""

    provider: str
    errand: Errand
    tx: str
    tx_id: str
    browser: bytes
    nonce: str
    at: datetime
    fresh: bool = False
    remembered: bool = False
    user: str | None = None  # who is signed in, where that matters
    keep: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Somebody came back, and this is who they are there."""

    trip: Trip
    provider: Provider
    identity: Identity


def new_trip(issuer: Issuer, provider: Provider, errand: Errand, **about: Any) -> Trip:
    return Trip(provider=provider.id, errand=errand, nonce=new_secret(), at=issuer.clock(), **about)


def depart(
    issuer: Issuer, provider: Provider, trip: Trip, *, login_hint: str = "", locales: str = ""
) -> tuple[Departure, str]:
    """Where to go, and the state that comes back. Raises Down; asks the network before anything is written."""
    key, answer = new_secret(KEY_BYTES), new_secret(ANSWER_BYTES)
    state = f"{key}.{answer}"
    kind = provider.kind
    if not isinstance(kind, RedirectUpstream):
        raise Refusal("This provider is asked on the sign-in page.", rule="upstream.kind", status=404)
    asking = replace(_asking(issuer, provider, trip, state), login_hint=login_hint, locales=locales)
    with exchange(issuer, provider) as http:
        departure: Departure = kind.begin(provider.config, asking, http)
    left = replace(trip, keep=departure.keep)

    def attempt() -> None:
        with issuer.database.writing() as db:
            now = issuer.clock()
            open_ticket(
                db,
                issuer.roots,
                KIND,
                now=now,
                expires_at=now + LASTS,
                payload=_written(left),
                key=key,
                answer=answer,
            )

    retrying(attempt)
    return departure, state


def known(issuer: Issuer, state: str) -> Trip | None:
    """The trip of a state that this browser was given, without spending it: to lead back to what waits."""
    with issuer.database.reading() as db:
        found = peek(db, issuer.roots, KIND, state, now=issuer.clock())
    return _read(found.payload) if hasattr(found, "payload") else None


def come_back(issuer: Issuer, slug: str, state: str, method: str, params: Mapping[str, str]) -> Back | Turned:
    """Who came back: the state is spent whatever comes of it, then everything is checked. UP-4, UP-6, UP-11."""
    trip = retrying(lambda: _spent(issuer, state))
    if trip is None:
        refusal = Refusal("This sign-in took too long, or was used already.", rule="upstream.state")
        return Turned(trouble=Trouble.LATE, refusal=refusal, trip=known(issuer, state))
    provider = live(issuer).by_id(trip.provider)
    if provider is None or not may_serve(provider, trip.errand):
        return _turned(Trouble.OFF, "it is switched off", "upstream.off", provider, trip)
    if provider.slug != slug:
        return _turned(Trouble.DISTRUSTED, f"it came back to {slug}", "upstream.mixed_up", provider, trip)
    asking = _asking(issuer, provider, trip, state)
    callback = Callback(asking=asking, method=method, params=params, at=issuer.clock())
    identity = _completed(issuer, provider, trip, callback)
    if isinstance(identity, Turned):
        return identity
    if trip.fresh and not _is_fresh(trip, identity):
        detail = f"signed in there at {identity.authentication.at}, asked at {trip.at}"
        return _turned(Trouble.STALE, detail, "upstream.stale", provider, trip)
    return Back(trip=trip, provider=provider, identity=identity)


def may_serve(provider: Provider, errand: Errand) -> bool:
    """Whether it is switched on; a draft serves trials alone."""
    return provider.is_active or (errand is Errand.TRIAL and provider.status == "draft")


def _completed(issuer: Issuer, provider: Provider, trip: Trip, callback: Callback) -> Identity | Turned:
    """What the provider's kind makes of what came back."""
    kind = provider.kind
    if not isinstance(kind, RedirectUpstream) or (callback.method == "POST") is not kind.posts_back:
        return _turned(Trouble.CANCELLED, f"a {callback.method} came back", "upstream.method", provider, trip)
    try:
        with exchange(issuer, provider) as http:
            found: Identity = kind.complete(provider.config, callback, trip.keep, http)
            return cleaned(found, provider.id)
    except Declined as refusal:
        return Turned(trouble=Trouble.CANCELLED, refusal=refusal, provider=provider, trip=trip)
    except Distrusted as refusal:
        return Turned(trouble=Trouble.DISTRUSTED, refusal=refusal, provider=provider, trip=trip)
    except Down as down:
        trouble = Trouble.BUSY if isinstance(down, Busy) else Trouble.DOWN
        return _turned(trouble, str(down), "upstream.down", provider, trip)


def _is_fresh(trip: Trip, identity: Identity) -> bool:
    """UP-11: proved since they left; a provider that does not say when never satisfies this."""
    at = identity.authentication.at
    return at is not None and at >= trip.at - SKEW


def _asking(issuer: Issuer, provider: Provider, trip: Trip, state: str) -> Asking:
    about = trial.addresses(issuer, provider)
    return Asking(
        callback=about.callback,
        document=about.document,
        state=state,
        nonce=trip.nonce,
        at=trip.at,
        fresh=trip.fresh,
    )


def _spent(issuer: Issuer, state: str) -> Trip | None:
    key, _, answer = state.partition(".")
    with issuer.database.writing() as db:
        found = consume(db, issuer.roots, KIND, key, answer, now=issuer.clock())
    return _read(found.payload) if isinstance(found, Ticket) else None


def _turned(trouble: Trouble, detail: str, rule: str, provider: Provider | None, trip: Trip) -> Turned:
    refusal = Refusal("The sign-in did not work.", code=f"upstream_{trouble}", detail=detail, rule=rule)
    return Turned(trouble=trouble, refusal=refusal, provider=provider, trip=trip)


def _written(trip: Trip) -> dict[str, Any]:
    return {
        "provider": trip.provider,
        "errand": trip.errand.value,
        "tx": trip.tx,
        "tx_id": trip.tx_id,
        "browser": trip.browser.hex(),
        "nonce": trip.nonce,
        "at": trip.at.isoformat(),
        "fresh": trip.fresh,
        "remembered": trip.remembered,
        "user": trip.user,
        "keep": dict(trip.keep),
    }


def _read(values: Mapping[str, Any]) -> Trip:
    plain = {
        name: values[name]
        for name in ("provider", "tx", "tx_id", "nonce", "fresh", "remembered", "user", "keep")
    }
    return Trip(
        **plain,
        errand=Errand(values["errand"]),
        browser=bytes.fromhex(values["browser"]),
        at=datetime.fromisoformat(values["at"]),
    )
