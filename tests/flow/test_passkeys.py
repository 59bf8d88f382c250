"""Passkeys: made, used beside a password and instead of one, and what is not taken for one. PK-1 to PK-8."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.authentication import UserId, from_json
from authserver.errors import Refusal
from authserver.factors import passkey as factor
from authserver.factors import passkeys
from authserver.factors.ceremony import Made
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, app_of
from tests.flow.keys import Key, answer, options_on, owned
from tests.flow.login import count, enter, fill, rows
from tests.flow.world import Resident, World
from tests.pages import Input


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def bob(world: World) -> Resident:
    return world.add_user("bob@example.org")


def signed_in(visit: Visit) -> bool:
    return visit.url.endswith("/account")


def at_passkey(world: World, person: Resident | None = None) -> tuple[Browser, dict[str, Any]]:
    """A browser that is asked for a passkey: first of all, or after this person's password."""
    browser = world.browser()
    visit = browser.open("/login")
    if person is not None:
        visit = fill(browser, person.email, person.password)
    if "/login/passkey" not in visit.url:
        visit = browser.open(visit.page.link("Passkey"))
    return browser, options_on(visit)


def use(world: World, key: Key, person: Resident | None = None, **client: Any) -> Visit:
    """Sign in with a passkey, alone or after the password."""
    browser, options = at_passkey(world, person)
    return answer(browser, key.shown(options, **client))


def latest(world: World) -> tuple[tuple[str, ...], str]:
    """amr and acr of the latest sign-in."""
    found = from_json(rows(world, "SELECT authentication FROM sso_sessions ORDER BY id DESC LIMIT 1")[0][0])
    return found.amr, found.acr


class TestMaking:
    def test_the_first_one_comes_with_recovery_codes(self, world: World, ada: Resident) -> None:
        """PK-5, PK-7, RC-1: what the browser is asked for says nothing of the person."""
        browser = enter(world, ada)
        options = options_on(browser.open("/account/factors/passkeys/new"))
        assert len(options["user"]["id"]) == 86  # 64 octets
        assert options["attestation"] == "none"
        assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
        assert options["rp"]["id"] in world.url
        key, told = Key.at(world).made(options)
        visit = answer(browser, told, label="  Phone  ")
        assert visit.page.heading == "Keep your recovery codes"
        assert "Phone" in browser.open("/account/factors").page.words
        assert [event.subject for event in world.events("factor_added")] == [ada.id]
        again = options_on(enter_by(world, key).open("/account/factors/passkeys/new"))
        assert [each["id"] for each in again["excludeCredentials"]] == [json.loads(told)["id"]]
        assert again["user"]["id"] == options["user"]["id"]

    def test_an_answer_makes_one_passkey(self, world: World, ada: Resident) -> None:
        """PK-1: a challenge is spent by the first answer."""
        with world.writing() as db:
            options = json.loads(passkeys.options(db, world.issuer, UserId(ada.id), "ada", "Ada", "here"))
        made = [factor.made(world.issuer, Key.at(world).made(options)[1], "here") for _ in range(2)]
        first, second = (each for each in made if isinstance(each, Made))
        with world.writing() as db:
            passkeys.add(db, world.issuer, UserId(ada.id), first, "Phone", by=SYSTEM)
            with pytest.raises(Refusal, match="sent already"):
                passkeys.add(db, world.issuer, UserId(ada.id), second, "Phone", by=SYSTEM)
        assert count(world, "passkeys") == 1

    def test_a_credential_belongs_to_one_person(self, world: World, ada: Resident, bob: Resident) -> None:
        """PK-5: somebody else's is refused."""
        key = owned(world, ada)
        visit = add_again(enter(world, bob), key)
        assert "This passkey is known already." in visit.page.words
        assert rows(world, "SELECT user_id FROM passkeys") == [(ada.id,)]

    @pytest.mark.parametrize(
        ("client", "late"),
        [
            ({"origin": "https://evil.example"}, False),
            ({"type": "webauthn.get"}, False),
            ({"crossOrigin": True}, False),
            ({"challenge": "AAAA"}, False),
            ({}, True),
        ],
        ids=["origin", "type", "frame", "challenge", "late"],
    )
    def test_what_is_not_taken(self, world: World, ada: Resident, client: dict[str, Any], late: bool) -> None:
        """PK-1, PK-2"""
        world.set(fresh_for=3600, session_idle=3600)
        browser = enter(world, ada)
        options = options_on(browser.open("/account/factors/passkeys/new"))
        if late:
            world.clock.advance(minutes=5, seconds=1)
        visit = answer(browser, Key.at(world).made(options, **client)[1])
        assert visit.status == 422
        assert count(world, "passkeys") == 0

    def test_it_is_made_for_the_session_that_asked(self, world: World, ada: Resident) -> None:
        """PK-1: a challenge of another session, and one of a sign-in, make nothing."""
        here, there = enter(world, ada), enter(world, ada)
        options = options_on(there.open("/account/factors/passkeys/new"))
        here.open("/account/factors/passkeys/new")
        assert answer(here, Key.at(world).made(options)[1]).status == 422
        other = options_on(world.browser().open("/login/passkey"))
        here.open("/account/factors/passkeys/new")
        assert answer(here, Key.at(world).made(options | {"challenge": other["challenge"]})[1]).status == 422


