"""How often a password may be tried: for an account, a known device, and an address."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from authserver import cores
from authserver.audit import SYSTEM
from authserver.errors import TooMany, Unavailable
from authserver.factors.password import turn
from authserver.login import transaction
from authserver.login.completion import Visitor
from authserver.login.steps import Wrong, take
from authserver.transaction import Purpose, Transaction
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.login import count, enter, fill
from tests.flow.world import PASSWORD, World

BAD = "wrong and long enough"
CLOSED = "too many wrong tries"


def tried(world: World, name: str, password: str = BAD, browser: Browser | None = None) -> Visit:
    """One try from a browser that nobody knows, or from this one."""
    browser = browser or world.browser()
    browser.open("/login")
    return fill(browser, name, password)


def close(world: World, name: str = "ada@example.org", tries: int = 10) -> None:
    for _ in range(tries):
        assert tried(world, name).status == 200


class TestAccount:
    def test_ten_wrong_tries_close_it_for_right_and_wrong_alike(self, world: World) -> None:
        """PW-6: 429 with Retry-After, also for the right password."""
        world.add_user()
        close(world)
        for password in (BAD, PASSWORD):
            visit = tried(world, "ada@example.org", password)
            assert visit.status == 429
            assert visit.reply.header("Retry-After") == "900"
            assert CLOSED in visit.page.words
        world.clock.advance(minutes=15)
        assert tried(world, "ada@example.org", PASSWORD).url.endswith("/account")
        assert [row.data["seconds"] for row in world.events("password_closed")] == [900]

    def test_each_closing_lasts_twice_as_long_up_to_a_day(self, world: World) -> None:
        """PW-6: 15 minutes, 30, 60, …, 24 hours."""
        world.add_user()
        close(world)
        waits = []
        for _ in range(9):
            visit = tried(world, "ada@example.org")
            waits.append(int(visit.reply.header("Retry-After") or 0))
            world.clock.advance(seconds=waits[-1])
            close(world, tries=10 if waits[-1] >= 3600 else 1)
        assert waits == [900 * 2**n for n in range(6)] + [900 * 2**6, 86_400, 86_400]

    def test_every_name_of_an_account_shares_one_count(self, world: World) -> None:
        """PW-5, CVE-20: user name, e-mail, case and Unicode forms."""
        world.add_user(username="ada.l")
        names = ("ada@example.org", "ADA@EXAMPLE.ORG", "ada.l", "Ada.L", "\uff41\uff44\uff41.l")
        for name in (*names, *names):
            assert tried(world, name).status == 200
        for name in names:
            assert tried(world, name, PASSWORD).status == 429

    def test_a_name_that_nobody_has_closes_in_the_same_way(self, world: World) -> None:
        """PW-4, PW-5: a closing does not tell who exists."""
        close(world, "nobody@example.org")
        visit = tried(world, "Nobody@Example.org", PASSWORD)
        assert (visit.status, visit.reply.header("Retry-After")) == (429, "900")
        assert tried(world, "nobody.else@example.org").status == 200

    def test_only_a_full_sign_in_resets_the_count(self, world: World) -> None:
        """PW-6."""
        ada = world.add_user()
        close(world, tries=9)
        enter(world, ada)
        close(world, tries=9)
        assert tried(world, "ada@example.org", PASSWORD).url.endswith("/account")

    def test_never_more_than_a_hundred_in_a_row(self, world: World) -> None:
        """PW-6: then only an administrator, or the owner on a known device, opens it."""
        ada = world.add_user()
        world.set(password_failures_ever=12)
        close(world)
        for _ in range(2):
            world.clock.advance(days=2)
            assert tried(world, "ada@example.org").status == 200
        world.clock.advance(days=400)
        assert tried(world, "ada@example.org", PASSWORD).status == 429
        with world.writing() as db:
            edit.unlock(db, world.issuer, ada.id, by=SYSTEM)
        assert tried(world, "ada@example.org", PASSWORD).url.endswith("/account")

    def test_asking_again_for_the_password_is_counted_too(self, world: World) -> None:
        """PW-5: the same budget covers every way to test a password."""
        ada = world.add_user()
        browser = enter(world, ada)
        for _ in range(10):
            browser.open("/account/fresh?return_to=/account")
            assert browser.at is not None
            visit = browser.submit(browser.at.page.form("Confirm"), {"password": BAD})
            assert visit.status == 200
        browser.open("/account/fresh?return_to=/account")
        assert browser.at is not None
        visit = browser.submit(browser.at.page.form("Confirm"), {"password": ada.password})
        assert visit.status == 429


class TestKnownDevice:
    def test_a_stranger_cannot_lock_the_owner_out(self, world: World) -> None:
        """PW-6: a browser of an earlier full sign-in has a count of its own, and resets the account's."""
        ada = world.add_user()
        mine = enter(world, ada)
        mine.open("/logout")
        assert mine.at is not None
        mine.submit(mine.at.page.form("Sign out"))
        close(world)
        assert tried(world, ada.email, PASSWORD).status == 429
        enter(world, ada, mine)
        assert tried(world, ada.email, PASSWORD).url.endswith("/account")

    def test_its_own_count_closes_too(self, world: World) -> None:
        """PW-6: a stolen device cookie opens no other budget."""
        ada = world.add_user()
        mine = enter(world, ada)
        world.clock.advance(hours=1)
        for _ in range(10):
            assert tried(world, ada.email, BAD, mine).status == 200
        assert tried(world, ada.email, PASSWORD, mine).status == 429
        assert tried(world, ada.email, BAD).status == 200

    def test_it_is_known_for_its_own_people_alone(self, world: World) -> None:
        """PW-6: the cookie says nothing about somebody who never signed in there."""
        ada, bob = world.add_user(), world.add_user("bob@example.org")
        adas = enter(world, ada)
        world.clock.advance(hours=1)
        close(world, bob.email)
        assert tried(world, bob.email, PASSWORD, adas).status == 429

    def test_several_people_share_a_browser(self, world: World) -> None:
        """PW-6: both are known there, by one cookie."""
        ada, bob = world.add_user(), world.add_user("bob@example.org")
        shared = enter(world, ada)
        cookie = shared.jar.get("as_device")
        world.clock.advance(hours=1)
        enter(world, bob, shared)
        again = shared.jar.get("as_device")
        assert cookie is not None
        assert again is not None
        assert cookie.value == again.value
        assert cookie.value not in str(world.events("new_device"))
        assert count(world, "devices") == 2
        assert again.expires == world.clock.now() + 365 * 86_400

    def test_a_cookie_that_we_never_gave_is_not_kept(self, world: World) -> None:
        ada = world.add_user()
        browser = enter(world, ada)
        key = ("localhost", "/", "as_device")
        browser.jar.cookies[key] = replace(browser.jar.cookies[key], value="made-up-by-somebody")
        world.clock.advance(hours=1)
        enter(world, ada, browser)
        assert browser.jar.cookies[key].value != "made-up-by-somebody"


