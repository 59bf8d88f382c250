"""What comes to one process at the same moment: asked together, each with an end of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

import psycopg
import pytest

from authserver.audit import SYSTEM
from authserver.errors import Unavailable
from authserver.store import Hot
from authserver.store.company import Asked, Company, Values
from authserver.store.grants import LOAD, LOAD_TOKEN, LOAD_TOKEN_AND_PERSON, ROTATE
from authserver.store.links import Fetched, Shared
from authserver.store.postgresql import array
from authserver.tokens import refresh
from authserver.tokens.grant import revoke
from tests.flow.test_code import code_for
from tests.flow.world import World
from tests.oidc import OAuthError, RelyingParty, Tokens
from tests.peers.process import wait_until
from tests.serve import Store

MANY = 6
LOCK = Hot("UPDATE users SET status = 'locked' WHERE id = :user")
MOVE_ON = Hot("UPDATE grants SET generation = 2 WHERE id = :grant")
HOLD = Hot("UPDATE grants SET revoke_reason = NULL WHERE id = :grant")


@pytest.fixture
def store() -> Store:
    """Only a server is asked by many at once; the file has its writers in a row."""
    return "postgresql"


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("authserver.store.company.PATIENCE", seconds)
        yield


@pytest.fixture
def patient() -> Iterator[None]:
    """Whoever waits does so for as long as the test takes."""
    with patience(60):
        yield


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as made:
        yield made


@contextmanager
def asking(world: World, statement: Shared) -> Iterator[Callable[[int], None]]:
    """Somebody asks this for as long as this lasts; what it gives waits until so many others wait."""
    company, mine = world.issuer.database.company(statement), Asked({})
    assert company.come(mine)
    try:
        yield lambda many: wait_until(lambda: len(company._waiting) == many, "they wait")
    finally:
        company.pass_on(mine, ())


def families(world: World, web: RelyingParty, many: int) -> list[Tokens]:
    ada = world.add_user()
    return [web.redeem(*code_for(world, web, ada)) for _ in range(many)]


def family(world: World, tokens: Tokens) -> str:
    presented = refresh.read(world.issuer, tokens.refresh_token or "")
    assert presented is not None
    return presented.grant


def come(threads: ThreadPoolExecutor, web: RelyingParty, presented: Sequence[Tokens]) -> list[Future[Tokens]]:
    return [threads.submit(web.refresh, tokens) for tokens in presented]


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is asked meanwhile."""
    asked: list[str] = []
    world.issuer.database.counting = asked.append
    try:
        yield asked
    finally:
        world.issuer.database.counting = None


@pytest.mark.usefixtures("patient")
def test_who_comes_together_is_asked_for_together(world: World, threads: ThreadPoolExecutor) -> None:
    """RT-1: one statement looks at all of them, and one commit moves each by one."""
    web = world.add_client()
    first = families(world, web, MANY)
    with statements(world) as asked:
        with asking(world, ROTATE) as wait_to_rotate:
            with asking(world, LOAD) as wait_to_load:
                coming = come(threads, web, first)
                wait_to_load(MANY)
            wait_to_rotate(MANY)
        second = [each.result() for each in coming]
    assert asked.count(LOAD.together.sql) == 1
    assert (asked.count(ROTATE.together.sql), asked.count(ROTATE.sql), asked.count(LOAD.sql)) == (1, 0, 0)
    assert [family(world, tokens) for tokens in second] == [family(world, tokens) for tokens in first]
    moved = world.rows("SELECT generation, count(*) FROM grants WHERE rotated_at IS NOT NULL GROUP BY 1")
    assert moved == [(1, MANY)]


