"""Codes by mail, as people get and type them."""

import re

from tests.agent import Browser, Visit
from tests.flow.world import Resident, World

CODE = re.compile(r"\d{3} \d{3}")


def send(browser: Browser) -> Visit:
    """Press the button that sends a code, or another one."""
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if form.action.endswith("/send"))
    return browser.submit(form)


def last_code(world: World, person: Resident) -> str:
    """What the newest mail to somebody says."""
    written = world.mails(person.email)[-1].written
    assert written is not None
    found = CODE.search(written.text)
    assert found, written.text
    return found[0]


def wrong_code(world: World, person: Resident) -> str:
    right = last_code(world, person).replace(" ", "")
    return f"{(int(right) + 1) % 1_000_000:06d}"
