"""Guessing as a machine does it: from many addresses, in new browsers, at all factors, for hours."""

from datetime import datetime, timedelta
from itertools import cycle

import pytest

from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, app_of, enter_with, to_second_step
from tests.flow.login import fill, leave
from tests.flow.mailed import send
from tests.flow.world import Resident, World

WINDOW = timedelta(minutes=15)
# Seconds between two guesses: bursts, pauses, and what is just within and just beyond a quarter of an hour.
RHYTHM = (0, 0, 0, 1, 0, 0, 61, 0, 460, 0, 300, 77, 2, 0, 0, 299, 0, 0, 600, 0, 1, 120, 0, 880, 0, 0, 0)
GUESSES = 60
BAD = "wrong and long enough"


@pytest.fixture
def ada(world: World) -> Resident:
    world.set(email_code=True, mails_an_hour=100, network_mails_an_hour=1000, address_failures=1000)
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> Authenticator:
    return app_of(world, ada)


def guess(world: World, person: Resident, factor: str, code: str) -> Visit | None:
    """One wrong code by somebody who knows the password; None where the page takes none."""
    browser = to_second_step(world, person)
    assert browser.at is not None
    links = [link.to for link in browser.at.page.links if f"/login/{factor}?" in link.to]
    if links:
        browser.open(links[0])
    if factor == "email":
        send(browser)
    assert f"/login/{factor}" in browser.at.url
    forms = [form for form in browser.at.page.forms if any(i.name == "code" for i in form.inputs)]
    return browser.submit(forms[0], {"code": code}) if forms else None


def most_in_a_window(times: list[datetime]) -> int:
    return max(sum(begin <= at < begin + WINDOW for at in times) for begin in times)


def test_at_most_five_wrong_codes_are_looked_at_in_any_quarter_of_an_hour(
    world: World, ada: Resident, app: Authenticator
) -> None:
    """TOTP-6, EOTP-2, RL-1: app and mail counted together; no address, browser or new sign-in opens another budget."""
    world.set(code_failures_lock=100)
    looked_at: list[datetime] = []
    refused = 0
    for number, (seconds, factor) in enumerate(
        zip(cycle(RHYTHM), cycle(["totp", "email", "totp"]), strict=False)
    ):
        if number == GUESSES:
            break
        world.clock.advance(seconds=seconds)
        world.ip = f"198.51.100.{number}"
        visit = guess(world, ada, factor, app.wrong())
        if visit is not None and visit.status == 200:
            looked_at.append(world.clock())
        else:
            refused += 1
            assert visit is None or int(visit.reply.header("Retry-After") or 0) > 0
    assert most_in_a_window(looked_at) == 5
    assert len(looked_at) > 10
    assert refused > len(looked_at)


def test_ten_in_an_hour_are_the_last_that_are_looked_at(
    world: World, ada: Resident, app: Authenticator
) -> None:
    """TOTP-6: time does not open it to whoever goes on guessing, and the owner's password still leads to it."""
    looked_at = 0
    for number in range(40):
        world.clock.advance(minutes=4)
        world.ip = f"203.0.113.{number}"
        visit = guess(world, ada, "totp", app.wrong()) if looked_at < 10 else None
        looked_at += visit is not None and visit.status == 200
    assert looked_at == 10
    world.clock.advance(days=3)
    browser = to_second_step(world, ada)
    assert browser.at is not None
    assert "this way is locked" in browser.at.page.words
    assert not [form for form in browser.at.page.forms if any(i.name == "code" for i in form.inputs)]


def test_a_strangers_wrong_passwords_never_stop_the_owners_known_devices(world: World) -> None:
    """PW-6: however many come, from however many addresses, for days; also where only an admin would open it."""
    world.set(password_failures_ever=12, address_failures=1000)
    ada = world.add_user()
    app = app_of(world, ada)
    mine = enter_with(world, ada, app)
    addresses = (f"198.51.100.{number}" for number in range(200))
    for wait in (61, 3600, 86_400, 40 * 86_400):
        world.clock.advance(seconds=wait)
        for tries, pause in ((10, 86_400), (2, 86_400)):
            for _ in range(tries):
                world.ip = next(addresses)
                assert tried(world.browser(), ada.email, BAD).status == 200
            world.clock.advance(seconds=pause)
        # Nobody else gets in any more, not even with the right password, and time does not change that.
        assert tried(world.browser(), ada.email, ada.password).status == 429
        leave(mine)
        enter_with(world, ada, app, mine)


def tried(browser: Browser, name: str, password: str) -> Visit:
    browser.open("/login")
    return fill(browser, name, password)
