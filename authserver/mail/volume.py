"""How many mails somebody may ask for. The outbox itself is what is counted: on every node, through every restart.

Of one kind of mail there is one in `mail_wait` seconds and `mails_an_hour` to an account, or to an address where there
is no account; of all kinds together a network asks for `network_mails_an_hour`. RL-1, EOTP-2.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from authserver.errors import TooMany
from authserver.issuer import Issuer
from authserver.limits.limiter import read_address, subscriber
from authserver.store import Hot, Session
from authserver.store.locks import lock
from authserver.store.outbox import ASKED_BY, TO_ACCOUNT, TO_ADDRESS

HOUR = timedelta(hours=1)
# Two letters that answer one question count as one: when another may be sent does not tell which it was. PW-4.
TWINS = {"confirm_address": "account_known", "account_known": "confirm_address"}


def source_of(ip: str) -> str:
    """Who asks, as it is counted: one IPv4 address, or a /64."""
    found = read_address(ip)
    return subscriber(found) if found is not None else "unknown"


def check(
    db: Session, issuer: Issuer, *, template: str, to: str, source: str, user: str | None = None
) -> None:
    """Refuse a mail that comes too soon or is one too many: TooMany says when to come again.

    Call it before enqueue(), in the same transaction: whoever comes at the same time waits here.
    """
    lock(db, f"mail:{min(template, TWINS.get(template, template))}:{user or to}")
    lock(db, f"mail:{source}")
    now = issuer.clock()
    at = next_at(db, issuer, template=template, to=to, user=user)
    network = _network_at(db, issuer, source)
    late = max((each for each in (at, network) if each is not None), default=None)
    if late is not None and late > now:
        raise _too_many(late - now, f"mail {template}: {'the network' if late == network else 'the account'}")


def check_network(db: Session, issuer: Issuer, *, source: str) -> None:
    """Refuse a network that asked for too many, whomever it asks about."""
    lock(db, f"mail:{source}")
    now, free = issuer.clock(), _network_at(db, issuer, source)
    if free is not None and free > now:
        raise _too_many(free - now, "the network")


def next_at(
    db: Session, issuer: Issuer, *, template: str, to: str, user: str | None = None
) -> datetime | None:
    """When another mail of this kind may be sent; None for now."""
    settings, named = issuer.settings, {"name": template, "twin": TWINS.get(template, template)}
    times = _times(db, issuer, TO_ADDRESS, {"recipient": to, **named})
    if user is not None:
        times = sorted({*times, *_times(db, issuer, TO_ACCOUNT, {"user": user, **named})})
    if not times:
        return None
    soonest = times[-1] + timedelta(seconds=settings.mail_wait)
    free = _free(times, settings.mails_an_hour)
    found = max(soonest, free) if free is not None else soonest
    return found if found > issuer.clock() else None


def _network_at(db: Session, issuer: Issuer, source: str) -> datetime | None:
    return _free(_times(db, issuer, ASKED_BY, {"source": source}), issuer.settings.network_mails_an_hour)


def _too_many(wait: timedelta, who: str) -> TooMany:
    seconds = max(1, math.ceil(wait.total_seconds()))
    detail = f"{who} asked for too many"
    return TooMany("A mail was sent already.", retry_after=seconds, detail=detail, rule="mail_volume")


def _free(times: Sequence[datetime], most: int) -> datetime | None:
    """When so many are no longer within an hour; None where they are not."""
    return times[-most] + HOUR if len(times) >= most else None


def _times(db: Session, issuer: Issuer, statement: Hot, about: dict[str, str]) -> list[datetime]:
    since = {"since": db.time(issuer.clock() - HOUR)}
    return [db.database.read_time(at) for (at,) in db.hot(statement, about | since).fetchall()]
