"""Consents, grants (the family that every token descends from), and revoked access tokens."""

from functools import cache

from authserver.store.database import Hot
from authserver.store.links import Shared
from authserver.store.users import PERSON, PERSONS_OWN

# Whether it counts now; then whose it is, and how they signed in.
BEHIND = """g.client_id, g.offline, g.ends_at, g.revoked_at, u.status, u.epoch <> g.user_epoch,
       s.idle_until, u.subject, g.claims, g.authentication"""

STANDING = f"""{BEHIND}, g.id, g.user_id, g.session_id, g.scope, g.resources, g.generation, g.rotated_at,
       g.granted_at, g.refresh_expires_at"""

# As far as they are asked for, the person and the session are in these indexes.
PERSON_OF = "users u /*file: INDEXED BY ix_users_standing*/ ON u.id = g.user_id"


def session_of(idle_ends: str) -> str:
    """The session, for a client whose tokens end when it is idle: NULL is nobody's id, and no tree is searched for it.

    Others need not ask: whoever ends a session ends the families that end with it in the same transaction.
    """
    return f"""sso_sessions s /*file: INDEXED BY ix_sso_sessions_standing*/
            ON s.id = CASE WHEN {idle_ends} AND NOT g.offline THEN g.session_id END AND s.ended_at IS NULL"""


def joined(idle_ends: str, of_each: str = "") -> str:
    return f"FROM grants g {of_each} JOIN {PERSON_OF} LEFT JOIN {session_of(idle_ends)}"


REVOKED = "EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = :jti)"
ITS_OWN_REVOKED = "EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = asked.jti)"


def asked(**kinds: str) -> str:
    """The values of several requests as rows, each with its place.

    Each list is a subquery: were its length known, PostgreSQL would make a plan for it each time.
    """
    lists = ", ".join(f"(SELECT CAST(:{name} AS {kind}[]))" for name, kind in kinds.items())
    names = ", ".join(f'"{name}"' for name in kinds)
    return f"unnest({lists}) WITH ORDINALITY AS asked({names}, place)"


def joined_together(**kinds: str) -> str:
    of_each = asked(grant="varchar", idle_ends="boolean", **kinds)
    return joined("asked.idle_ends", f'JOIN {of_each} ON g.id = asked."grant"')


JOINED, TOKENS_TOGETHER = joined(":idle_ends"), joined_together(jti="varchar")

LOAD = Shared(
    f"SELECT {STANDING} {JOINED} WHERE g.id = :grant",
    together=f"SELECT {STANDING}, asked.place {joined_together()}",
)

LOAD_TOKEN = Shared(
    f"SELECT {BEHIND}, {REVOKED} {JOINED} WHERE g.id = :grant",
    together=f"SELECT {BEHIND}, {ITS_OWN_REVOKED}, asked.place {TOKENS_TOGETHER}",
)

# One row for each group of the person.
LOAD_TOKEN_AND_PERSON = Shared(
    f"SELECT {BEHIND}, {REVOKED}, {PERSON} {JOINED} {PERSONS_OWN} WHERE g.id = :grant",
    together=f"SELECT {BEHIND}, {ITS_OWN_REVOKED}, {PERSON}, asked.place {TOKENS_TOGETHER} {PERSONS_OWN}",
)
IS_REVOKED = BEHIND.count(",") + 1
PERSONS = slice(IS_REVOKED + 1, None)

OF_USER = Hot(
    f"SELECT {STANDING} {joined('FALSE')} "
    "WHERE g.user_id = :user AND g.revoked_at IS NULL AND g.ends_at > :now ORDER BY g.granted_at DESC"
)

# The session is held until the transaction ends, so that whoever ends it then finds the grant.
BEGIN = Hot(
    """INSERT INTO grants (id, user_id, user_epoch, client_id, session_id, scope, resources, claims,
                           authentication, offline, generation, granted_at, refresh_expires_at, ends_at)
       SELECT :id, s.user_id, :epoch, :client, s.id, :scope, :resources, :claims,
              :authentication, :offline, 0, :now, :refresh_expires_at, :ends_at
         FROM sso_sessions s
        WHERE s.id = :session AND s.user_id = :user AND s.ended_at IS NULL /*server: FOR SHARE*/"""
)

# Together: each row is locked before it is looked at. One that somebody else holds is left out, so that nobody waits
# for the family of another. What is looked at is what was locked: any plan keeps to the rows that were asked for.
ROTATE = Shared(
    """UPDATE grants SET generation = :presented + 1, rotated_at = :now,
              refresh_expires_at = CASE WHEN ends_at < :idle THEN ends_at ELSE :idle END
        WHERE id = :grant AND generation = :standing AND revoked_at IS NULL AND refresh_expires_at > :now
          AND EXISTS (SELECT 1 FROM users u /*file: INDEXED BY ix_users_standing*/
                       WHERE u.id = user_id AND u.epoch = user_epoch AND u.status = 'active')""",
    together=f"""WITH held AS (
        SELECT g.ctid AS row, g.generation, g.revoked_at, g.refresh_expires_at, g.ends_at, g.user_id, g.user_epoch,
               asked.presented, asked.standing, asked.now, asked.idle, asked.place
          FROM grants g
          JOIN {asked(grant="varchar", presented="int", standing="int", now="timestamptz", idle="timestamptz")}
            ON g.id = asked."grant"
           FOR NO KEY UPDATE OF g SKIP LOCKED)
       UPDATE grants SET generation = presented + 1, rotated_at = now,
              refresh_expires_at = CASE WHEN held.ends_at < idle THEN held.ends_at ELSE idle END
         FROM held
        WHERE grants.ctid = row AND held.generation = standing AND held.revoked_at IS NULL
          AND held.refresh_expires_at > now
          AND EXISTS (SELECT 1 FROM users u
                       WHERE u.id = held.user_id AND u.epoch = held.user_epoch AND u.status = 'active')
    RETURNING place""",  # noqa: S608
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
