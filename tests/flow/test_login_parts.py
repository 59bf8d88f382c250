"""The parts of a sign-in by themselves: sealed requests, rows that are taken once, passwords, sessions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from authserver.audit import SYSTEM, Actor
from authserver.authentication import Level, SessionId, UserId
from authserver.errors import Misconfigured, Refusal
from authserver.factors.contract import Refused, Right
from authserver.factors.password import Password, decoy, hash_password
from authserver.factors.registry import factors, register
from authserver.login import transaction
from authserver.login.completion import Entered, Visitor
from authserver.login.steps import take
from authserver.opaque import new_secret
from authserver.sessions import ending, opening, sso
from authserver.sessions.sso import Ended, SsoSession
from authserver.store import retrying
from authserver.transaction import Purpose, Transaction
from authserver.users import edit
from tests.flow.login import count, enter, fill, rows
from tests.flow.second_factor import FakeCode
from tests.flow.world import PASSWORD, Resident, World

BROWSER = b"b" * 32
OTHER = b"o" * 32


def sealed(
    world: World, *, purpose: Purpose = Purpose.AUTHORIZE, browser: bytes = BROWSER, **request: str
) -> str:
    return transaction.seal(
        world.issuer,
        purpose=purpose,
        request=request or {"client_id": "web", "state": "s"},
        browser=browser,
        now=world.clock(),
    )


def opened(world: World, **more: Any) -> Transaction:
    tx = transaction.open_sealed(
        world.issuer, sealed(world, **more), more.get("browser", BROWSER), world.clock()
    )
    assert tx is not None
    return tx


def visitor(session: SsoSession | None = None, browser: bytes = BROWSER) -> Visitor:
    by = Actor(kind="stranger", ip="192.0.2.1", user_agent="Test")
    return Visitor(browser=browser, device=None, session=session, by=by)


def proved(world: World, ada: Resident, tx: Transaction, session: SsoSession | None = None) -> Entered:
    answer = {"username": ada.email, "password": ada.password}
    outcome = take(world.issuer, tx, "password", answer, visitor(session))
    assert isinstance(outcome, Entered), outcome
    return outcome


def world_change(world: World, act: Any, user: UserId, **more: Any) -> None:
    with world.writing() as db:
        act(db, world.issuer, user, by=SYSTEM, **more)


def new_password(world: World, user: UserId) -> None:
    phc = hash_password(world.issuer, PASSWORD)
    world_change(world, edit.set_password, user, phc_hash=phc)


def world_end(world: World, session: SessionId) -> None:
    with world.writing() as db:
        ending.end(db, world.issuer, session, reason="test", by=SYSTEM, now=world.clock())


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


class TestSealed:
    def test_it_opens_for_its_browser_and_its_time_alone(self, world: World) -> None:
        """AZ-14: 30 minutes, bound to one browser."""
        value = sealed(world)
        now = world.clock()
        end = now + timedelta(minutes=30)
        open_it = transaction.open_sealed
        assert open_it(world.issuer, value, BROWSER, end - timedelta(seconds=1)) is not None
        assert open_it(world.issuer, value, BROWSER, end) is None
        assert open_it(world.issuer, value, OTHER, now) is None
        assert open_it(world.issuer, value[:-1], BROWSER, now) is None
        assert open_it(world.issuer, "", BROWSER, now) is None
        assert open_it(world.issuer, "\ud800\0é", BROWSER, now) is None
        stale = transaction.open_stale(world.issuer, value, BROWSER)
        assert stale is not None
        assert stale.request == {"client_id": "web", "state": "s"}

    def test_it_says_nothing_to_who_reads_it(self, world: World) -> None:
        value = sealed(world, state="a secret of the app")
        assert "secret" not in value
        assert sealed(world) != sealed(world)

    def test_the_longest_state_fits_and_more_is_refused(self, world: World) -> None:
        """AZ-8, AZ-14: at most 4 KB, whatever the app sends."""
        value = sealed(
            world,
            state=new_secret(1536),
            nonce=new_secret(384),
            redirect_uri="https://a.example/" + new_secret(380),
        )
        assert len(value) <= 4096
        with pytest.raises(Refusal, match="too long"):
            sealed(world, claims=new_secret(6000))


class TestRows:
    def test_many_first_proofs_make_one_row_and_one_session(self, world: World, ada: Resident) -> None:
        """AZ-14: a double submit, many times over; every half ends in the same session."""
        world.set(password_failures=100)
        tx = opened(world)
        answer = {"username": ada.email, "password": ada.password}

        def submit(_: int) -> object:
            return take(world.issuer, tx, "password", answer, visitor())

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(submit, range(16)))
        assert {type(outcome) for outcome in outcomes} == {Entered}
        assert len({outcome.handle for outcome in outcomes if isinstance(outcome, Entered)}) == 1
        assert count(world, "transactions") == count(world, "sso_sessions") == 1

    def test_it_is_resumed_once_by_its_own_browser(self, world: World, ada: Resident) -> None:
        """AZ-14, CVE-21: 32 at once, one of them takes it."""
        entered = proved(world, ada, opened(world))
        tx = entered.tx.id

        def resume(browser: bytes = BROWSER) -> object:
            def attempt() -> object:
                with world.issuer.database.writing() as db:
                    return transaction.resume(db, tx, browser, world.clock())

            return retrying(attempt)

        assert resume(OTHER) is None
        with ThreadPoolExecutor(8) as pool:
            found = [each for each in pool.map(lambda _: resume(), range(32)) if each]
        assert len(found) == 1
        resumed = found[0]
        assert isinstance(resumed, transaction.Resumed)
        assert resumed.session == entered.session.id
        assert [proof.factor for proof in resumed.proofs] == ["password"]

    @pytest.mark.parametrize("tx", ["", "x", "0" * 32, "A" * 32, "\0" * 32, "é" * 32])
    def test_what_is_no_row_is_not_resumed(self, world: World, tx: str) -> None:
        with world.issuer.database.writing() as db:
            assert transaction.resume(db, tx, BROWSER, world.clock()) is None

    def test_a_login_without_its_session_is_not_resumed(self, world: World, ada: Resident) -> None:
        """SU-1: the password of somebody with a second factor resumes nothing."""
        register(world.issuer, FakeCode.of([ada.id]))
        tx = opened(world)
        take(world.issuer, tx, "password", {"username": ada.email, "password": PASSWORD}, visitor())
        assert count(world, "transactions") == 1
        with world.issuer.database.writing() as db:
            assert transaction.resume(db, tx.id, BROWSER, world.clock()) is None

    def test_the_id_of_a_row_is_of_no_use_elsewhere(self, world: World, ada: Resident) -> None:
        """CVE-21: neither to see nor to continue."""
        register(world.issuer, FakeCode.of([ada.id]))
        mine, thief = world.browser(), world.browser()
        mine.open("/login")
        visit = fill(mine, ada.email, ada.password)
        thief.open("/login")
        assert thief.open(visit.url).status == 400
        assert mine.at is not None
        form = mine.at.page.form("Continue")
        thief.submit(form, {"code": "424242"})
        assert count(world, "sso_sessions") == 0

    def test_only_who_saw_its_version_moves_it(self, world: World, ada: Resident) -> None:
        """AZ-14: a row is advanced by one of two tabs."""
        tx = opened(world)
        proof = Password().proof(world.clock())
        given: dict[str, Any] = {"user": ada.id, "epoch": 1, "proof": proof, "now": world.clock()}
        with world.issuer.database.writing() as db:
            first = transaction.advance(db, world.issuer, tx, **given)
            assert first is not None
            assert transaction.advance(db, world.issuer, tx, **given) is None
            assert transaction.advance(db, world.issuer, first, **given) is not None
            assert transaction.advance(db, world.issuer, first, **given) is None
            bob = given | {"user": UserId("0" * 32)}
            assert transaction.advance(db, world.issuer, first._replace(version=2), **bob) is None

    def test_a_choice_is_no_proof(self, world: World, ada: Resident) -> None:
        """AZ-11: select_account goes on as who is signed in, and says so."""
        session = proved(world, ada, opened(world, purpose=Purpose.SIGN_IN)).session
        tx = opened(world)
        with world.issuer.database.writing() as db:
            chosen = transaction.choose(
                db,
                world.issuer,
                tx,
                user=ada.id,
                epoch=session.epoch,
                session=session.id,
                now=world.clock(),
            )
            assert chosen is not None
            resumed = transaction.resume(db, tx.id, BROWSER, world.clock())
        assert resumed is not None
        assert (resumed.proofs, resumed.session) == ((), session.id)


class TestPassword:
    def examined(self, world: World, ada: Resident) -> tuple[Any, ...]:
        factor, tx = Password(), opened(world)
        answer = {"username": ada.email, "password": PASSWORD}
        with world.reading() as db:
            account = factor.whom(db, world.issuer, tx, answer, None)
        return factor, tx, account, factor.examine(world.issuer, tx, account, answer)

    @pytest.mark.parametrize(
        "meanwhile",
        [
            lambda world, user: world_change(world, edit.lock, user),
            lambda world, user: world_change(world, edit.bump_epoch, user, reason="test"),
            new_password,
        ],
        ids=["locked", "signed-out-everywhere", "changed"],
    )
    def test_what_changes_during_the_hash_is_seen(self, world: World, ada: Resident, meanwhile: Any) -> None:
        """SS-7, SU-2: settled against the person as they are then."""
        factor, tx, account, finding = self.examined(world, ada)
        meanwhile(world, ada.id)
        with world.writing() as db:
            assert isinstance(factor.settle(db, world.issuer, tx, account, finding), Refused)

    def test_nothing_changed_is_right(self, world: World, ada: Resident) -> None:
        factor, tx, account, finding = self.examined(world, ada)
        with world.writing() as db:
            assert isinstance(factor.settle(db, world.issuer, tx, account, finding), Right)

    def test_the_decoy_costs_what_everybodys_hash_costs(self, world: World) -> None:
        """PW-4: by the parameters in force."""
        world.set(argon2_memory=64, argon2_time=3)
        assert decoy(world.issuer).startswith("$argon2id$v=19$m=64,t=3,p=1$")

    def test_factors_come_in_by_one_door(self, world: World) -> None:
        assert next(iter(factors(world.issuer))) == "password"
        register(world.issuer, FakeCode())
        with pytest.raises(Misconfigured):
            register(world.issuer, FakeCode())


class TestSession:
    def test_it_is_found_by_its_handle_alone(self, world: World, ada: Resident) -> None:
        """SS-1: neither by its sid nor by what the database keeps."""
        entered = proved(world, ada, opened(world))
        now, issuer = world.clock(), world.issuer
        with world.reading() as db:
            assert sso.find(db, issuer, entered.handle, now) == entered.session
            for other in (entered.session.id, "", entered.handle[:-1], entered.handle + "A", "\0"):
                assert sso.find(db, issuer, other, now) is None

    @pytest.mark.parametrize(
        ("after", "reason"), [({"minutes": 10}, "idle"), ({"hours": 12}, "expired")], ids=str
    )
    def test_why_it_is_over(self, world: World, ada: Resident, after: dict[str, int], reason: str) -> None:
        """SS-2: idle after 10 minutes, over after 12 hours."""
        entered = proved(world, ada, opened(world))
        end = world.clock() + timedelta(**after)
        with world.reading() as db:
            before = sso.look(db, entered.handle, world.clock() + timedelta(minutes=9, seconds=59))
            assert isinstance(before, SsoSession)
            found = sso.look(db, entered.handle, end)
        assert isinstance(found, Ended)
        assert found.reason == reason
        assert found.idle == timedelta(minutes=10)

    def test_it_ends_once(self, world: World, ada: Resident) -> None:
        """SS-3: and is audited once."""
        session = proved(world, ada, opened(world)).session

        def end(_: int) -> bool:
            def attempt() -> bool:
                with world.issuer.database.writing() as db:
                    now = world.clock()
                    return ending.end(db, world.issuer, session.id, reason="test", by=SYSTEM, now=now)

            return retrying(attempt)

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(end, range(8))) == 1
        assert len(world.events("session_ended")) == 1

    def test_an_ended_session_is_neither_touched_nor_renewed(self, world: World, ada: Resident) -> None:
        entered = proved(world, ada, opened(world))
        world_end(world, entered.session.id)
        world.clock.advance(minutes=2)
        with world.issuer.database.writing() as db:
            same = sso.touch(db, world.issuer, entered.session, world.clock())
            assert same.last_seen_at == entered.session.last_seen_at
            assert opening.renew(db, world.issuer, entered.session, entered.tx, by=SYSTEM) is None
        again = proved(world, ada, opened(world), entered.session)
        assert again.session.id != entered.session.id

    def test_touching_never_passes_the_end(self, world: World, ada: Resident) -> None:
        """SS-2: the absolute limit is never moved by activity."""
        session = proved(world, ada, opened(world)).session
        end = session.expires_at
        while world.clock() + timedelta(minutes=9) < end:
            world.clock.advance(minutes=9)
            with world.issuer.database.writing_fast() as db:
                session = sso.touch(db, world.issuer, session, world.clock())
            assert session.idle_until <= session.expires_at == end

    def test_a_handle_is_not_in_the_database(self, world: World, ada: Resident) -> None:
        """SS-1."""
        entered = proved(world, ada, opened(world))
        held = str(rows(world, "SELECT * FROM sso_sessions")) + str(rows(world, "SELECT * FROM devices"))
        assert entered.handle not in held
        assert entered.device not in held

    def test_its_level_is_what_was_proved(self, world: World, ada: Resident) -> None:
        """ID-4."""
        found = proved(world, ada, opened(world)).session.authentication
        assert (found.level, found.amr, found.at) == (Level.PWD, ("pwd",), world.clock())


def test_no_more_statements_than_a_sign_in_needs(world: World, ada: Resident) -> None:
    """A budget: one transaction before the hash, one after it; five are for the notice of a new device."""
    enter(world, ada)
    tx, here = opened(world), visitor()
    with world.statements(23):
        take(world.issuer, tx, "password", {"username": ada.email, "password": PASSWORD}, here)
