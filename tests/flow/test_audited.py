"""What is written down of each act: by whom, about whom, from where, on which node; and what never is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from authserver.audit import SYSTEM
from authserver.keys import rotation
from authserver.settings import change
from authserver.store import Hot
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, to_second_step
from tests.flow.login import fill, leave
from tests.flow.mailed import last_code
from tests.flow.test_factors import codes_on
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, sign_in

WRONG, NEW = "not her password at all", "Difference engines turn"


@dataclass
class Day:
    """One person's day: everything that is worth an event, one after the other."""

    world: World
    ada: Resident
    web: RelyingParty
    browser: Browser
    app: Authenticator | None = None
    codes: list[str] = field(default_factory=list)
    tokens: Tokens | None = None
    secrets: set[str] = field(default_factory=set)

    def fails(self) -> None:
        self.browser.open("/login")
        fill(self.browser, self.ada.email, WRONG)

    def signs_in(self) -> None:
        self.browser.open("/login")
        fill(self.browser, self.ada.email, self.ada.password)

    def sets_up_an_app(self) -> None:
        visit = self.browser.open("/account/factors/totp")
        self.app = Authenticator.scanned(self.world, visit)
        self.codes = codes_on(self.types(self.app.code()))
        self.secrets |= {self.app.key.secret, *self.codes}

    def types(self, code: str) -> Visit:
        self.secrets.add(code)
        return answer(self.browser, code)

    def mistypes_a_code(self) -> None:
        assert self.app
        self.browser = to_second_step(self.world, self.ada)
        self.types(self.app.wrong())

    def types_a_code(self) -> None:
        assert self.app
        self.world.clock.advance(seconds=30)
        self.types(self.app.code())

    def loses_the_phone(self) -> None:
        self.browser = to_second_step(self.world, self.ada)
        assert self.browser.at
        self.browser.open(self.browser.at.page.link("Recovery code"))
        self.types(self.codes[0])

    def makes_new_codes(self) -> None:
        self.world.clock.advance(seconds=30)
        self.mistypes_a_code()
        self.types_a_code()
        form = self.browser.open("/account/factors/codes").page.form("Make new codes")
        self.secrets |= set(codes_on(self.browser.submit(form)))

    def changes_the_password(self) -> None:
        form = self.browser.open("/account/password").page.form("Change")
        self.browser.submit(form, {form.named(kind="password"): NEW})
        self.secrets.add(NEW)

    def changes_the_address(self) -> None:
        visit = self.browser.open("/account/email")
        visit = self.browser.submit(visit.page.form("Send me a code"), {"email": "ada@elsewhere.example"})
        moved = replace(self.ada, email="ada@elsewhere.example", password=NEW)
        code = last_code(self.world, moved)
        self.secrets |= {code, code.replace(" ", "")}
        self.browser.submit(visit.page.form("Confirm my address"), {"code": code})
        self.ada = moved

    def allows_an_app(self) -> None:
        self.tokens = sign_in(self.browser, self.web, self.ada)
        self.secrets |= {self.tokens.access_token, self.tokens.refresh_token or ""}

    def is_robbed(self) -> None:
        assert self.tokens
        self.web.refresh(self.web.refresh(self.tokens))
        with pytest.raises(OAuthError):
            self.web.refresh(self.tokens)

    def withdraws_it(self) -> None:
        form = self.browser.open("/account/apps/withdraw?app=web").page.form("Withdraw")
        self.browser.submit(form)

    def signs_out(self) -> None:
        leave(self.browser)

    def has_the_second_step_locked(self) -> None:
        assert self.app
        for _ in range(10):
            self.world.clock.advance(minutes=4)
            self.browser = to_second_step(self.world, self.ada)
            if self.browser.at and "this way is locked" in self.browser.at.page.words:
                return
            self.types(self.app.wrong())

    def is_let_in_again(self) -> None:
        with self.world.writing() as db:
            edit.unlock(db, self.world.issuer, self.ada.id, by=SYSTEM)

    def has_the_password_closed(self) -> None:
        for _ in range(10):
            stranger = self.world.browser()
            stranger.open("/login")
            fill(stranger, self.ada.email, WRONG)

    def is_disabled(self) -> None:
        with self.world.writing() as db:
            edit.disable(db, self.world.issuer, self.ada.id, by=SYSTEM)

    def becomes_an_admin(self) -> None:
        with self.world.writing() as db:
            edit.edit(db, self.world.issuer, self.ada.id, {"role": "admin"}, by=SYSTEM)

    def sees_a_client_change(self) -> None:
        self.world.edit_client("web", name="Another name")

    def sees_a_setting_change(self) -> None:
        with self.world.writing() as db:
            change.set_(db, self.world.issuer, "site_name", "Nordhafen", by=SYSTEM)

    def sees_a_key_change(self) -> None:
        world = self.world
        with world.writing() as db:
            rotation.publish_next(
                db, world.issuer.vault, "ES256", settings=world.issuer.settings, now=world.clock(), by=SYSTEM
            )


