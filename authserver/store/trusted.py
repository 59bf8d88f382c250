"""Browsers in which a second factor is not asked of somebody for some hours."""

from authserver.store.database import Hot

STANDING = """FROM trusted_devices t JOIN users u ON u.id = t.user_id JOIN devices d ON d.id = t.device_id
             WHERE t.user_id = :user AND t.until > :now AND u.epoch = t.user_epoch AND u.role IS NULL"""

FIND_TRUSTED = Hot(f"SELECT t.factors {STANDING} AND t.digest = :digest AND d.digest = :device")

TRUSTED_OF = Hot(
    f"SELECT t.id, d.user_agent, t.made_at, t.until, t.factors, t.digest {STANDING} ORDER BY t.made_at DESC, t.id"
)

KEEP_TRUSTED = Hot(
    """INSERT INTO trusted_devices (id, digest, user_id, user_epoch, device_id, factors, made_at, until)
       VALUES (:id, :digest, :user, :epoch, :device, :factors, :now, :until)
       ON CONFLICT (user_id, device_id) DO UPDATE SET id = :id, digest = :digest, user_epoch = :epoch,
         factors = :factors, made_at = :now, until = :until"""
)

FORGET_TRUSTED = Hot("DELETE FROM trusted_devices WHERE id = :id AND user_id = :user RETURNING id")

# Whoever ends a session of theirs from elsewhere no longer trusts the browser that it was in.
FORGET_OF_SESSION = Hot(
    """DELETE FROM trusted_devices
        WHERE user_id = :user AND device_id = (SELECT device_id FROM sso_sessions WHERE id = :session)"""
)
