"""T-1: the last place where somebody may be signed in, wanted by 32 threads of two processes at the same moment."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from authserver.app import create_app
from authserver.audit import SYSTEM
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.sessions import ending, sso
from authserver.users import edit
from tests.conftest import STORES
from tests.races.contest import Contest, contest
from tests.races.volley import ROUNDS, THREADS
from tests.serve import Seed, Store


@pytest.fixture(scope="module", params=STORES)
def ground(
    request: pytest.FixtureRequest, seed_of: Callable[[Store], Seed], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Issuer, Contest]]:
    """An installation on each database, and contestants on it."""
    with ExitStack() as stack:
        data = tmp_path_factory.mktemp(f"places-{request.param}") / "data"
        leading = stack.enter_context(seed_of(request.param).copied(data))
        config = Config(data_dir=data, database_url=leading.get("AUTHSERVER_DATABASE_URL", ""))  # type: ignore[arg-type]
        app = create_app(config)
        stack.callback(app.close)
        yield app.issuer, stack.enter_context(contest(data, leading))


@pytest.mark.parametrize("most", [1, 2])
def test_32_sign_ins_get_no_more_than_the_places_that_there_are(
    ground: tuple[Issuer, Contest], most: int
) -> None:
    """T-1, SS-4: one winner for each place; all others learn that it is full, and nothing of theirs is open."""
    issuer, racers = ground
    with issuer.database.writing() as db:
        about = {"username": f"racer-{most}", "max_sessions": most}
        user = edit.add(db, issuer, about, by=SYSTEM).id
    for _ in range(ROUNDS):
        results = Counter(racers.round("enter", user=user))
        assert results == {"Entered": most, "Full": THREADS - most}
        with issuer.database.writing() as db:
            found = sso.of_user(db, issuer, user, issuer.clock())
            assert len(found) == most
            now = issuer.clock()
            ending.end_others(db, issuer, user, keep=None, reason="test", by=SYSTEM, now=now)
