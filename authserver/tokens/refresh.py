"""Refresh tokens: signed coordinates of a grant, `as_rt1_<grant>.<generation>.<root>.<mac>`; one row a family.

Nothing in the database can be turned into one, and the prefix lets secret scanners find a leaked one.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.store.grants import GENERATION, ROTATE
from authserver.tokens.grant import Grant, idle_end
from authserver.vault import b64, unb64

PURPOSE = "refresh"
FORM = re.compile(r"as_rt1_([0-9a-f]{32})\.(0|[1-9][0-9]{0,8})\.([0-9A-Za-z_-]{1,16})\.([0-9A-Za-z_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """An authentic refresh token's coordinates."""

    grant: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The presented token is spent; `generation` is its successor's."""

    generation: int
    healed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """Its successor again, unused as yet: a lost response logs nobody out. RT-3."""

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """It was spent before: somebody else has it, and the family must end. RT-2."""

    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FarAhead:
    """It is further ahead of its row than one lost write explains. RT-5."""

    current: int


@dataclass(frozen=True, slots=True)
class Over:
    """Revoked, unused for too long, or past its end."""


Outcome = Rotated | Retried | Reused | FarAhead | Over


def mint(issuer: Issuer, grant_id: str, generation: int) -> str:
    """The refresh token of one generation; the same whenever it is asked for under the same root."""
    coordinates = f"{grant_id}.{generation}"
    root, mac = issuer.roots.mac(PURPOSE, coordinates.encode())
    return f"as_rt1_{coordinates}.{root}.{b64(mac)}"


def read(issuer: Issuer, token: str) -> Presented | None:
    """The coordinates of a token that we made, or None: garbage never reaches the database."""
    found = FORM.fullmatch(token)
    mac = unb64(found[4]) if found else None
    if found is None or mac is None:
        return None
    if not issuer.roots.genuine(PURPOSE, found[3], f"{found[1]}.{found[2]}".encode(), mac):
        return None
    return Presented(grant=found[1], generation=int(found[2]))


def rotate(
    db: Session, issuer: Issuer, client: Client, grant: Grant, presented: Presented, now: datetime
) -> Outcome:
    """Spend the presented generation by one UPDATE; the loser of a race learns why it lost. RT-1, RT-3, RT-5."""
    values = {
        "grant": presented.grant,
        "presented": presented.generation,
        "now": db.time(now),
        "idle": db.time(idle_end(issuer, client, now)),
    }
    current, moved_at = grant.generation, grant.rotated_at
    for _ in range(2):
        # A write lost in a power cut leaves the row one behind an authentic token: such a row moves forward.
        ahead = presented.generation - current
        if ahead in (0, 1) and db.one(ROTATE, {**values, "standing": current}) is not None:
            return Rotated(generation=presented.generation + 1, healed=ahead == 1)
        row = db.one(GENERATION, {"grant": presented.grant})
        if row is None or row[2] is not None:
            return Over()
        current, moved_at = row[0], db.database.read_time(row[1]) if row[1] else None
        if presented.generation - current not in (0, 1):
            break
    return _late(issuer, presented.generation, current, moved_at, now)


def _late(issuer: Issuer, presented: int, current: int, moved_at: datetime | None, now: datetime) -> Outcome:
    """Why a token did not rotate: it was spent just now, long ago, or the family is over."""
    grace = timedelta(seconds=issuer.settings.refresh_grace)
    # The row's time may be another node's, and a little ahead of ours: that still counts as just now.
    if current == presented + 1 and moved_at is not None and grace and now - moved_at <= grace:
        return Retried(generation=current)
    if current > presented:
        return Reused(current=current)
    return FarAhead(current=current) if presented > current + 1 else Over()
