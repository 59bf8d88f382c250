"""Accounts that a directory has closed, although their password is right. LD-5."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from authserver.upstream.ldap.wire import Entry

DISABLED, LOCKED, EXPIRED = (
    "Your account is disabled there. Please ask those who run it.",
    "Your account is locked there. Please ask those who run it.",
    "Your account has expired there. Please ask those who run it.",
)
PASSWORD_EXPIRED = "Your password there has expired. Change it there, then sign in again."  # noqa: S105
ACCOUNT_DISABLED_BIT = 0x2
BEGIN = datetime(1601, 1, 1, tzinfo=UTC)
NEVER = {0, 0x7FFF_FFFF_FFFF_FFFF}
# What Active Directory adds to "invalid credentials" when the password was right all the same.
AD_SAYS = {"533": DISABLED, "701": EXPIRED, "532": PASSWORD_EXPIRED, "773": PASSWORD_EXPIRED}
DATA = re.compile(r"\bdata ([0-9a-f]{3,4})\b")
Check = Callable[[Entry, datetime], str]


def _by_control(entry: Entry, now: datetime) -> str:
    return DISABLED if _number(entry.text("userAccountControl")) & ACCOUNT_DISABLED_BIT else ""


def _by_lock(entry: Entry, now: datetime) -> str:
    return DISABLED if entry.text("nsAccountLock").lower() == "true" else ""


def _by_policy(entry: Entry, now: datetime) -> str:
    return LOCKED if entry.text("pwdAccountLockedTime") else ""


def _by_shadow(entry: Entry, now: datetime) -> str:
    """Days since 1970; -1 and nothing mean never."""
    text = entry.text("shadowExpire")
    return EXPIRED if text and 0 <= _number(text, -1) <= now.timestamp() // 86400 else ""


def _by_end(entry: Entry, now: datetime) -> str:
    """Active Directory counts tenths of microseconds since 1601."""
    ticks = _number(entry.text("accountExpires"))
    if ticks in NEVER:
        return ""
    return EXPIRED if BEGIN + timedelta(microseconds=min(ticks // 10, 2**57)) <= now else ""


CHECKS: dict[str, Check] = {
    "userAccountControl": _by_control,
    "nsAccountLock": _by_lock,
    "pwdAccountLockedTime": _by_policy,
    "shadowExpire": _by_shadow,
    "accountExpires": _by_end,
}


def closed(entry: Entry, now: datetime) -> tuple[str, str]:
    """What to tell the person and which attribute says so; empty where the account is open."""
    for name, check in CHECKS.items():
        if said := check(entry, now):
            return said, name
    return "", ""


def by_message(said: str) -> str:
    """What to tell the person where the directory refused a password that was right; empty otherwise."""
    found = DATA.search(said)
    return AD_SAYS.get(found[1], "") if found else ""


def _number(text: str, otherwise: int = 0) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else otherwise
