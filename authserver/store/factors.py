"""Second factors of people: authenticator apps, and the recovery codes beside them."""

from functools import cache

from authserver.store.database import Hot, Session

TOTP = """SELECT id, user_id, secret, digits, algorithm, period, last_step, confirmed_at, last_used_at, enrolling
            FROM totp_devices"""

CONFIRMED_TOTP = Hot(f"{TOTP} WHERE user_id = :user AND confirmed_at IS NOT NULL")

PENDING_TOTP = Hot(
    f"""{TOTP} WHERE user_id = :user AND enrolling = :enrolling AND confirmed_at IS NULL AND expires_at > :now
        ORDER BY id DESC"""
)

HAS_TOTP = Hot("SELECT 1 FROM totp_devices WHERE user_id = :user AND confirmed_at IS NOT NULL")

FORGET_PENDING = Hot(
    """DELETE FROM totp_devices
        WHERE user_id = :user AND confirmed_at IS NULL AND (enrolling = :enrolling OR expires_at <= :now)"""
)

BEGIN_TOTP = Hot(
    """INSERT INTO totp_devices (id, user_id, secret, digits, algorithm, period, last_step, enrolling, created_at,
                                 expires_at)
       VALUES (:id, :user, :secret, :digits, :algorithm, :period, 0, :enrolling, :now, :expires)"""
)

# A code works once: whoever moves the step has it. TOTP-3.
SPEND_STEP = Hot(
    """UPDATE totp_devices SET last_step = :step, last_used_at = :now
        WHERE id = :id AND user_id = :user AND confirmed_at IS NOT NULL AND last_step < :step
    RETURNING id"""
)

CONFIRM_TOTP = Hot(
    """UPDATE totp_devices SET confirmed_at = :now, expires_at = NULL, last_step = :step, last_used_at = :now
        WHERE id = :id AND user_id = :user AND confirmed_at IS NULL AND expires_at > :now
    RETURNING id"""
)

REMOVE_CONFIRMED = Hot(
    "DELETE FROM totp_devices WHERE user_id = :user AND confirmed_at IS NOT NULL RETURNING id"
)

REMOVE_TOTP = Hot("DELETE FROM totp_devices WHERE user_id = :user")

HAS_CODES = Hot("SELECT 1 FROM recovery_codes WHERE user_id = :user AND used_at IS NULL LIMIT 1")

CODES_OF = Hot(
    """SELECT count(*), sum(CASE WHEN used_at IS NULL THEN 1 ELSE 0 END), min(made_at), max(used_at)
         FROM recovery_codes WHERE user_id = :user"""
)

CODE_ROOTS = Hot("SELECT DISTINCT root_id FROM recovery_codes WHERE user_id = :user")

KEEP_CODE = Hot(
    """INSERT INTO recovery_codes (user_id, digest, root_id, made_at)
       VALUES (:user, :digest, :root, :now)"""
)

# One atomic write, whose row count decides. RC-2.
SPEND_CODE = Hot(
    """UPDATE recovery_codes SET used_at = :now
        WHERE user_id = :user AND digest = :digest AND root_id = :root AND used_at IS NULL
    RETURNING digest"""
)

WAS_SPENT = Hot(
    """SELECT 1 FROM recovery_codes
        WHERE user_id = :user AND digest = :digest AND root_id = :root AND used_at IS NOT NULL"""
)

REMOVE_CODES = Hot("DELETE FROM recovery_codes WHERE user_id = :user")

IS_EXEMPT = Hot(
    """SELECT u.role, e.user_id FROM users u
       LEFT JOIN exemptions e ON e.user_id = u.id AND (e.until IS NULL OR e.until > :now)
           WHERE u.id = :user"""
)

EXEMPT = Hot(
    """INSERT INTO exemptions (user_id, reason, made_by, made_at, until)
       VALUES (:user, :reason, :by, :now, :until)
       ON CONFLICT (user_id) DO UPDATE SET reason = :reason, made_by = :by, made_at = :now, until = :until"""
)

END_EXEMPTION = Hot("DELETE FROM exemptions WHERE user_id = :user RETURNING user_id")

EXEMPTIONS = Hot(
    """SELECT user_id, reason, made_by, made_at, until FROM exemptions
        WHERE (until IS NULL OR until > :now) AND (:user IN ('', user_id)) ORDER BY made_at, user_id"""
)


@cache
def _any_of(statements: tuple[tuple[str, Hot], ...]) -> Hot:
    found = (f"SELECT '{name}' WHERE EXISTS ({statement.sql})" for name, statement in statements)
    return Hot(" UNION ALL ".join(found))


def finding(db: Session, statements: tuple[tuple[str, Hot], ...], user_id: str) -> frozenset[str]:
    """The names of those statements that find a row of this person, in one round trip."""
    if not statements:
        return frozenset()
    return frozenset([row[0] for row in db.hot(_any_of(statements), {"user": user_id}).fetchall()])