@pytest.mark.usefixtures("patient")
def test_together_each_has_an_end_of_its_own(world: World, threads: ThreadPoolExecutor) -> None:
    """RT-1, RT-2, RT-9: a token twice; families and a person that changed meanwhile; and nothing amiss."""
    web, bob = world.add_client(), world.add_user("bob@example.org")
    twice, over, moved_on, well = families(world, web, 4)
    of_bob = web.redeem(*code_for(world, web, bob))
    with asking(world, ROTATE) as all_wait:
        coming = come(threads, web, [twice, over, twice, of_bob, moved_on, well])
        all_wait(6)
        with world.writing() as db:
            assert revoke(db, world.issuer, family(world, over), reason="test", by=SYSTEM)
            db.hot(LOCK, {"user": bob.id})
            db.hot(MOVE_ON, {"grant": family(world, moved_on)})
    once, ended, again, locked, reused, fine = coming
    assert once.result().refresh_token == again.result().refresh_token
    assert len(world.events("refresh_retried")) == 1
    for lost in (ended, locked, reused):
        with pytest.raises(OAuthError, match="invalid_grant"):
            lost.result()
    assert len(world.events("refresh_reused")) == 1
    for won in (once, fine):
        assert web.refresh(won.result()).refresh_token


@pytest.mark.usefixtures("patient")
def test_nobody_waits_for_the_family_of_another(world: World, threads: ThreadPoolExecutor) -> None:
    """RT-1: a row that an open transaction holds is waited for by its own request alone."""
    web = world.add_client()
    held, *free = families(world, web, 3)
    with world.writing() as db:
        db.hot(HOLD, {"grant": family(world, held)})
        with asking(world, ROTATE) as all_wait:
            waits, *others = come(threads, web, [held, *free])
            all_wait(3)
        assert all(each.result().refresh_token for each in others)
        assert not waits.done()
    assert waits.result().refresh_token


def test_nobody_waits_long_for_somebody_who_is_stuck(world: World, threads: ThreadPoolExecutor) -> None:
    """OPS-4: whoever has waited a tenth of a second asks in its place, and who comes then finds nobody stuck."""
    web = world.add_client()
    first, *then = families(world, web, 3)
    with asking(world, LOAD), asking(world, ROTATE):
        assert threads.submit(web.refresh, first).result().refresh_token
        with patience(60):
            assert all(each.result().refresh_token for each in come(threads, web, then))
    assert web.refresh(web.refresh(first)).refresh_token


