"""Sign-in by password and authenticator app: by many people in turn, since each code counts once."""

import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyotp

from authserver.app import make_issuer
from authserver.config import Config
from authserver.factors.totp import PERIOD, SHA1
from authserver.keys.custody import totp_place
from authserver.opaque import new_id
from authserver.store.factors import BEGIN_TOTP, CONFIRM_TOTP
from bench.growth import PERSON, copy_first
from bench.sides import PEOPLE, Side
from bench.signing_in import AT_ONCE, sign_in
from bench.wire import Flow, Operation
from tests.oidc import Person

MANY = 2_500  # more than sign in within the half minute in which a code of theirs is not good again
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105  of nobody


def flows(side: Side, data: Path) -> list[Flow]:
    """Six people at once, each another one, and the next one after that."""
    names = itertools.cycle(_people(data))
    codes = Codes()
    return [_somebody(side, names, codes) for _ in range(AT_ONCE)]


@dataclass(slots=True)
class Codes:
    """What the app of every one of them shows: they share a secret, so that the client has little to compute."""

    step: int = 0
    shown: str = ""

    def __call__(self) -> str:
        now = time.time()
        step = int(now // PERIOD)
        if step != self.step:
            self.step, self.shown = step, pyotp.TOTP(SECRET).at(now)
        return self.shown


def _somebody(side: Side, names: Iterator[str], codes: Codes) -> Flow:
    def one() -> Operation:
        yield from sign_in(side, Person(email=next(names), password=PEOPLE[0].password), codes)()

    return one


def _people(data: Path) -> list[str]:
    """Copies of the first person, each with an app; their names."""
    with closing(sqlite3.connect(data / "authserver.db", timeout=60)) as file:
        first = file.execute(
            "SELECT user_id FROM user_emails WHERE address = ?", (PEOPLE[0].email,)
        ).fetchone()[0]
        copy_first(file, dict.fromkeys(PERSON, first), MANY)
        users = file.execute(
            "SELECT id, username FROM users WHERE username LIKE 'bulk%' ORDER BY id"
        ).fetchall()
    issuer = make_issuer(Config(data_dir=data, background=False))
    now = issuer.clock()
    with issuer.database.writing() as db:
        for user, _ in users:
            values = {"id": new_id(), "user": user, "enrolling": user, "now": db.time(now), "step": 0}
            made = {
                "secret": issuer.vault.seal(SECRET.encode(), totp_place(user)),
                "digits": 6,
                "algorithm": SHA1,
                "period": PERIOD,
                "expires": db.time(now + timedelta(hours=1)),
            }
            db.hot(BEGIN_TOTP, values | made).close()
            db.hot(CONFIRM_TOTP, values).fetchall()
    issuer.database.dispose()
    return [name for _, name in users]
