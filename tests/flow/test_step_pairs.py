"""Every pair of steps: from wherever a sign-in is, no other step's address leads on, opened or posted to."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.agent import Browser
from tests.flow.apps import app_of, codes_of
from tests.flow.keys import owned
from tests.flow.login import count, fill, rows
from tests.flow.world import PASSWORD, Resident, World

STEPS = (
    "",
    "/totp",
    "/enrol",
    "/passkey",
    "/enrol-passkey",
    "/email",
    "/email/send",
    "/recovery",
    "/choose",
    "/account",
    "/terms",
    "/address",
    "/address/confirm",
    "/takeover",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A step: who comes to it, what the house is like, and which steps may be taken there."""

    make: Callable[[World], Resident]
    own: tuple[str, ...]


def with_app(world: World) -> Resident:
    person = world.add_user()
    app_of(world, person)
    codes_of(world, person)
    return person


def with_passkey(world: World) -> Resident:
    person = world.add_user()
    owned(world, person)
    return person


def with_mail(world: World) -> Resident:
    world.set(email_code=True)
    return world.add_user()


def with_nothing(world: World) -> Resident:
    world.set(second_factor="required")
    return world.add_user()


def without_yes(world: World) -> Resident:
    world.set(terms_text="# Use\n\nBe kind.", terms_version="1")
    return world.add_user()


def without_address(world: World) -> Resident:
    world.set(confirmed_address="required")
    return world.add_user("", username="nora", email_verified=False)


def elsewhere(world: World) -> Resident:
    person = world.add_user(max_sessions=1)
    world.signed_in(person)
    return person


PLACES = {
    "start": At(make=lambda world: world.add_user(), own=("", "/passkey")),
    "totp": At(make=with_app, own=("/totp", "/recovery")),
    "passkey": At(make=with_passkey, own=("/passkey", "/recovery")),
    "email": At(make=with_mail, own=("/email", "/email/send")),
    "enrol": At(make=with_nothing, own=("/enrol", "/enrol-passkey")),
    "terms": At(make=without_yes, own=("/terms",)),
    "address": At(make=without_address, own=("/address", "/address/confirm")),
    "takeover": At(make=elsewhere, own=("/takeover",)),
}


@pytest.mark.parametrize("name", PLACES)
def test_no_other_step_leads_on(world: World, name: str) -> None:
    """SU-2: what was proved, and where the login is, stays; the address of another step leads back to it."""
    at = PLACES[name]
    person, web, browser = at.make(world), world.add_client(first_party=True), world.browser()
    request = web.begin()
    browser.open(request.url, web.redirect_uri)
    if name != "start":
        visit = fill(browser, person.email or person.username, person.password)
        assert f"/login{at.own[0]}?" in visit.url, visit.url
    here, before = stands(browser), state(world)
    for step in STEPS:
        if step in at.own:
            continue
        for posted in (False, True):
            visit = tried(browser, here, step, posted=posted)
            assert visit_leads_nowhere(browser), f"{step} {posted}: {visit}"
            assert state(world) == before, f"{step} {posted}: {visit}"
            assert stands(browser, here[0]) == here, f"{step} {posted}: {visit}"
    visit = browser.open(f"/oauth/authorize/resume?tx={here[0].partition('tx=')[2]}")
    assert "code=" not in (visit.left_for or "")
    assert state(world) == before


def stands(browser: Browser, url: str = "") -> tuple[str, str]:
    """Where this login is, and what it asks there."""
    visit = browser.open(url) if url else browser.at
    assert visit is not None
    return visit.url, visit.page.heading


def tried(browser: Browser, here: tuple[str, str], step: str, *, posted: bool) -> str:
    """Open another step, or send it all that any step could ask for."""
    page = browser.open(here[0]).page
    form = next(form for form in page.forms if form.method == "POST")
    fields = {field.name: field.value for field in form.inputs if field.kind == "hidden"}
    tx = here[0].partition("tx=")[2] or fields["tx"]
    if not posted:
        return browser.open(f"/login{step}?tx={tx}").url
    given = {
        "csrf_token": fields["csrf_token"],
        "tx": tx,
        "username": "ada@example.org",
        "password": PASSWORD,
        "code": "123456",
        "assertion": "{}",
        "session": "0" * 32,
        "choice": "skip",
        "accept": "yes",
        "email": "else@example.org",
        "key": tx,
    }
    return browser.post_from(f"/login{step}", given, here[0]).url


def visit_leads_nowhere(browser: Browser) -> bool:
    assert browser.at is not None
    left = browser.at.left_for or ""
    return "code=" not in left and browser.jar.get("as_session") is None and browser.at.status < 500


def state(world: World) -> tuple[int, list[tuple[object, ...]]]:
    """Sessions, and what is proved in every login under way."""
    return count(world, "sso_sessions"), rows(
        world, "SELECT id, proofs, version, session_id FROM transactions"
    )
