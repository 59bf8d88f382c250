"""Ending what a provider let in: in one action, on every node. UP-6."""

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.issuer import Issuer
from authserver.sessions import ending
from authserver.store import Session
from authserver.store.upstreams import SESSIONS_BY, upstream_by_slug
from authserver.upstream import configure
from authserver.upstream.find import missing
from authserver.upstream.provider import factor_of


def end_sessions(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> int:
    """Sign out everybody who signed in by this provider, with their apps; how many sessions ended."""
    row = upstream_by_slug(db, slug)
    if row is None:
        raise missing(slug)
    ended = _end(db, issuer, row.id, "provider_ended", by)
    event = Changed(kind="provider", id=slug, act="sessions_ended", fields={"sessions": ended})
    record(db, event, by=by, at=issuer.clock())
    return ended


def remove(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> None:
    """Remove a provider with its links, and sign out whoever it let in."""
    row = upstream_by_slug(db, slug)
    if row is not None:
        configure.remove(db, issuer, slug, by=by)
        _end(db, issuer, row.id, "provider_removed", by)
        return
    raise missing(slug)


def _end(db: Session, issuer: Issuer, provider_id: str, reason: str, by: Actor) -> int:
    now = issuer.clock()
    values = {"now": db.time(now), "proof": f'%"factor":"{factor_of(provider_id)}"%'}
    found = [row[0] for row in db.hot(SESSIONS_BY, values).fetchall()]
    return sum(ending.end(db, issuer, each, reason=reason, by=by, now=now) for each in found)
