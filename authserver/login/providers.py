"""Ending what a provider let in: in one action, on every node. UP-6."""

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.authentication import UserId, proved_by
from authserver.issuer import Issuer
from authserver.sessions import ending
from authserver.store import Session
from authserver.store.records.upstreams import upstream_by_slug
from authserver.store.upstreams import SESSIONS_BY, SESSIONS_OF_BY
from authserver.tokens import grant
from authserver.upstream import configure
from authserver.upstream.find import missing
from authserver.upstream.provider import factor_of


def end_sessions(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> int:
    """Sign out everybody who signed in by this provider, with their apps; how many sessions ended."""
    row = upstream_by_slug(db, slug)
    if row is None:
        raise missing(slug)
    ended = end_all(db, issuer, row.id, reason="provider_ended", by=by)
    event = Changed(kind="provider", id=slug, act="sessions_ended", fields={"sessions": ended})
    record(db, event, by=by, at=issuer.clock())
    return ended


def remove(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> None:
    """Remove a provider with its links, and sign out whoever it let in."""
    row = upstream_by_slug(db, slug)
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
