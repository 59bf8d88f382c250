"""T-1: what may happen once, tried by 32 threads of two processes on one database."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest

from authserver.app import create_app
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.keys import rotation
from authserver.once import Gone, Ticket, consume, open_ticket, peek, remember
from authserver.store import Hot
from tests.conftest import STORES
from tests.races.contest import Contest, contest
from tests.races.volley import ROUNDS, THREADS
from tests.serve import Seed, Store

TRIES = 5
KINDS = ("code", "setup", "mail", "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """An installation on each database, and contestants on it."""

    issuer: Issuer
    contest: Contest

    def ticket(self, kind: str, key: str | None = None, attempts: int = 1) -> str:
        now = self.issuer.clock()
        with self.issuer.database.writing() as db:
            return open_ticket(
                db,
                self.issuer.roots,
                kind,
                key=key,
                attempts=attempts,
                now=now,
                expires_at=now + timedelta(minutes=1),
            )


@pytest.fixture(scope="module", params=STORES)
def ground(
    request: pytest.FixtureRequest, seed_of: Callable[[Store], Seed], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with ExitStack() as stack:
        data = tmp_path_factory.mktemp(f"contest-{request.param}") / "data"
        leading = stack.enter_context(seed_of(request.param).copied(data))
        config = Config(data_dir=data, database_url=leading.get("AUTHSERVER_DATABASE_URL", ""))  # type: ignore[arg-type]
        app = create_app(config)
        stack.callback(app.close)
        yield Ground(issuer=app.issuer, contest=stack.enter_context(contest(data, leading)))


def test_one_of_32_spends_a_ticket(ground: Ground) -> None:
    """T-1, TK-1: the others learn that somebody was first."""
    for _ in range(ROUNDS):
        key, _, answer = ground.ticket("code").partition(".")
        results = Counter(
            name for name, _ in ground.contest.round("spend", kind="code", key=key, answer=answer)
        )
        assert results == {"Ticket": 1, "Spent": THREADS - 1}


def test_32_wrong_answers_cost_every_try_once(ground: Ground) -> None:
    """T-1: parallel guesses get no more tries than guesses one after the other, and then not even the right one."""
    for _ in range(ROUNDS):
        key, _, answer = ground.ticket("mail", attempts=TRIES).partition(".")
        results = ground.contest.round("spend", kind="mail", key=key, answer=f"not {answer}")
        left = sorted(attempts_left for name, attempts_left in results if name == "Wrong")
        assert left == list(range(TRIES))
        assert [name for name, _ in results].count("Gone") == THREADS - TRIES
        with ground.issuer.database.writing() as db:
            late = consume(db, ground.issuer.roots, "mail", key, answer, now=ground.issuer.clock())
        assert late == Gone()


def test_one_of_32_is_the_first_to_bring_a_value(ground: Ground) -> None:
    """T-1, CL-5: a jti is new to one of them."""
    for number in range(ROUNDS):
        assert Counter(ground.contest.round("keep", kind="jti", value=f"value {number}")) == {
            True: 1,
            False: THREADS - 1,
        }


def test_one_of_32_becomes_the_first_owner(ground: Ground) -> None:
    """T-1: one link makes one owner, however many follow it."""
    for number in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            db.hot(Hot("UPDATE users SET role = NULL WHERE role = 'owner'"), {}).close()
        ticket = ground.ticket("setup", key="first-owner")
        made = [owner for owner in ground.contest.round("own", ticket=ticket, round=number) if owner]
        with ground.issuer.database.reading() as db:
            owners = db.hot(Hot("SELECT id FROM users WHERE role = 'owner'"), {}).fetchall()
        assert [(made[0],)] == owners
        assert len(made) == 1


def test_one_of_32_does_a_job(ground: Ground) -> None:
    """OPS-8: clean-up runs on one node at a time."""
    for number in range(ROUNDS):
        leads = ground.contest.round("lead", job=f"job {number}")
        assert Counter(leads) == {True: 1, False: THREADS - 1}


def test_32_rotations_at_once_are_one(ground: Ground) -> None:
    """T-1, KEY-1, KEY-2: one next key, which becomes active once, and one active key at every end."""
    for _ in range(ROUNDS // 4):
        published = Counter(ground.contest.round("publish", alg="ES256"))
        ((kid, times),) = published.items()
        assert times == THREADS
        activated = Counter(ground.contest.round("activate", alg="ES256"))
        assert activated == {kid: 1, "no_next_key": THREADS - 1}
        with ground.issuer.database.reading() as db:
            states = {key.kid: key.state for key in rotation.all_keys(db) if key.alg == "ES256"}
        assert [name for name, state in states.items() if state == "active"] == [kid]
        assert "next" not in states.values()


def test_a_ticket_is_good_for_its_own_kind_alone(ground: Ground) -> None:
    """CVE-2: a code, a link or any other handle that is offered as something else is unknown, and stays unspent."""
    roots, now = ground.issuer.roots, ground.issuer.clock()
    for made, offered in product(KINDS, repeat=2):
        ticket = ground.ticket(made)
        key, _, answer = ticket.partition(".")
        with ground.issuer.database.writing() as db:
            looked = peek(db, roots, offered, ticket, now=now)
            spent = consume(db, roots, offered, key, answer, now=now)
            assert isinstance(looked, Ticket) == isinstance(spent, Ticket) == (made == offered)
            remains = peek(db, roots, made, ticket, now=now)
            assert isinstance(remains, Ticket) == (made != offered)


def test_a_value_is_new_to_every_kind(ground: Ground) -> None:
    """CVE-2: replay memory of one kind says nothing of another."""
    until = ground.issuer.clock() + timedelta(minutes=1)
    with ground.issuer.database.writing() as db:
        assert [remember(db, kind, "the same", until) for kind in ("a", "b", "a")] == [True, True, False]
