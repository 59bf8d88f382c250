"""Consents, grants (the family that every token descends from), and revoked access tokens."""

from datetime import datetime
from functools import cache

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.database import Hot
from authserver.store.types import Base, Id, Json, UtcDateTime, partial


class ConsentRow(Base):
    __tablename__ = "consents"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    scope: Mapped[str]  # space-separated, sorted
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantRow(Base):
    """One row is one refresh family. No index covers what rotation writes."""

    __tablename__ = "grants"
    __table_args__ = (
        partial("ix_grants_user_id", "user_id", where="revoked_at IS NULL"),
        partial("ix_grants_session_id", "session_id", where="revoked_at IS NULL"),
        Index("ix_grants_client_id", "client_id"),
        Index("ix_grants_ends_at", "ends_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    user_epoch: Mapped[int]
    client_id: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str] = mapped_column(Id)
    scope: Mapped[str]
    resources: Mapped[list[str]] = mapped_column(Json, default=list)
    claims: Mapped[str | None]  # the `claims` request parameter, normalized JSON text
    authentication: Mapped[str]  # authentication.to_json, as text
    offline: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoke_reason: Mapped[str | None] = mapped_column(String(32))


class RevokedTokenRow(Base):
    __tablename__ = "revoked_tokens"
    __table_args__ = (Index("ix_revoked_tokens_expires_at", "expires_at"),)
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


STANDING = """g.id, g.user_id, g.user_epoch, g.client_id, g.session_id, g.scope, g.resources, g.claims,
       g.authentication, g.offline, g.generation, g.rotated_at, g.granted_at, g.refresh_expires_at, g.ends_at,
       g.revoked_at, u.subject, u.status, u.epoch, s.ended_at, s.id, s.idle_until"""
JOINED = """FROM grants g JOIN users u ON u.id = g.user_id LEFT JOIN sso_sessions s ON s.id = g.session_id"""
REVOKED = "EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = :jti)"

LOAD = Hot(f"SELECT {STANDING} {JOINED} WHERE g.id = :grant")
LOAD_TOKEN = Hot(f"SELECT {STANDING}, {REVOKED} {JOINED} WHERE g.id = :grant")
OF_USER = Hot(
    f"SELECT {STANDING} {JOINED} "
    "WHERE g.user_id = :user AND g.revoked_at IS NULL AND g.ends_at > :now ORDER BY g.granted_at DESC"
)
BEGIN = Hot(
    """INSERT INTO grants (id, user_id, user_epoch, client_id, session_id, scope, resources, claims,
                           authentication, offline, generation, granted_at, refresh_expires_at, ends_at)
       VALUES (:id, :user, :epoch, :client, :session, :scope, :resources, :claims,
               :authentication, :offline, 0, :now, :refresh_expires_at, :ends_at)"""
)
ROTATE = Hot(
    """UPDATE grants SET generation = :presented + 1, rotated_at = :now,
              refresh_expires_at = CASE WHEN ends_at < :idle THEN ends_at ELSE :idle END
        WHERE id = :grant AND generation = :standing AND revoked_at IS NULL AND refresh_expires_at > :now
          AND EXISTS (SELECT 1 FROM users u
                       WHERE u.id = user_id AND u.epoch = user_epoch AND u.status = 'active')"""
)
GENERATION = Hot(
    "SELECT generation, rotated_at, revoked_at, refresh_expires_at FROM grants WHERE id = :grant"
)
REVOKE = Hot(
    """UPDATE grants SET revoked_at = :now, revoke_reason = :reason
        WHERE id = :grant AND revoked_at IS NULL
    RETURNING id, user_id, client_id, session_id"""
)
MATCHING = {
    "session": "session_id = :session",
    "user": "user_id = :user",
    "client": "client_id = :client",
    "spare_session": "session_id <> :spare_session",
    "spare_offline": "offline <> :spare_offline",
    "proof": "authentication LIKE :proof",
}


@cache
def revoke_matching(names: frozenset[str]) -> Hot:
    """The statement that ends every family for which all the named conditions hold."""
    where = " AND ".join(MATCHING[name] for name in sorted(names))
    return Hot(
        f"""UPDATE grants SET revoked_at = :now, revoke_reason = :reason
             WHERE {where} AND revoked_at IS NULL
         RETURNING id, user_id, client_id, session_id"""  # noqa: S608
    )


# Every app that somebody is known to, also from sign-ins that are over.
APPS_OF = Hot(
    """SELECT client_id FROM grants WHERE user_id = :user
        UNION SELECT client_id FROM consents WHERE user_id = :user AND revoked_at IS NULL
        UNION SELECT c.client_id FROM session_clients c JOIN sso_sessions s ON s.id = c.session_id
               WHERE s.user_id = :user"""
)
TOKEN_REVOKED = Hot("SELECT 1 FROM revoked_tokens WHERE jti = :jti")
REVOKE_TOKEN = Hot(
    """INSERT INTO revoked_tokens (jti, expires_at) VALUES (:jti, :until)
       ON CONFLICT DO NOTHING RETURNING jti"""
)
