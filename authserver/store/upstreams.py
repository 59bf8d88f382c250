"""Providers that people sign in with, and which accounts are linked to whom there."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from authserver.store.database import Hot, Session

STATUS = Hot("SELECT status, version FROM upstreams WHERE id = :id /*server: FOR SHARE*/")

HAS_LINK = Hot(
    """SELECT 1 FROM upstream_links l JOIN upstreams p ON p.id = l.upstream_id
        WHERE l.user_id = :user AND p.status = 'active' LIMIT 1"""
)

SESSIONS_BY = Hot(
    """SELECT id FROM sso_sessions
        WHERE ended_at IS NULL AND expires_at > :now AND authentication LIKE :proof"""
)
SESSIONS_OF_BY = Hot(
    """SELECT id FROM sso_sessions
        WHERE user_id = :user AND ended_at IS NULL AND expires_at > :now AND authentication LIKE :proof"""
)
# Whoever has something now that began with a proof by this provider.
LET_IN_BY = Hot(
    """SELECT l.user_id, l.subject FROM upstream_links l
        WHERE l.upstream_id = :provider
          AND (EXISTS (SELECT 1 FROM sso_sessions s WHERE s.user_id = l.user_id AND s.ended_at IS NULL
                          AND s.expires_at > :now AND s.authentication LIKE :proof)
            OR EXISTS (SELECT 1 FROM grants g WHERE g.user_id = l.user_id AND g.revoked_at IS NULL
                          AND g.ends_at > :now AND g.authentication LIKE :proof))
        ORDER BY l.user_id"""
)
UPSTREAMS = Hot(
    """SELECT id, slug, kind, preset, title, config, secrets, rules, status, position, created_at, updated_at, version
         FROM upstreams ORDER BY position, slug"""
)


class HeldUpstream(NamedTuple):
    """What a row of `upstreams` says."""

    id: str
    slug: str
    kind: str
    preset: str
    title: str
    config: dict[str, Any]
    secrets: bytes | None
    rules: dict[str, Any]
    status: str
    position: int
    created_at: datetime
    updated_at: datetime
    version: int


def held_upstreams(db: Session) -> list[HeldUpstream]:
    """Every provider, in the order in which they are offered."""
    return [_held(row, db.database.read_time) for row in db.hot(UPSTREAMS, {}).fetchall()]


def _held(row: tuple[Any, ...], time: Callable[[Any], datetime]) -> HeldUpstream:
    config, rules = json.loads(row[5]), json.loads(row[7])
    return HeldUpstream._make(
        (*row[:5], config, row[6], rules, *row[8:10], time(row[10]), time(row[11]), row[12])
    )
