"""Single-sign-on sessions, logins under way, and the browsers that are known."""

from authserver.store.database import Hot

FIND_TRANSACTION = Hot(
    """SELECT t.id, t.browser_digest, t.purpose, t.request, t.user_id, t.proofs, t.remembered, t.level, t.steps_up,
              t.version, t.created_at, t.expires_at, t.completed_at, t.session_id, t.trusts,
              t.skips, u.status = 'active' AND u.epoch = t.user_epoch, t.tries
         FROM transactions t JOIN users u ON u.id = t.user_id WHERE t.id = :id"""
)

BEGIN_TRANSACTION = Hot(
    """INSERT INTO transactions (id, browser_digest, purpose, request, user_id, user_epoch, proofs, remembered,
                                 trusts, level, steps_up, version, tries, created_at, expires_at)
       VALUES (:id, :browser, :purpose, :request, :user, :epoch, :proofs, :remembered, :trusts,
               :level, :steps_up, 1, 0, :created, :expires)
       ON CONFLICT (id) DO NOTHING RETURNING version"""
)

ADVANCE_TRANSACTION = Hot(
    """UPDATE transactions SET proofs = :proofs, remembered = :remembered, trusts = :trusts, version = version + 1
        WHERE id = :id AND version = :version AND user_id = :user AND user_epoch = :epoch
          AND session_id IS NULL AND completed_at IS NULL AND expires_at > :now
    RETURNING version"""
)
SKIP_ADDRESS = Hot(
    """UPDATE transactions SET skips = :yes, version = version + 1
        WHERE id = :id AND version = :version AND session_id IS NULL AND completed_at IS NULL
    RETURNING version"""
)
ATTACH_SESSION = Hot(
    """UPDATE transactions SET session_id = :session, version = version + 1, completed_at = :completed
        WHERE id = :id AND version = :version AND session_id IS NULL AND completed_at IS NULL
    RETURNING version"""
)

TRY_TRANSACTION = Hot(
    """UPDATE transactions SET tries = tries + 1 WHERE id = :id AND tries < :most AND completed_at IS NULL
    RETURNING tries"""
)

FORGIVE_TRANSACTION = Hot("UPDATE transactions SET tries = tries - 1 WHERE id = :id")

RESUME_TRANSACTION = Hot(
    """UPDATE transactions SET completed_at = :now
        WHERE id = :id AND browser_digest = :browser AND session_id IS NOT NULL AND completed_at IS NULL
          AND expires_at > :now
    RETURNING request, user_id, session_id, proofs, level, created_at"""
)

OF_SESSION = """s.id, s.user_id, s.authentication, s.remembered, s.user_agent, s.ip, s.created_at,
                    s.last_seen_at, s.idle_until, s.expires_at, s.ended_at, s.end_reason, s.previous_until,
                    s.handle_digest, u.status = 'active' AND u.epoch = s.user_epoch, s.user_epoch,
                    s.end_agent, s.device_id, s.kind"""

SESSION = f"SELECT {OF_SESSION} FROM sso_sessions s JOIN users u ON u.id = s.user_id"  # noqa: S608

FIND_SESSION = Hot(f"{SESSION} WHERE s.handle_digest = :digest")

FIND_BY_PREVIOUS = Hot(f"{SESSION} WHERE s.previous_digest = :digest")

LOAD_SESSION = Hot(f"{SESSION} WHERE s.id = :id")

SESSIONS_OF = Hot(
    f"""{SESSION} WHERE s.user_id = :user AND s.ended_at IS NULL AND s.expires_at > :now
        ORDER BY s.last_seen_at DESC, s.id DESC"""
)

SESSIONS_OVER = Hot(
    "SELECT id FROM sso_sessions WHERE ended_at IS NULL AND expires_at <= :now ORDER BY expires_at LIMIT 100"
)

FAMILIES_OF = Hot(
    """SELECT session_id, client_id FROM grants
        WHERE user_id = :user AND revoked_at IS NULL AND refresh_expires_at > :now AND ends_at > :now"""
)

LIMITS = """SELECT u.max_sessions, g.max_sessions FROM users u
         LEFT JOIN memberships m ON m.user_id = u.id LEFT JOIN "groups" g ON g.id = m.group_id WHERE u.id = :user"""

LIMITS_OF = Hot(LIMITS)

# The row is held until the session is written, so that two sign-ins of one person do not both find the last place.
HOLD_LIMITS_OF = Hot(f"{LIMITS} /*server: FOR NO KEY UPDATE OF u*/")