def add_again(browser: Browser, key: Key) -> Visit:
    _, told = key.made(options_on(browser.open("/account/factors/passkeys/new")))
    return answer(browser, told)


class TestUsing:
    @pytest.mark.parametrize(
        ("made", "beside", "amr", "acr"),
        [
            ({}, False, ("hwk", "user", "mfa"), "phr"),
            ({"synced": True, "eligible": True}, False, ("swk", "user", "mfa"), "phr"),
            ({}, True, ("pwd", "hwk", "user", "mfa"), "phr"),
            ({"synced": True, "eligible": True}, True, ("pwd", "swk", "user", "mfa"), "phr"),
            ({"verifies": False}, True, ("pwd", "hwk", "mfa"), "mfa"),
            ({"verifies": False, "synced": True, "eligible": True}, True, ("pwd", "swk", "mfa"), "mfa"),
        ],
    )
    def test_what_it_proves(
        self, world: World, ada: Resident, made: dict[str, Any], beside: bool, amr: tuple[str, ...], acr: str
    ) -> None:
        """PK-8, ID-4: and nothing more."""
        key = owned(world, ada, **made)
        assert signed_in(use(world, key, ada if beside else None))
        assert latest(world) == (amr, acr)

    def test_one_that_does_not_know_its_person_is_no_sign_in(self, world: World, ada: Resident) -> None:
        """PK-3: whoever holds it would be them; it counts after the password alone."""
        key = owned(world, ada, verifies=False)
        before = count(world, "sso_sessions")
        visit = use(world, key)
        assert "good only after the password" in visit.page.words
        assert count(world, "sso_sessions") == before
        _, options = at_passkey(world)
        assert options["userVerification"] == "required"
        assert options["allowCredentials"] == []

    def test_another_persons_is_refused(self, world: World, ada: Resident, bob: Resident) -> None:
        """PK-4: after somebody's password only theirs counts, and a name that does not fit is a lie."""
        owned(world, ada)
        theirs = owned(world, bob)
        assert not signed_in(use(world, theirs, ada))
        assert not signed_in(use(world, replace(theirs, handle=b"x" * 64)))
        assert not signed_in(use(world, replace(theirs, handle=b"")))
        assert signed_in(use(world, theirs))
        assert signed_in(use(world, replace(theirs, handle=b""), bob))

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda key: (key, {"origin": "https://evil.example"}), id="origin"),
            pytest.param(lambda key: (key, {"origin": key.origin + ".evil.example"}), id="longer-origin"),
            pytest.param(lambda key: (key, {"type": "webauthn.create"}), id="type"),
            pytest.param(lambda key: (key, {"crossOrigin": True}), id="frame"),
            pytest.param(lambda key: (key, {"challenge": "AAAA"}), id="challenge"),
            pytest.param(lambda key: (replace(key, rp_id="evil.example"), {}), id="rp-id"),
            pytest.param(
                lambda key: (replace(key, private=Key(rp_id="", origin="").private), {}), id="signature"
            ),
            pytest.param(lambda key: (replace(key, credential=b"x" * 32), {}), id="unknown"),
            pytest.param(lambda key: (replace(key, eligible=True), {}), id="backup-eligible"),
        ],
    )
    def test_what_is_not_taken(
        self, world: World, ada: Resident, change: Callable[[Key], tuple[Key, dict[str, Any]]]
    ) -> None:
        """PK-2, PK-6"""
        key, client = change(owned(world, ada))
        before = count(world, "sso_sessions")
        visit = use(world, key, **client)
        assert "This passkey did not work here" in visit.page.words
        assert count(world, "sso_sessions") == before

    @pytest.mark.parametrize(
        "text", ["", "{}", "[]", "null", "5", '"x"', "{", "[" * 5000, "x" * 40_000, '{"id": 5}']
    )
    def test_nonsense_is_an_answer_that_proves_nothing(self, world: World, ada: Resident, text: str) -> None:
        """JOSE-4's kin: whatever is sent, the page says so."""
        browser, _ = at_passkey(world)
        assert answer(browser, text).status == 200

    def test_a_challenge_is_of_its_login_and_of_five_minutes(self, world: World, ada: Resident) -> None:
        """PK-1"""
        key = owned(world, ada)
        browser, _ = at_passkey(world)
        _, foreign = at_passkey(world)
        assert not signed_in(answer(browser, key.shown(foreign)))
        browser, options = at_passkey(world)
        world.clock.advance(minutes=5, seconds=1)
        assert "open for too long" in answer(browser, key.shown(options)).page.words

    def test_an_assertion_is_spent_once(self, world: World, ada: Resident) -> None:
        """PK-1: also where its login goes on; showing the page wrote nothing."""
        key = owned(world, ada)
        before = count(world, "used_once")
        browser, options = at_passkey(world, ada)
        assert count(world, "used_once") == before
        told = key.shown(options)
        assert signed_in(answer(browser, told))
        assert count(world, "used_once") == before + 1
        assert rows(world, "SELECT kind FROM used_once WHERE kind = 'passkey'")

    def test_a_count_that_goes_back_is_a_copy(self, world: World, ada: Resident) -> None:
        """PK-6: refused and told; a key that does not count is taken."""
        key = owned(world, ada, count=5)
        assert signed_in(use(world, replace(key, count=6)))
        for stale in (6, 5, 0):
            assert "it was copied" in use(world, replace(key, count=stale)).page.words
        assert [event.subject for event in world.events("passkey_copied")] == [ada.id] * 3
        assert signed_in(use(world, replace(key, count=7)))

    def test_keep_me_signed_in_goes_with_it(self, world: World, ada: Resident) -> None:
        key = owned(world, ada)
        browser = world.browser()
        options = options_on(browser.open("/login"))
        assert browser.at is not None
        form = next(form for form in browser.at.page.forms if form.action == "/login/passkey")
        # What the script does when the box is ticked.
        form.inputs.append(Input(name="keep", kind="hidden", value="yes"))
        browser.submit(form, {"assertion": key.shown(options)})
        assert rows(world, "SELECT remembered FROM sso_sessions ORDER BY id DESC LIMIT 1")[0][0]

    def test_a_fresh_sign_in_may_be_by_passkey(self, world: World, ada: Resident) -> None:
        """PW-9, PK-3: but not by one that does not know its person."""
        key = owned(world, ada)
        browser = enter_by(world, key)
        world.clock.advance(minutes=6)
        visit = browser.open("/account/password")
        visit = browser.open(visit.page.link("Passkey"))
        weak = replace(key, verifies=False)
        assert "good only after the password" in answer(browser, weak.shown(options_on(visit))).page.words
        assert browser.at is not None
        visit = answer(browser, key.shown(options_on(browser.at)))
        assert visit.url.endswith("/account/password")


