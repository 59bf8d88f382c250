"""Deleting what has expired: rows, counters, keys and roots that nothing needs any more."""

from authserver.audit import SYSTEM
from authserver.clock import seconds
from authserver.issuer import Issuer
from authserver.keys import rolling, rotation
from authserver.limits import passwords
from authserver.limits.limiter import WINDOW
from authserver.mail import outbox
from authserver.store import sweep as store
from authserver.work.end_sessions import end_sessions


def sweep(issuer: Issuer) -> dict[str, int]:
    """Delete everything whose time is over; returns how many rows went from which table."""
    # Of sessions, only those that were ended go.
    end_sessions(issuer)
    now = issuer.clock()
    expiring = (*store.TABLES, store.audit(issuer.settings.audit_retention_days))
    gone = {each.table: sum(store.sweep(issuer.database, each, now)) for each in expiring}
    gone["rate_windows"] = sum(store.sweep_windows(issuer.database, seconds(now) // WINDOW - 1))
    with issuer.database.writing() as db:
        passwords.sweep(db, now)
        outbox.expire(db, issuer)
        gone["root_secrets"] = rolling.forget_old(db, now=now)
        gone["signing_keys"] = rotation.settle(db, now=now, by=SYSTEM)
    return gone
