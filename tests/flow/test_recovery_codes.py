"""Recovery codes: ten, shown once, each good once, in reserve for a lost app."""

import re
from collections.abc import Callable

import pytest

from authserver.audit import SYSTEM
from authserver.factors.recovery_code import SHOWN
from authserver.keys import rolling
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of, codes_of, to_second_step
from tests.flow.login import count, rows
from tests.flow.world import Resident, World


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> Authenticator:
    return app_of(world, ada)


@pytest.fixture
def codes(world: World, ada: Resident, app: Authenticator) -> tuple[str, ...]:
    return codes_of(world, ada)


def by_code(world: World, person: Resident, code: str) -> tuple[Browser, Visit]:
    browser = to_second_step(world, person)
    assert browser.at
    browser.open(browser.at.page.link("Recovery code"))
    return browser, answer(browser, code)


def test_there_are_ten_of_80_bits_kept_as_keyed_hashes(world: World, codes: tuple[str, ...]) -> None:
    """RC-1: nothing in the database shows one."""
    assert len(set(codes)) == 10
    assert all(SHOWN.fullmatch(code) for code in codes)
    assert all(len(code.replace("-", "")) * 5 == 80 for code in codes)
    kept = repr(rows(world, "SELECT * FROM recovery_codes"))
    assert not any(code.replace("-", "") in kept for code in codes)


@pytest.mark.parametrize(
    "write",
    [
        str,
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: f" {code} ",
        lambda code: code.replace("O", "0").replace("I", "1").replace("B", "8"),
    ],
)
def test_case_and_dashes_do_not_matter(
    world: World, ada: Resident, codes: tuple[str, ...], write: Callable[[str], str]
) -> None:
    """RC-1: and the digits that people read into letters are those letters."""
    assert by_code(world, ada, write(codes[3]))[1].page.heading == "You are signed in by a recovery code"


def test_each_works_once(world: World, ada: Resident, codes: tuple[str, ...]) -> None:
    """RC-2: and the others stay."""
    by_code(world, ada, codes[0])
    _, visit = by_code(world, ada, codes[0])
    assert "was used already" in visit.page.words
    assert count(world, "recovery_codes", "used_at IS NULL") == 9
    by_code(world, ada, codes[1])
    assert count(world, "sso_sessions") == 2


def test_two_in_one_request_are_refused(world: World, ada: Resident, codes: tuple[str, ...]) -> None:
    """RC-2: neither is spent."""
    browser = to_second_step(world, ada)
    assert browser.at
    visit = browser.open(browser.at.page.link("Recovery code"))
    form = next(form for form in visit.page.forms if any(i.kind == "text" for i in form.inputs))
    field = next(entry for entry in form.inputs if entry.name == "code")
    field.value = codes[0]
    form.inputs.append(type(field)(name="code", kind="text", value=codes[1]))
    assert browser.submit(form).status == 400
    assert "was used already" in by_code(world, ada, f"{codes[0]} {codes[1]}")[1].page.words
    assert count(world, "recovery_codes", "used_at IS NULL") == 10


def test_anothers_code_is_nothing(world: World, ada: Resident, codes: tuple[str, ...]) -> None:
    """RC-2: a code belongs to its person."""
    bob = world.add_user("bob@example.org")
    app_of(world, bob)
    codes_of(world, bob)
    assert by_code(world, bob, codes[0])[1].page.heading == "Enter a recovery code"
    assert count(world, "recovery_codes", "used_at IS NULL") == 20


def test_it_says_how_many_are_left_and_leads_to_a_new_app(
    world: World, ada: Resident, codes: tuple[str, ...]
) -> None:
    """RC-5, RC-4: signed in, prompted to set the app up again, and warned from three on."""
    for code in codes[:6]:
        browser, visit = by_code(world, ada, code)
    assert "4 are left" in visit.page.words
    assert "recovery codes left" not in browser.open("/account/factors").page.words
    browser, visit = by_code(world, ada, codes[6])
    visit = browser.open(visit.page.link("Set up the app again"))
    assert visit.page.heading == "Ways to sign in"
    assert "You signed in by a recovery code" in visit.page.words
    assert "3 recovery codes left" in visit.page.words
    (*_, used) = world.events("recovery_code_used")
    assert used.data["left"] == 3


def test_the_last_one_is_not_offered_when_it_is_gone(
    world: World, ada: Resident, codes: tuple[str, ...]
) -> None:
    """RC-4: what somebody does not have is not shown."""
    for code in codes:
        _, visit = by_code(world, ada, code)
    assert "That was the last one" in visit.page.words
    browser = to_second_step(world, ada)
    assert browser.at
    assert not [link for link in browser.at.page.links if "recovery" in link.to]


def test_codes_outlive_a_new_root(world: World, ada: Resident, codes: tuple[str, ...]) -> None:
    """RC-1, KEY-4: a rolled secret, and the sweep of old ones, leave printed lists good."""
    with world.writing() as db:
        rolling.roll(db, world.issuer.vault, "recovery", now=world.clock(), by=SYSTEM)
    world.clock.advance(days=100)
    with world.writing() as db:
        rolling.forget_old(db, now=world.clock())
    assert "signed in" in by_code(world, ada, codes[0])[1].page.heading


def test_the_codes_as_a_file(world: World, ada: Resident, codes: tuple[str, ...]) -> None:
    """RC-1: what came is given back as text, and only what has the form of a code."""
    browser = world.signed_in(ada)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.open("/account").reply.text)
    assert token
    pairs = {"csrf_token": token[1], "code": codes[0]}
    reply = browser.post_from("/recovery-codes", pairs, f"{world.url}/account").reply
    assert reply.status == 200
    assert reply.header("Content-Disposition") == 'attachment; filename="recovery-codes.txt"'
    assert codes[0] in reply.text
    assert "no-store" in (reply.header("Cache-Control") or "")
    bad = browser.post_from("/recovery-codes", pairs | {"code": "<script>"}, f"{world.url}/account")
    assert bad.status == 400