def enter_by(world: World, key: Key) -> Browser:
    browser, options = at_passkey(world)
    assert signed_in(answer(browser, key.shown(options)))
    return browser


class TestGivingUp:
    def test_it_is_named_and_removed(self, world: World, ada: Resident) -> None:
        """PK-7: after a fresh sign-in; what is removed opens nothing."""
        key = owned(world, ada)
        browser = enter_by(world, key)
        visit = browser.open(browser.open("/account/factors").page.link("Name or remove"))
        visit = browser.submit(visit.page.form("Save the name"), {"label": "Ring"})
        assert "Ring" in visit.page.words
        visit = browser.open(visit.page.link("Name or remove"))
        assert "Your recovery codes stop working" in visit.page.words
        browser.submit(visit.page.form("Remove the passkey"))
        assert count(world, "passkeys") == 0
        assert count(world, "recovery_codes") == 0
        assert not signed_in(use(world, key))
        enter(world, ada)

    def test_nobody_names_or_removes_anothers(self, world: World, ada: Resident, bob: Resident) -> None:
        owned(world, ada)
        (found,) = rows(world, "SELECT id FROM passkeys")
        browser = enter(world, bob)
        assert browser.open(f"/account/factors/passkeys/{found[0]}").status == 404

    def test_the_last_one_stays_where_one_is_required(self, world: World, ada: Resident) -> None:
        """TOTP-8: an app beside it lets it go."""
        key = owned(world, ada)
        world.set(second_factor="required")
        browser = enter_by(world, key)
        visit = browser.open(browser.open("/account/factors").page.link("Name or remove"))
        assert "so it stays" in visit.page.words
        app = app_of(world, ada)
        browser = enter_with_app(world, ada, app)
        visit = browser.open(browser.open("/account/factors").page.link("Name or remove"))
        browser.submit(visit.page.form("Remove the passkey"))
        assert count(world, "passkeys") == 0
        assert count(world, "recovery_codes") > 0


def enter_with_app(world: World, person: Resident, app: Authenticator) -> Browser:
    browser = world.browser()
    browser.open("/login")
    visit = fill(browser, person.email, person.password)
    if "/login/totp" not in visit.url:
        browser.open(visit.page.link("Authenticator app"))
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if any(i.name == "code" for i in form.inputs))
    assert signed_in(browser.submit(form, {"code": app.code()}))
    return browser
