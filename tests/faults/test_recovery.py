"""A database that was away and is back: no connection that it ended costs anybody an answer."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from authserver.app import create_app
from authserver.config import Config
from authserver.errors import Unavailable
from authserver.issuer import Issuer
from authserver.store import Hot
from tests.peers.postgresql import PostgreSQL
from tests.serve import Seed

ANSWERS = Hot("SELECT 1")
MANY = 5


@pytest.fixture
def issuer(seed_of: object, postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Issuer]:
    assert callable(seed_of)
    seed: Seed = seed_of("postgresql")
    with ExitStack() as stack:
        leading = stack.enter_context(seed.copied(tmp_path / "data"))
        config = Config(
            data_dir=tmp_path / "data",
            database_url=leading["AUTHSERVER_DATABASE_URL"],
            background=False,
        )
        app = create_app(config)
        stack.callback(app.close)
        yield app.issuer


def several_at_once(issuer: Issuer) -> None:
    """As many connections of each pool as are asked for at the same moment."""
    with ExitStack() as stack:
        for _ in range(MANY):
            for session in (issuer.database.reading(), issuer.database.writing()):
                db = stack.enter_context(session)
                assert db.one(ANSWERS, {}) == (1,)


def test_after_the_database_was_away_nobody_is_refused(issuer: Issuer, postgresql: PostgreSQL) -> None:
    """OPS-4: what the server ended is not offered to requests, in whichever pool it lies; one finds out for all."""
    for _ in range(3):
        several_at_once(issuer)
        postgresql.freeze(urlsplit(issuer.config.database).path.strip("/"))
        several_at_once(issuer)


def test_who_was_in_the_middle_is_refused_and_repeats(issuer: Issuer, postgresql: PostgreSQL) -> None:
    """OPS-6: half a transaction is not begun again by itself."""

    def interrupted() -> None:
        with issuer.database.writing() as db:
            db.one(ANSWERS, {})
            postgresql.freeze(urlsplit(issuer.config.database).path.strip("/"))
            db.one(ANSWERS, {})

    with pytest.raises(Unavailable):
        interrupted()
    several_at_once(issuer)