def test_whoever_was_taken_along_by_somebody_stuck_is_told_to_come_again(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-4: no wait is without an end; and what may still be committed is not asked twice."""
    monkeypatch.setattr("authserver.store.company.PATIENCE", 1)
    monkeypatch.setattr("authserver.store.company.ENDS", 0.1)
    company, first, answered = Company(), Asked({}), Event()

    def stuck(of_each: Sequence[Values]) -> Fetched:
        assert answered.wait(60)
        return Fetched([(place,) for place in range(1, len(of_each) + 1)], len(of_each))

    def alone() -> Fetched:
        raise AssertionError("there was company")

    assert company.come(first)
    coming = [threads.submit(company.ask, {}, alone, stuck) for _ in range(2)]
    wait_until(lambda: len(company._waiting) == 2, "they wait")
    company.pass_on(first, ())
    (along,), (leads,) = wait(coming, return_when=FIRST_COMPLETED)
    with pytest.raises(Unavailable):
        along.result()
    answered.set()
    assert leads.result().fetchall() == [(1,)]
    assert company.come(Asked({}))


@pytest.mark.usefixtures("patient")
def test_tokens_that_are_asked_about_together_are_told_apart(
    world: World, threads: ThreadPoolExecutor
) -> None:
    """RT-9: of one family two tokens, one of which was revoked; one of a family that ended; unknown ones."""
    web, bob = world.add_client(), world.add_user("bob@example.org", name="Bob")
    world.add_group("editors", bob)
    world.add_group("authors", bob)
    ada, over = families(world, web, 2)
    fresh, of_bob = web.refresh(ada), web.redeem(*code_for(world, web, bob))
    with world.writing() as db:
        assert revoke(db, world.issuer, family(world, over), reason="test", by=SYSTEM)
    web.revoke(ada.access_token)
    shown = [ada, fresh, over, of_bob, fresh]
    with asking(world, LOAD_TOKEN) as all_wait:
        coming = [threads.submit(web.introspect, each.access_token) for each in shown]
        all_wait(len(shown))
    assert [each.result()["active"] for each in coming] == [False, True, False, True, True]
    with asking(world, LOAD_TOKEN_AND_PERSON) as all_wait:
        people = [threads.submit(web.userinfo, each.access_token) for each in (fresh, of_bob, fresh)]
        all_wait(3)
    assert [each.result()["sub"] for each in people] == [
        each.claims["sub"] for each in (fresh, of_bob, fresh)
    ]


@pytest.mark.usefixtures("patient")
def test_of_apps_that_ask_together_one_may_end_with_an_idle_session(
    world: World, threads: ThreadPoolExecutor
) -> None:
    """RT-10: each is asked for with the word of its own client."""
    apps = [
        world.add_client("web"),
        world.add_client("desk", idle_ends_tokens=True),
        world.add_client("phone"),
    ]
    ada = world.add_user()
    known = [(app, app.redeem(*code_for(world, app, ada))) for app in apps]
    world.clock.advance(minutes=9)
    known = [(app, app.refresh(tokens)) for app, tokens in known]
    world.clock.advance(minutes=2)
    with asking(world, LOAD_TOKEN) as all_wait:
        told = [threads.submit(app.introspect, tokens.access_token) for app, tokens in known]
        all_wait(len(known))
    assert [each.result()["active"] for each in told] == [True, False, True]
    with asking(world, LOAD) as all_wait:
        told = [threads.submit(app.introspect, tokens.refresh_token or "") for app, tokens in known]
        all_wait(len(known))
    assert [each.result()["active"] for each in told] == [True, False, True]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("statement", [LOAD, ROTATE], ids=["looked at", "rotated"])
def test_what_fails_together_fails_for_each_and_spends_nothing(
    world: World, threads: ThreadPoolExecutor, statement: Shared
) -> None:
    """TK-7: everybody is told to come again, and does."""
    web = world.add_client()
    first = families(world, web, 3)

    def goes_away(asked: str) -> None:
        if asked == statement.together.sql:
            raise psycopg.OperationalError("the server closed the connection")

    world.issuer.database.counting = goes_away
    try:
        with asking(world, statement) as all_wait:
            coming = come(threads, web, first)
            all_wait(3)
        for each in coming:
            with pytest.raises(OAuthError, match="temporarily_unavailable"):
                each.result()
    finally:
        world.issuer.database.counting = None
    assert all(web.refresh(tokens).refresh_token for tokens in first)
    assert world.events("refresh_retried") == []


def test_lists_arrive_as_they_were_sent(world: World) -> None:
    texts = ["", "a,b", 'said "so"', "back\\slash", "{}", "NULL", None, " zoë\n"]
    assert world.rows("SELECT * FROM unnest(CAST(:texts AS text[]))", texts=array(texts)) == [
        (text,) for text in texts
    ]


@pytest.mark.parametrize("statement", [LOAD, LOAD_TOKEN, LOAD_TOKEN_AND_PERSON, ROTATE])
def test_how_many_come_together_is_no_reason_to_plan_anew(world: World, statement: Shared) -> None:
    """PostgreSQL plans five times with the values, then once for all; a plan costs more than what it is for."""
    now = world.clock()
    each = {
        "grant": "0" * 32,
        "jti": "x",
        "idle_ends": False,
        "presented": 0,
        "standing": 0,
        "now": now,
        "idle": now,
    }
    with world.writing() as db:
        for many in (1, 2, 1, 3, 2, 1, 4, 2, 1, 2, 3):
            db.hot(statement.together, {name: [value] * many for name, value in each.items()})
        planned = Hot("SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE name = :name")
        assert db.one(planned, {"name": statement.together.name.decode()}) == (5, 6)
