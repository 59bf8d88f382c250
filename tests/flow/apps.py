"""Authenticator apps and recovery codes, as people use them."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pyotp

from authserver.audit import SYSTEM
from authserver.factors import recovery_code, totp
from authserver.factors.codes import typed
from authserver.store import Hot
from tests.agent import Browser, Visit
from tests.flow.login import fill
from tests.flow.world import Resident, World

ENROLLING = "e" * 32


@dataclass(slots=True)
class Authenticator:
    """An app on somebody's phone, whose clock is the world's."""

    world: World
    key: pyotp.TOTP

    @classmethod
    def scanned(cls, world: World, visit: Visit) -> "Authenticator":
        """Told by the page that sets it up."""
        uri = next(link.to for link in visit.page.links if link.to.startswith("otpauth://"))
        found = parse_qs(urlsplit(uri).query)
        digits = int(found.get("digits", ["6"])[0])
        return cls(world, pyotp.TOTP(found["secret"][0], digits=digits))

    def code(self, steps: int = 0) -> str:
        """What it shows, or showed so many steps ago."""
        return self.key.at(self.world.clock(), counter_offset=steps)

    def wrong(self) -> str:
        """Six digits that it shows neither now nor anywhere near."""
        near = {self.code(step) for step in range(-12, 13)}
        return next(f"{n:06d}" for n in range(1000) if f"{n:06d}" not in near)


def app_of(world: World, person: Resident) -> Authenticator:
    """Give somebody an app that counts, past the pages; its first code is spent, and time goes on by a step."""
    with world.writing() as db:
        totp.begin(db, world.issuer, person.id, ENROLLING)
        device = totp.pending(db, world.issuer, person.id, ENROLLING)
        assert device
        app = Authenticator(world, device.key(world.issuer.vault))
        made = totp.confirm(db, world.issuer, person.id, ENROLLING, typed({"code": app.code()}))
        assert isinstance(made, totp.Confirmed)
    world.clock.advance(seconds=60)
    return app


def codes_of(world: World, person: Resident) -> tuple[str, ...]:
    with world.writing() as db:
        return recovery_code.make(db, world.issuer, person.id, by=SYSTEM)


def answer(browser: Browser, code: str) -> Visit:
    """Answer the step where this browser is."""
    assert browser.at is not None
    form = next(
        form
        for form in browser.at.page.forms
        if any(i.name == "code" and i.kind == "text" for i in form.inputs)
    )
    return browser.submit(form, {"code": code})


def to_second_step(world: World, person: Resident, browser: Browser | None = None) -> Browser:
    browser = browser or world.browser()
    browser.open("/login")
    fill(browser, person.email, person.password)
    return browser


def enter_with(world: World, person: Resident, app: Authenticator, browser: Browser | None = None) -> Browser:
    """Sign in by oneself with both factors."""
    browser = to_second_step(world, person, browser)
    visit = answer(browser, app.code())
    assert visit.url.endswith("/account"), visit.page.words[:300]
    return browser


def last_step(world: World, person: Resident) -> int:
    with world.reading() as db:
        row = db.one(Hot("SELECT last_step FROM totp_devices WHERE user_id = :user"), {"user": person.id})
    assert row
    return int(row[0])
