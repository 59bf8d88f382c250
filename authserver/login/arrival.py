"""Whoever came back from a provider, on their way in: by their link, as somebody new, or to be joined. UP-1, UP-2.

An arrival waits in a ticket of its own, bound to the browser and to the login that it is for, and is used once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import ProviderDown, ProviderRefused, SignInFailed
from authserver.authentication import Kind, Level, Proof
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.login.completion import Entered, Visitor
from authserver.login.steps import Moved, Proved, after, facing
from authserver.login.transaction import advance
from authserver.login.trip import Back, Errand, Trouble, Turned
from authserver.once.replay import remember
from authserver.once.tickets import Spent, Ticket, consume, open_ticket, peek
from authserver.store import Session, retrying
from authserver.transaction import Transaction
from authserver.upstream import linking
from authserver.upstream.contract import Identity, PasswordUpstream
from authserver.upstream.find import is_active, live
from authserver.upstream.identity import from_json, to_json
from authserver.upstream.mapping import makes_account
from authserver.upstream.provider import Provider
from authserver.users import find
from authserver.users.user import User
from authserver.vault import b64

ARRIVAL, JOIN = "arrival", "join"
LASTS = timedelta(minutes=10)
# Words of RFC 8176 that a provider which is trusted for second factors may add to amr.
WORDS = frozenset(
    {"face", "fpt", "hwk", "iris", "kba", "otp", "pin", "pop", "pwd", "retina", "sc", "sms", "swk", "tel"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An identity that was proved just now, and what for."""

    provider: Provider
    identity: Identity
    errand: Errand
    remembered: bool
    user: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Nobody here has this identity: new, or with an account that is to be joined to it."""

    arrival: Arrival
    makes_account: bool


Outcome = Entered | Proved | Moved | Stranger | Turned


def keep(issuer: Issuer, back: Back) -> Turned | None:
    """Keep who came back until their browser asks for the next page; None when it is kept."""
    trip = back.trip

    def attempt() -> Turned | None:
        with issuer.database.writing() as db:
            return hold(
                db,
                issuer,
                Arrival(
                    provider=back.provider,
                    identity=back.identity,
                    errand=trip.errand,
                    remembered=trip.remembered,
                    user=trip.user,
                ),
                tx_id=trip.tx_id,
                browser=trip.browser,
                kind=JOIN if trip.errand is Errand.LINK else ARRIVAL,
            )

    return retrying(attempt)


def hold(
    db: Session, issuer: Issuer, arrival: Arrival, *, tx_id: str, browser: bytes, kind: str = ARRIVAL
) -> Turned | None:
    now = issuer.clock()
    for value, until in arrival.identity.once:
        if not remember(db, "upstream", f"{arrival.provider.id}\n{value}", until):
            return _turned(arrival, Trouble.DISTRUSTED, "it was used before", "upstream.replayed")
    payload = {
        "identity": to_json(replace(arrival.identity, once=())),
        "errand": arrival.errand.value,
        "remembered": arrival.remembered,
        "user": arrival.user,
    }
    open_ticket(
        db,
        issuer.roots,
        kind,
        now=now,
        expires_at=now + LASTS,
        payload=payload,
        key=tx_id,
        answer=b64(browser),
    )
    return None


def waiting(
    db: Session, issuer: Issuer, tx_id: str, browser: bytes, *, kind: str = ARRIVAL
) -> Arrival | None:
    """Who waits for this login in this browser; nobody knows by the login's id alone. CVE-17, CVE-21."""
    found = peek(db, issuer.roots, kind, f"{tx_id}.{b64(browser)}", now=issuer.clock())
    return _read(issuer, found.payload) if isinstance(found, Ticket) else None


def take(db: Session, issuer: Issuer, tx_id: str, browser: bytes, *, kind: str = ARRIVAL) -> bool:
    """Use an arrival up: true for one alone."""
    found = consume(db, issuer.roots, kind, tx_id, b64(browser), now=issuer.clock())
    return isinstance(found, Ticket)