FIRST_SEEN = Hot("SELECT id, first_seen_at FROM devices WHERE user_id = :user")

OPEN_SESSION = Hot(
    """INSERT INTO sso_sessions (id, handle_digest, user_id, user_epoch, authentication, kind, remembered,
                                 device_id, user_agent, ip, created_at, last_seen_at, idle_until, expires_at)
       SELECT :id, :digest, u.id, u.epoch, :authentication, :kind, :remembered, :device,
              :user_agent, :ip, :now, :now, :idle_until, :expires_at
         FROM users u JOIN transactions t ON t.user_id = u.id
        WHERE t.id = :transaction AND u.status = 'active' AND u.epoch = t.user_epoch
    RETURNING user_epoch"""
)

# The person is held before the session, as by whoever ends all of their sessions. The epoch is that in which the
# browser's handle read it: what was carried on since reads by another handle alone.
RENEW_SESSION = Hot(
    """UPDATE sso_sessions SET previous_digest = handle_digest, previous_until = :previous_until,
              handle_digest = :digest, authentication = :authentication, remembered = :remembered,
              user_agent = :user_agent, ip = :ip, last_seen_at = :now, idle_until = :idle_until,
              expires_at = :expires_at
        WHERE id = :id AND ended_at IS NULL AND expires_at > :now AND user_epoch = :epoch
          AND user_epoch = (SELECT epoch FROM users WHERE id = :user AND status = 'active'
                            /*server: FOR NO KEY UPDATE*/)
    RETURNING id"""
)

# Carried is only what stood until this very change: what an earlier one ended does not come back.
CARRY_SESSION = Hot(
    """UPDATE sso_sessions SET user_epoch = :epoch, handle_digest = :digest, previous_digest = NULL,
              previous_until = NULL
        WHERE id = :id AND user_id = :user AND user_epoch = :epoch - 1 AND ended_at IS NULL
    RETURNING id"""
)

CARRY_GRANTS = Hot(
    """UPDATE grants SET user_epoch = :epoch
        WHERE session_id = :id AND user_id = :user AND user_epoch = :epoch - 1 AND revoked_at IS NULL"""
)

TOUCH_SESSION = Hot(
    """UPDATE sso_sessions SET last_seen_at = :now,
              idle_until = CASE WHEN expires_at < :idle_until THEN expires_at ELSE :idle_until END
        WHERE id = :id AND ended_at IS NULL AND last_seen_at <= :before AND idle_until > :now
    RETURNING idle_until"""
)

END_SESSION = Hot(
    """UPDATE sso_sessions SET ended_at = :now, end_reason = :reason, end_agent = :agent
        WHERE id = :id AND ended_at IS NULL
    RETURNING user_id"""
)

END_SESSIONS_OF = Hot(
    """UPDATE sso_sessions SET ended_at = :now, end_reason = :reason, end_agent = :agent
        WHERE user_id = :user AND id <> :keep AND ended_at IS NULL
    RETURNING id"""
)

JOIN_CLIENT = Hot(
    """INSERT INTO session_clients (session_id, client_id, first_at, last_at)
       SELECT s.id, :client, :now, :now FROM sso_sessions s
        WHERE s.id = :session AND s.ended_at IS NULL /*server: FOR SHARE*/
       ON CONFLICT (session_id, client_id) DO UPDATE SET last_at = :now
    RETURNING session_id"""
)

HOLD_SESSION = Hot(
    "SELECT 1 FROM sso_sessions WHERE id = :session AND ended_at IS NULL /*server: FOR SHARE*/"
)

CLIENTS_OF = Hot("SELECT client_id FROM session_clients WHERE session_id = :session ORDER BY first_at")

FIND_DEVICE = Hot("SELECT id FROM devices WHERE digest = :digest AND user_id = :user AND expires_at > :now")

DEVICE_OWNERS = Hot("SELECT user_id FROM devices WHERE digest = :digest AND expires_at > :now")

KEEP_DEVICE = Hot(
    """INSERT INTO devices (id, digest, user_id, user_agent, ip, first_seen_at, last_seen_at, expires_at)
       VALUES (:id, :digest, :user, :user_agent, :ip, :now, :now, :expires_at)
       ON CONFLICT (digest, user_id) DO UPDATE SET user_agent = :user_agent, ip = :ip, last_seen_at = :now,
         expires_at = :expires_at
    RETURNING id"""
)

FORGET_DEVICES = Hot("DELETE FROM devices WHERE user_id = :user")
