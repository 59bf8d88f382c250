"""Which providers a login may go to; and ending what one let in: in one action, on every node. UP-6."""

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.authentication import UserId, proved_by
from authserver.issuer import Issuer
from authserver.login.steps import client_of
from authserver.sessions import ending
from authserver.store import Session, records
from authserver.store.upstreams import SESSIONS_BY, SESSIONS_OF_BY
from authserver.tokens import grant
from authserver.transaction import Transaction
from authserver.upstream import configure
from authserver.upstream.find import live, missing
from authserver.upstream.provider import Provider, factor_of


def end_sessions(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> int:
    """Sign out everybody who signed in by this provider, with their apps; how many sessions ended."""
    row = records.upstreams.upstream_by_slug(db, slug)
    if row is None:
        raise missing(slug)
    ended = end_all(db, issuer, row.id, reason="provider_ended", by=by)
    event = Changed(kind="provider", id=slug, act="sessions_ended", fields={"sessions": ended})
    record(db, event, by=by, at=issuer.clock())
    return ended


def remove(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> None:
    """Remove a provider with its links, and sign out whoever it let in."""
    row = records.upstreams.upstream_by_slug(db, slug)
    if row is not None:
        provider_id = row.id
        configure.remove(db, issuer, slug, by=by)
        end_all(db, issuer, provider_id, reason="provider_removed", by=by)
        return
    raise missing(slug)


def end_all(
    db: Session, issuer: Issuer, provider_id: str, *, reason: str, by: Actor, user: UserId | None = None
) -> int:
    """End all that began with a proof by this provider, of everybody or of one; how many sessions.

    Tokens for offline use go, too, also those whose session was signed out of long ago.
    """
    now, factor = issuer.clock(), factor_of(provider_id)
    values = {"now": db.time(now), "proof": proved_by(factor)}
    cursor = db.hot(SESSIONS_OF_BY, values | {"user": user}) if user else db.hot(SESSIONS_BY, values)
    found = [row[0] for row in cursor.fetchall()]
    ended = sum(ending.end(db, issuer, each, reason=reason, by=by, now=now) for each in found)
    grant.revoke_where(db, issuer, reason=reason, by=by, user=user, proof=factor)
    return ended


def offered(issuer: Issuer, tx: Transaction) -> tuple[Provider, ...]:
    """The providers that this login may go to, in the order of the client, else of the admin."""
    active, client = live(issuer).active, client_of(issuer, tx)
    if client is None or client.providers is None:
        return active
    named = {each.slug: each for each in active}
    return tuple(named[slug] for slug in client.providers if slug in named)


def of_address(issuer: Issuer, tx: Transaction, text: str) -> Provider | None:
    """The provider that a typed address belongs to, if this login may go there."""
    found = live(issuer).of_address(text)
    return found if found is not None and found in offered(issuer, tx) else None