def came_at(db: Session, issuer: Issuer, tx: Transaction) -> datetime | None:
    """When whoever came back from a provider went on in this login; their proof may be of long before."""
    found = peek(db, issuer.roots, ARRIVAL, f"{tx.id}.{b64(tx.browser)}", now=issuer.clock())
    return found.at if isinstance(found, Spent) else None


def enter(issuer: Issuer, tx: Transaction, visitor: Visitor) -> Outcome:
    """Let in whoever waits, by their link; the provider's state and rules are those of this very moment. UP-6."""
    outcome = retrying(lambda: _enter(issuer, facing(tx, visitor.session), visitor))
    if isinstance(outcome, Turned):
        note(issuer, outcome, visitor.by)
    return outcome


def begin_account(issuer: Issuer, tx: Transaction, visitor: Visitor, given: Mapping[str, str]) -> Outcome:
    """Make an account for a stranger and let them in. A Refusal with `fields` says what is wrong. UP-8, UP-9."""

    def attempt() -> Outcome:
        with issuer.database.writing() as db:
            arrival = _at_the_door(db, issuer, tx, visitor)
            if arrival is None:
                return Moved(show=None)
            refused = _refused(db, arrival)
            if refused is not None:
                return refused
            if linking.of_identity(db, arrival.provider, arrival.identity) is None:
                if not _may_begin(arrival, tx):
                    return _turned(arrival, Trouble.NO_ACCOUNT, "no account is made", "upstream.accounts")
                linking.make_account(db, issuer, arrival.provider, arrival.identity, given, by=visitor.by)
            return _by_link(db, issuer, tx, arrival, visitor)

    return retrying(attempt)


def set_aside(issuer: Issuer, tx: Transaction, visitor: Visitor) -> bool:
    """They have an account: what they proved waits until they proved that one, too."""

    def attempt() -> bool:
        with issuer.database.writing() as db:
            arrival = _at_the_door(db, issuer, tx, visitor)
            if arrival is None or not take(db, issuer, tx.id, visitor.browser):
                return False
            hold(db, issuer, arrival, tx_id=tx.id, browser=visitor.browser, kind=JOIN)
            return True

    return retrying(attempt)


def note(issuer: Issuer, turned: Turned, by: Actor) -> None:
    """Tell the audit who was not let in, and why."""
    slug = turned.provider.slug if turned.provider else ""
    refusal = turned.refusal

    def attempt() -> None:
        with issuer.database.writing() as db:
            down = turned.trouble in {Trouble.DOWN, Trouble.BUSY}
            event = (
                ProviderDown(provider=slug, detail=refusal.detail[:500])
                if down
                else ProviderRefused(provider=slug, reason=refusal.rule, detail=refusal.detail[:500])
            )
            record(db, event, by=by, at=issuer.clock())

    retrying(attempt)


def proof_of(provider: Provider, identity: Identity, now: datetime) -> Proof:
    """What an identity proves: as much as a password, unless exactly what is trusted was said. UP-7, UP-11, ID-4."""
    rules, said = provider.rules, identity.authentication
    meets = (said.acr != "" and said.acr in rules.mfa_acr) or not set(rules.mfa_amr).isdisjoint(said.amr)
    words = tuple(word for word in said.amr if word in WORDS) if meets else ()
    # A directory's password is typed here and proved here, as our own is.
    first = "pwd" if isinstance(provider.kind, PasswordUpstream) else "upstream"
    return Proof(
        factor=provider.factor,
        amr=(first, *words),
        kind=Kind.UPSTREAM,
        at=min(said.at or said.said_at or now, now),
        alone=Level.MFA if meets else Level.PWD,
    )


