"""What tests of the sign-in do again and again."""

from typing import Any

from authserver.store import Hot
from tests.agent import Browser, Visit
from tests.flow.world import Resident, World


def fill(browser: Browser, name: str, password: str, **more: str) -> Visit:
    """Answer the sign-in page where this browser is, by its English button."""
    assert browser.at is not None
    form = browser.at.page.form("Sign in")
    return browser.submit(form, {"username": name, "password": password} | more)


def fill_password(browser: Browser, name: str, password: str) -> Visit:
    """Answer the page that asks for a password, in whatever language."""
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if form.has("password"))
    named = {"username": name} if name else {}
    return browser.submit(form, {form.named(kind="password"): password} | named)


def enter(world: World, person: Resident, browser: Browser | None = None, **more: str) -> Browser:
    """Sign in by oneself; ends on the account page."""
    browser = browser or world.browser()
    browser.open("/login")
    visit = fill(browser, person.email, person.password, **more)
    assert visit.url.endswith("/account"), f"{visit.url}: {visit.page.words[:300]}"
    return browser


def leave(browser: Browser) -> None:
    """Sign out, where anybody is signed in or was until a moment ago."""
    page = browser.open("/logout").page
    if page.heading == "Sign out?":
        form = page.form("Sign out")
        browser.submit(form, button=form.button("Sign out"))


def rows(world: World, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """What the database holds."""
    with world.reading() as db:
        return list(db.hot(Hot(sql), values).fetchall())


def count(world: World, table: str, where: str = "1 = 1", **values: Any) -> int:
    return int(rows(world, f"SELECT count(*) FROM {table} WHERE {where}", **values)[0][0])  # noqa: S608
