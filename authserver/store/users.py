"""People, their addresses and passwords; groups and who is in them; declared attributes."""

import json
from typing import NamedTuple

from authserver.store.database import Hot, Session

PERSON = """u.id, u.subject, u.username, u.name, e.address, e.verified_at, u.locale, u.status, u.role,
                    u.epoch, u.attributes, u.created_at, u.updated_at, u.last_sign_in_at, u.version, u.max_sessions,
                    o.name"""

PERSONS_OWN = """LEFT JOIN user_emails e ON e.user_id = u.id AND e.is_primary
                 LEFT JOIN memberships m ON m.user_id = u.id
                 LEFT JOIN "groups" o ON o.id = m.group_id"""

_PERSON = f"SELECT {PERSON} FROM users u {PERSONS_OWN} WHERE "  # noqa: S608

BY_ID = Hot(_PERSON + "u.id = :value")

BY_SUBJECT = Hot(_PERSON + "u.subject = :value")

BY_USERNAME = Hot(_PERSON + "u.username_key = :value")

BY_EMAIL = Hot(
    f"{_PERSON} u.id = (SELECT user_id FROM user_emails WHERE address_key = :value AND verified_at IS NOT NULL)"  # noqa: S608
)

PASSWORD = Hot("SELECT hash, changed_at, is_short FROM passwords WHERE user_id = :user")

SET_PASSWORD = Hot(
    """INSERT INTO passwords (user_id, hash, changed_at, is_short) VALUES (:user, :hash, :now, :is_short)
       ON CONFLICT (user_id) DO UPDATE SET hash = :hash, changed_at = :now, is_short = :is_short"""
)

TOLD_AT = Hot(
    """SELECT e.address, u.locale, u.last_sign_in_at
         FROM users u
         LEFT JOIN user_emails e ON e.user_id = u.id AND e.is_primary AND e.verified_at IS NOT NULL
        WHERE u.id = :user"""
)

PLACES = Hot(
    """SELECT count(*), max(CASE WHEN place = :place THEN seen_at END) FROM seen_places WHERE user_id = :user"""
)

NOTE_PLACE = Hot(
    """INSERT INTO seen_places (user_id, place, seen_at) VALUES (:user, :place, :now)
       ON CONFLICT (user_id, place) DO UPDATE SET seen_at = :now"""
)

MARK_BY_MAIL = Hot("UPDATE passwords SET by_mail = :by_mail WHERE user_id = :user")

# Whom a code can be mailed to: an address that is verified, and how the password in use came to be. EOTP-3, EOTP-6.
MAILBOX = Hot(
    """SELECT e.address, u.locale, e.code_used_at, p.by_mail
         FROM users u
         JOIN user_emails e ON e.user_id = u.id AND e.is_primary AND e.verified_at IS NOT NULL
         LEFT JOIN passwords p ON p.user_id = u.id
        WHERE u.id = :user"""
)

NOTE_CODE_USED = Hot("UPDATE user_emails SET code_used_at = :now WHERE user_id = :user AND is_primary")

NAMES_OF_GROUPS = Hot(
    'SELECT g.name FROM memberships m JOIN "groups" g ON g.id = m.group_id WHERE m.user_id = :user'
)

RULES_OF_GROUPS = Hot('SELECT id, second_factor FROM "groups" WHERE second_factor IS NOT NULL')

GROUPS_OF = Hot("SELECT group_id FROM memberships WHERE user_id = :user")

BUMP_EPOCH = Hot("UPDATE users SET epoch = epoch + 1 WHERE id = :user RETURNING epoch")

SIGNED_IN = Hot("UPDATE users SET last_sign_in_at = :now WHERE id = :user")
ATTRIBUTES = Hot("SELECT name, title, type, edited_by, scope, tokens, version FROM attributes ORDER BY name")


class HeldAttribute(NamedTuple):
    """What a row of `attributes` says."""

    name: str
    title: str
    type: str
    edited_by: str
    scope: str | None
    tokens: list[str]
    version: int


def held_attributes(db: Session) -> list[HeldAttribute]:
    return [
        HeldAttribute._make((*row[:5], json.loads(row[5]), row[6]))
        for row in db.hot(ATTRIBUTES, {}).fetchall()
    ]