THEIRS, HOUSES = "by the person", "by the house"
ACTS: tuple[tuple[Callable[[Day], None], str, set[str]], ...] = (
    (Day.fails, "", {"sign_in_failed"}),
    (Day.signs_in, THEIRS, {"sign_in", "new_device"}),
    (Day.sets_up_an_app, THEIRS, {"factor_added", "recovery_codes_made"}),
    (Day.mistypes_a_code, "", {"sign_in_failed"}),
    (Day.types_a_code, THEIRS, {"sign_in", "new_device"}),
    (Day.loses_the_phone, THEIRS, {"recovery_code_used", "sign_in"}),
    (Day.makes_new_codes, THEIRS, {"recovery_codes_made"}),
    (Day.changes_the_password, THEIRS, {"password_changed"}),
    (Day.changes_the_address, THEIRS, {"email_changed"}),
    (Day.allows_an_app, THEIRS, {"consent_given", "grant_made"}),
    (Day.is_robbed, "", {"refresh_reused", "grant_revoked"}),
    (Day.allows_an_app, THEIRS, {"grant_made"}),
    (Day.withdraws_it, THEIRS, {"consent_withdrawn", "grant_revoked"}),
    (Day.signs_out, THEIRS, {"session_ended"}),
    (Day.has_the_second_step_locked, "", {"second_step_closed", "sign_in_failed"}),
    (Day.is_let_in_again, HOUSES, {"changed"}),
    (Day.has_the_password_closed, "", {"password_closed"}),
    (Day.becomes_an_admin, HOUSES, {"changed"}),
    (Day.is_disabled, HOUSES, {"changed"}),
    (Day.sees_a_client_change, HOUSES, {"changed"}),
    (Day.sees_a_setting_change, HOUSES, {"changed"}),
    (Day.sees_a_key_change, HOUSES, {"key_state_changed"}),
)


def test_each_act_leaves_its_events_and_no_secret(world: World) -> None:
    """AU-1, AU-2: actor, target, session, address, browser and node; no password, code, secret or token."""
    web = world.add_client("web", scope="openid offline_access")
    day = Day(world=world, ada=world.add_user(), web=web, browser=world.browser())
    day.secrets |= {day.ada.password, WRONG}
    for act, whose, expected in ACTS:
        before = {event.id for event in world.events()}
        world.clock.advance(seconds=1)
        act(day)
        new = [event for event in world.events() if event.id not in before]
        assert expected <= {event.event for event in new}, act.__name__
        for event in new:
            if event.event in expected and whose == THEIRS:
                assert day.ada.id in {event.subject, event.actor.rpartition(":")[2]}, act.__name__
                assert (event.ip, bool(event.user_agent)) == (world.ip, True), act.__name__
            assert event.actor, act.__name__
    with world.reading() as db:
        told = " ".join(map(str, db.hot(Hot("SELECT event, actor, subject, ip, data FROM audit_events"), {})))
    assert [secret for secret in day.secrets if secret and secret in told] == []
