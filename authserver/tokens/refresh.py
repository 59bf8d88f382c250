"""Refresh tokens: signed coordinates of a grant, `as_rt1_<grant>.<generation>.<root>.<mac>`; one row a family.

Nothing in the database can be turned into one, and the prefix lets secret scanners find a leaked one.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.opaque import same
from authserver.store import Session
from authserver.store.grants import GENERATION, ROTATE
from authserver.tokens.grant import idle_end
from authserver.vault import Roots, b64

PURPOSE = "refresh"
FORM = re.compile(r"as_rt1_([0-9a-f]{32})\.(0|[1-9][0-9]{0,8})\.([0-9A-Za-z_-]{1,16})\.([0-9A-Za-z_-]{43})")


class Presented(NamedTuple):
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


def mint(roots: Roots, grant_id: str, generation: int) -> str:
    """The refresh token of one generation; the same whenever it is asked for under the same root."""
    coordinates = f"{grant_id}.{generation}"
    root, mac = roots.mac(PURPOSE, coordinates.encode())
    return f"as_rt1_{coordinates}.{root}.{b64(mac)}"


def read(issuer: Issuer, token: str) -> Presented | None:
    """The coordinates of a token that we made, or None: garbage never reaches the database."""
    found = FORM.fullmatch(token)
    if found is None:
        return None
    grant, generation, root, mac = found.groups()
    genuine = issuer.roots.mac_by(PURPOSE, root, f"{grant}.{generation}".encode())
    # As text, so that each token has one spelling.
    if genuine is None or not same(b64(genuine), mac):
        return None
    return Presented(grant=grant, generation=int(generation))


def spend(
    db: Session, issuer: Issuer, client: Client, presented: Presented, now: datetime, *, standing: int
) -> bool:
    """Spend the presented generation, if its row stands there still: one UPDATE, so that a race loses. RT-1."""
    values = {
        "grant": presented.grant,
        "presented": presented.generation,
        "standing": standing,
        "now": db.time(now),
        "idle": db.time(idle_end(issuer, client, now)),
    }
    return db.shared(ROTATE, values).rowcount == 1


def settle(db: Session, issuer: Issuer, client: Client, presented: Presented, now: datetime) -> Outcome:
    """What becomes of a token that is not, or not any more, the one that its row waits for. RT-2, RT-3, RT-5."""
    current, moved_at = 0, None
    for _ in range(2):
        row = db.one(GENERATION, {"grant": presented.grant})
        if row is None or row[2] is not None:
            return Over()
        current, moved_at = row[0], db.database.read_time(row[1]) if row[1] else None
        # A write lost in a power cut leaves the row one behind an authentic token: such a row moves forward.
        ahead = presented.generation - current
        if ahead not in (0, 1):
            break
        if spend(db, issuer, client, presented, now, standing=current):
            return Rotated(generation=presented.generation + 1, healed=ahead == 1)
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