class TestAddress:
    def test_failures_of_an_address_are_counted_across_accounts(self, world: World) -> None:
        """RL-3: one address guesses at many people."""
        world.set(address_failures=20)
        for number in range(20):
            assert tried(world, f"p{number}@example.org").status == 200
        visit = tried(world, "another@example.org")
        assert visit.status == 429
        assert int(visit.reply.header("Retry-After") or 0) > 0
        world.ip = "192.0.2.2"
        assert tried(world, "another@example.org").status == 200

    def test_sign_ins_that_succeed_are_not_counted(self, world: World) -> None:
        """RL-3: 500 sign-ins from one address in five minutes pass."""
        world.set(address_failures=5)
        people = [world.add_user(f"p{number}@example.org") for number in range(10)]
        for person in people * 2:
            enter(world, person)

    def test_a_named_network_has_a_ceiling_of_its_own(self, world: World) -> None:
        """RL-3: the campus behind one address."""
        world.set(address_failures=5, named_networks=["198.51.100.0/24"], named_network_failures=12)
        world.ip = "198.51.100.7"
        for number in range(12):
            assert tried(world, f"p{number}@example.org").status == 200
        assert tried(world, "p@example.org").status == 429


class TestAtOnce:
    def test_parallel_wrong_tries_never_exceed_the_budget(self, world: World) -> None:
        """PW-5, PW-6: a try is counted before it is looked at, so a race gains nothing."""
        world.add_user()
        looked_at, refused = [], []

        def attempt(_: int) -> None:
            try:
                outcome = take(world.issuer, *login(world, "ada@example.org", BAD))
                assert isinstance(outcome, Wrong)
                looked_at.append(outcome)
            except (TooMany, Unavailable) as error:
                refused.append(error)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(attempt, range(48)))
        assert len(looked_at) == 10
        assert len(refused) == 38
        assert count(world, "failures") == 10

    def test_parallel_right_tries_are_not_held_against_anybody(self, world: World) -> None:
        """PW-6: what was right is forgiven; nobody is told to wait for a quarter of an hour."""
        world.add_user()
        waits = []

        def attempt(_: int) -> None:
            try:
                take(world.issuer, *login(world, "ada@example.org", PASSWORD))
            except TooMany as closed:
                waits.append(closed.retry_after)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(attempt, range(48)))
        assert all(wait == 2 for wait in waits)
        assert count(world, "failures") == 0

    def test_a_queue_that_is_too_long_is_said_to_be(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PW-3: one hash at a time; after the wait 503 with Retry-After, and the try does not count."""
        world.add_user()
        monkeypatch.setattr("authserver.factors.password.WAIT", 0.05)
        holding, done = threading.Event(), threading.Event()

        def hold() -> None:
            with turn(world.issuer, world.issuer.settings):
                holding.set()
                done.wait(10)

        holder = threading.Thread(target=hold)
        holder.start()
        holding.wait(10)
        visit = tried(world, "ada@example.org", PASSWORD)
        done.set()
        holder.join()
        assert visit.status == 503
        assert int(visit.reply.header("Retry-After") or 0) >= 1
        assert count(world, "failures") == 0
        assert tried(world, "ada@example.org", PASSWORD).url.endswith("/account")


def login(world: World, name: str, password: str) -> tuple[Transaction, str, dict[str, str], Visitor]:
    """What take() is given, for a login of its own."""
    now, browser = world.clock(), b"b" * 32
    sealed = transaction.seal(
        world.issuer,
        purpose=Purpose.SIGN_IN,
        request={"return_to": "/account"},
        browser=browser,
        now=now,
    )
    tx = transaction.open_sealed(world.issuer, sealed, browser, now)
    assert tx is not None
    visitor = Visitor(browser=browser, device=None, session=None, by=SYSTEM)
    return tx, "password", {"username": name, "password": password}, visitor


def test_a_hash_goes_wherever_there_is_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever signs in would hold up what a worker that keeps to one core answers, beside one that idles."""
    monkeypatch.setattr(cores, "_all", frozenset())
    monkeypatch.setattr(cores, "_own", frozenset())
    here, seen = os.sched_getaffinity(0), []

    def work() -> None:
        cores.keep_to_one(0)
        with turn(world.issuer, world.issuer.settings):
            seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [here]