def _enter(issuer: Issuer, tx: Transaction, visitor: Visitor) -> Outcome:
    with issuer.database.writing() as db:
        arrival = _at_the_door(db, issuer, tx, visitor)
        if arrival is None:
            return Moved(show=None)
        refused = _refused(db, arrival)
        if refused is not None:
            return refused
        link = linking.of_identity(db, arrival.provider, arrival.identity)
        if link is None:
            theirs = linking.by_address(db, arrival.provider, arrival.identity)
            if theirs is None or tx.user not in {None, theirs.id}:
                return _stranger(arrival, tx)
            linking.link(db, issuer, arrival.provider, arrival.identity, theirs.id, by=visitor.by)
        return _by_link(db, issuer, tx, arrival, visitor)


def _at_the_door(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor) -> Arrival | None:
    """Who came to sign in; what was proved for a trial or to be linked opens nothing."""
    found = waiting(db, issuer, tx.id, visitor.browser)
    return found if found is not None and found.errand is Errand.SIGN_IN else None


def _by_link(db: Session, issuer: Issuer, tx: Transaction, arrival: Arrival, visitor: Visitor) -> Outcome:
    link = linking.of_identity(db, arrival.provider, arrival.identity)
    user = find.find(db, link.user) if link else None
    if user is None:
        return Moved(show=None)
    if tx.user not in {None, user.id}:
        return _turned(arrival, Trouble.OTHER, f"it is linked to user {user.id}", "upstream.other")
    if not take(db, issuer, tx.id, visitor.browser):
        return Moved(show=None)
    if not user.is_active:
        failed = SignInFailed(subject=user.id, reason=f"the person is {user.status}")
        record(db, failed, by=visitor.by, at=issuer.clock())
        return _turned(arrival, Trouble.CLOSED, f"the person is {user.status}", "upstream.closed")
    return _proved(db, issuer, tx, arrival, user, visitor)


def _proved(
    db: Session, issuer: Issuer, tx: Transaction, arrival: Arrival, user: User, visitor: Visitor
) -> Outcome:
    now = issuer.clock()
    linking.used(db, issuer, arrival.provider, arrival.identity, by=visitor.by)
    kept = tx._replace(remembered=tx.remembered or arrival.remembered)
    proof = proof_of(arrival.provider, arrival.identity, now)
    advanced = advance(db, issuer, kept, user=user.id, epoch=user.epoch, proof=proof, now=now)
    return Moved(show=None) if advanced is None else after(db, issuer, advanced, visitor)


def _refused(db: Session, arrival: Arrival) -> Turned | None:
    if not is_active(db, arrival.provider):
        return _turned(arrival, Trouble.OFF, "it was switched off meanwhile", "upstream.off")
    return None


def _stranger(arrival: Arrival, tx: Transaction) -> Outcome:
    if tx.user is not None:
        return _turned(arrival, Trouble.OTHER, "it is linked to no account", "upstream.other")
    if arrival.provider.rules.link_only:
        return _turned(arrival, Trouble.UNLINKED, "it is for linked accounts only", "upstream.link_only")
    return Stranger(arrival=arrival, makes_account=_may_begin(arrival, tx))


def _may_begin(arrival: Arrival, tx: Transaction) -> bool:
    rules = arrival.provider.rules
    return tx.user is None and not rules.link_only and makes_account(arrival.provider, arrival.identity)


def _turned(arrival: Arrival, trouble: Trouble, detail: str, rule: str) -> Turned:
    refusal = Refusal("The sign-in did not work.", code=f"upstream_{trouble}", detail=detail, rule=rule)
    return Turned(trouble=trouble, refusal=refusal, provider=arrival.provider)


def _read(issuer: Issuer, values: Mapping[str, Any]) -> Arrival | None:
    identity = from_json(values["identity"])
    provider = live(issuer).by_id(identity.provider)
    if provider is None:
        return None
    return Arrival(
        provider=provider,
        identity=identity,
        errand=Errand(values["errand"]),
        remembered=values["remembered"],
        user=values["user"],
    )
