"""Linking an identity to an account by proof of both: from the account page, or in a sign-in. UP-5, UP-10."""

from dataclasses import dataclass

from authserver.audit import Actor
from authserver.authentication import UserId
from authserver.errors import NotFound, Refusal
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.login.arrival import JOIN, Arrival, take, waiting
from authserver.login.transaction import find_row
from authserver.login.trip import Errand
from authserver.sessions.sso import SsoSession
from authserver.store import Session, retrying
from authserver.store.locks import lock
from authserver.upstream import linking
from authserver.upstream.find import is_active, live
from authserver.upstream.linking import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A link as its owner sees it. `is_last`: it is the only way in, so it stays."""

    link: Link
    title: str
    slug: str
    kind: str
    is_active: bool
    is_last: bool


def pending(db: Session, issuer: Issuer, session: SsoSession, tx_id: str, browser: bytes) -> Arrival | None:
    """What this person may link now: they went there from their account, or proved the account in this very login.

    An arrival is good for the person and the identity that it was made for, and for no other. CVE-6.
    """
    arrival = waiting(db, issuer, tx_id, browser, kind=JOIN)
    if arrival is None:
        return None
    if arrival.errand is Errand.LINK:
        return arrival if arrival.user == session.user else None
    row = find_row(db, tx_id, browser)
    proved_here = row is not None and row.tx.user == session.user and row.tx.session == session.id
    return arrival if proved_here else None


def join(issuer: Issuer, session: SsoSession, tx_id: str, browser: bytes, *, by: Actor) -> Link:
    """Link, once, after the person said yes to both names."""

    def attempt() -> Link:
        with issuer.database.writing() as db:
            arrival = pending(db, issuer, session, tx_id, browser)
            if arrival is None or not take(db, issuer, tx_id, browser, kind=JOIN):
                raise Refusal(
                    "This took too long, or was done already. Begin anew.", rule="join.gone", status=409
                )
            if not is_active(db, arrival.provider):
                raise Refusal("This provider is switched off.", rule="upstream.off", status=409)
            return linking.link(db, issuer, arrival.provider, arrival.identity, session.user, by=by)

    return retrying(attempt)


def drop(issuer: Issuer, tx_id: str, browser: bytes) -> None:
    """They said no: what was proved is worth nothing any more."""

    def attempt() -> None:
        with issuer.database.writing() as db:
            take(db, issuer, tx_id, browser, kind=JOIN)

    retrying(attempt)


def held(db: Session, issuer: Issuer, user: UserId) -> tuple[Held, ...]:
    """The links of somebody's account."""
    links, known = linking.of_user(db, user), live(issuer)
    found = []
    for link in links:
        provider = known.by_id(link.provider_id)
        found.append(
            Held(
                link=link,
                title=provider.title if provider else "",
                slug=provider.slug if provider else "",
                kind=provider.kind_name if provider else "",
                is_active=provider is not None and provider.is_active,
                is_last=not _has_another_way(db, issuer, user, link, links),
            )
        )
    return tuple(found)


def unlink(issuer: Issuer, user: UserId, link_id: str, *, by: Actor) -> None:
    """Remove a link, but not the last way in. UP-10."""

    def attempt() -> None:
        with issuer.database.writing() as db:
            lock(db, f"factors:{user}")
            links = linking.of_user(db, user)
            link = next((each for each in links if each.id == link_id), None)
            if link is None:
                raise NotFound("There is no such link.", detail=f"no link {link_id!r} of user {user}")
            if not _has_another_way(db, issuer, user, link, links):
                raise Refusal(
                    "This is your only way to sign in, so it stays. Set a password first.",
                    rule="last_way",
                    status=409,
                )
            provider = live(issuer).by_id(link.provider_id)
            linking.unlink(db, issuer, link, provider.slug if provider else "", by=by)

    retrying(attempt)


def _has_another_way(db: Session, issuer: Issuer, user: UserId, link: Link, links: tuple[Link, ...]) -> bool:
    if any(factor.begins and factor.enrolled(db, user) for factor in factors(issuer).values()):
        return True
    active = {each.id for each in live(issuer).active}
    return any(each.id != link.id and each.provider_id in active for each in links)
