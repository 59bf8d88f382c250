"""The JSON sign-in of first-party apps: every row of its table of answers."""

import json
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.cli.check_clients import client_findings
from authserver.clients.find import by_client_id
from authserver.sessions import keeping_out
from authserver.store import Hot
from authserver.users import terms
from tests.flow.apps import answer, app_of, codes_of, to_second_step
from tests.flow.json_login import ORIGIN, App, app_in, claims_of, spelled
from tests.flow.keys import owned
from tests.flow.login import count
from tests.flow.mailed import last_code
from tests.flow.world import CALLBACK, PASSWORD, Resident, World
from tests.wire import Reply

FORGOTTEN = Hot("DELETE FROM totp_devices")


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World) -> App:
    return app_in(world)


class TestNameAndPassword:
    def test_they_are_a_sign_in(self, world: World, ada: Resident, app: App) -> None:
        """ID-4, TK-10: the tokens say what happened, and the session is one of an app."""
        found = app.entered(app.login(ada))
        claims = claims_of(found["access_token"])
        assert (claims["amr"], claims["acr"]) == (["pwd"], "pwd")
        assert claims["auth_time"] == int(world.clock().timestamp())
        assert found["scope"] == "openid profile email"
        assert claims_of(found["id_token"])["sub"] == ada.subject
        assert world.rows("SELECT kind, user_id, id FROM sso_sessions") == [("app", ada.id, claims["sid"])]
        refreshed = world.post(
            "/oauth/token",
            {"grant_type": "refresh_token", "refresh_token": found["refresh_token"], "client_id": "app"},
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert claims_of(refreshed.json()["access_token"])["auth_time"] == claims["auth_time"]
        assert [event.subject for event in world.events("sign_in")] == [ada.id]

    def test_less_can_be_asked_for(self, world: World, ada: Resident, app: App) -> None:
        """AZ-13: the client's scope unless one is named; what it may not have is refused before the password."""
        assert app.entered(app.login(ada, scope="openid"))["scope"] == "openid"
        assert spelled(app.login(ada, scope="openid admin")) == (400, "invalid_scope")
        assert spelled(app.login(ada, scope=" ")) == (400, "invalid_request")

    def test_what_strangers_ask_is_kept_by_no_worker(self, world: World, ada: Resident, app: App) -> None:
        """However a scope is spelt, what is derived from it is kept once, and words of nobody's are not."""
        spelt = [
            "openid",
            *("\u2003openid" + " " * spaces for spaces in range(5)),
            "openid openid",
            "nothing",
        ]
        asked = [app.login(ada, password="wrong", scope=scope).status for scope in spelt]
        assert asked == [*[401] * 7, 400]
        kept = world.issuer.kept("shares", dict).now()  # type: ignore[attr-defined]
        assert [words for _, words, _ in kept] == [("openid",)]

    def test_a_refresh_token_comes_with_the_grant(self, world: World, ada: Resident) -> None:
        app = app_in(world, grant_types=[])
        assert "refresh_token" not in app.entered(app.login(ada))

    def test_whoever_is_wrong_reads_the_same(self, world: World, ada: Resident, app: App) -> None:
        """PW-4: nobody, a wrong password, somebody disabled or locked, one who has none."""
        disabled, locked = world.add_user("off@example.org"), world.add_user("locked@example.org")
        with world.writing() as db:
            keeping_out.disable(db, world.issuer, disabled.id, by=SYSTEM)
            keeping_out.lock(db, world.issuer, locked.id, by=SYSTEM)
        tries = [
            app.login(ada, username="nobody@example.org"),
            app.login(ada, password="not this one"),
            app.login(ada, password=""),
            app.login(disabled),
            app.login(locked),
        ]
        assert {spelled(each) for each in tries} == {(401, "invalid_credentials")}
        assert len({each.body for each in tries}) == 1
        assert len({tuple(name for name, _ in each.headers) for each in tries}) == 1
        assert count(world, "sso_sessions") == count(world, "transactions") == 0

    def test_the_known_and_the_unknown_cost_the_same(self, world: World, ada: Resident, app: App) -> None:
        """PW-4: as many statements."""
        app.login(ada, password="not this one")
        with world.statements(100) as known:
            app.login(ada, password="not this one")
        with world.statements(100) as unknown:
            app.login(ada, username="nobody@example.org")
        assert len(known) == len(unknown)

    def test_the_pages_count_too(self, world: World, ada: Resident, app: App) -> None:
        """PW-5, PW-6: one counter, whichever door is tried."""
        world.set(password_failures=3)
        browser = world.browser()
        for _ in range(2):
            browser.open("/login")
            form = browser.at.page.form("Sign in")  # type: ignore[union-attr]
            browser.submit(form, {"username": ada.email, "password": "not this one"})
        assert spelled(app.login(ada, password="nor this one")) == (401, "invalid_credentials")
        closed = app.login(ada)
        assert spelled(closed) == (429, "too_many_attempts")
        assert closed.header("Retry-After") == "900"

    def test_an_address_that_failed_too_often_waits(self, world: World, ada: Resident, app: App) -> None:
        """RL-1, RL-3"""
        world.set(address_failures=5)
        for number in range(5):
            app.login(ada, username=f"nobody{number}@example.org")
        assert spelled(app.login(ada)) == (429, "too_many_attempts")


class TestTheApp:
    def test_it_is_switched_on_and_of_our_own(self, world: World, ada: Resident) -> None:
        """First-party alone is not enough, and neither is the switch."""
        plain = app_in(
            world, "plain", json_login=False, redirect_uris=[CALLBACK], grant_types=["authorization_code"]
        )
        assert spelled(plain.login(ada)) == (400, "unauthorized_client")
        with pytest.raises(Exception, match="Some of this cannot be saved"):
            app_in(world, "third", first_party=False)
        world.edit_client("plain", json_login=True)
        plain.entered(plain.login(ada))
        found = by_client_id(world.issuer, "plain")
        assert found is not None
        assert found.idle_ends_tokens

    def test_it_authenticates_as_registered(self, world: World, ada: Resident) -> None:
        """CL-1: at every one of the endpoints."""
        app = app_in(world, public=False)
        phone = app_of(world, ada)
        asked = app.login(ada)
        right, app.secret = app.secret, ""
        assert spelled(app.login(ada)) == (401, "invalid_client")
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_client")
        app.secret = "as_cs1_wrong"
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_client")
        app.secret = right
        app.entered(app.mfa(asked, "totp", phone.code()))
        app.secret = ""
        found = app.login(ada, client_secret=right)
        assert spelled(found) == (401, "invalid_client")

    def test_a_browser_comes_from_a_registered_origin(self, world: World, ada: Resident) -> None:
        """WEB-7: any other may neither ask nor read."""
        app = app_in(world, origins=[ORIGIN])
        app_in(world, "other", origins=["https://other.example"])
        app.origin = ORIGIN
        good = app.login(ada)
        assert "Retry-After" in (good.header("Access-Control-Expose-Headers") or "")
        assert good.header("Access-Control-Allow-Origin") == ORIGIN
        assert good.header("Access-Control-Allow-Credentials") is None
        app.entered(good)
        for origin in ("https://evil.example", "null", "https://other.example", "http://app.example"):
            app.origin = origin
            refused = app.login(ada)
            assert spelled(refused) == (403, "unauthorized_client")
            assert refused.header("Access-Control-Allow-Origin") is None
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        flight = world.send("OPTIONS", f"{world.url}/api/login", asked, None)
        assert (flight.status, flight.header("Access-Control-Allow-Origin")) == (204, ORIGIN)

    def test_cookies_are_neither_read_nor_set(self, world: World, ada: Resident, app: App) -> None:
        """WEB-1: whoever is signed in in this browser, the sign-in is the app's own."""
        bob = world.add_user("bob@example.org")
        jar = world.signed_in(bob).jar
        app.more["Cookie"] = "; ".join(f"{each.name}={each.value}" for each in jar.cookies.values())
        with world.statements(100) as asked:
            tokens = app.entered(app.login(ada))  # post() has looked that none is set
        assert not [text for text in asked if "handle_digest = " in text]
        assert claims_of(tokens["access_token"])["sub"] == ada.subject
        assert count(world, "sso_sessions", "ended_at IS NULL") == 2

    def test_the_same_app_is_no_new_device(self, world: World, ada: Resident, app: App) -> None:
        """SS-11: told once for an app of one kind on one network."""
        for agent, ip, devices in (
            ("Notes/2", "192.0.2.1", 1),
            ("Notes/2", "192.0.2.77", 1),
            ("Notes/3", "192.0.2.1", 2),
            ("Notes/3", "198.51.100.1", 3),
        ):
            app.agent, world.ip = agent, ip
            app.entered(app.login(ada))
            assert len(world.events("new_device")) == devices

    def test_one_that_can_be_impersonated_is_named_by_doctor(self, world: World) -> None:
        """Public ones alone, and none that is switched off."""
        app_in(world)
        app_in(world, "served", public=False)
        app_in(world, "off", active=False)
        world.add_client("plain", public=True, first_party=True)
        (found,) = client_findings(world.issuer)
        assert (found.about, found.level) == ("client app", "warning")

    def test_it_is_told_who_may_not_use_it(self, world: World, ada: Resident) -> None:
        """The groups of a client hold here, too; no session opens."""
        world.add_group("staff")
        app = app_in(world, allowed_groups=["staff"])
        assert spelled(app.login(ada)) == (403, "access_denied")
        assert count(world, "sso_sessions") == 0


class TestASecondFactor:
    @pytest.mark.parametrize(
        ("method", "amr", "acr"),
        [
            ("totp", ["pwd", "otp", "mfa"], "mfa"),
            ("email", ["pwd", "email", "mfa"], "mfa-low"),
            ("recovery", ["pwd", "recovery", "mfa"], "mfa-low"),
            ("passkey", ["pwd", "hwk", "user", "mfa"], "phr"),
        ],
    )
    def test_each_is_what_it_is(
        self, world: World, ada: Resident, app: App, method: str, amr: list[str], acr: str
    ) -> None:
        """ID-4, SU-1: nothing of value exists before it; amr and acr by the table."""
        key, phone, codes = owned(world, ada), app_of(world, ada), codes_of(world, ada)
        world.set(email_code=True)
        with world.writing() as db:
            keeping_out.end_all(db, world.issuer, ada.id, by=SYSTEM)
        asked = app.login(ada)
        assert spelled(asked) == (403, "mfa_required")
        told = asked.json()
        assert (told["expires_in"], set(told["methods"])) == (300, {"passkey", "totp", "email", "recovery"})
        assert (
            count(world, "sso_sessions", "ended_at IS NULL")
            == count(world, "grants", "revoked_at IS NULL")
            == 0
        )
        code: Any = {"totp": phone.code(), "recovery": codes[0]}.get(method)
        if method == "passkey":
            code = json.loads(key.shown(told["passkey"]))
        if method == "email":
            sent = app.post("/api/login/mfa/email", mfa_token=told["mfa_token"])
            assert sent.json() == {"sent_to": "a•••@example.org", "expires_in": 600, "resend_in": 60}
            code = last_code(world, ada)
        world.clock.advance(seconds=1)
        claims = claims_of(app.entered(app.mfa(asked, method, code))["access_token"])
        assert (claims["amr"], claims["acr"]) == (amr, acr)
        assert claims["auth_time"] == int(world.clock().timestamp())
        assert spelled(app.mfa(asked, method, code)) == (401, "invalid_token")

    def test_what_is_wrong_says_how_often_more(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-6, SU-1: five in a quarter of an hour, and no new sign-in begins anew."""
        phone = app_of(world, ada)
        asked = app.login(ada)
        for left in (4, 3, 2):
            wrong = app.mfa(asked, "totp", phone.wrong())
            assert (*spelled(wrong), wrong.json()["tries_left"]) == (401, "invalid_code", left)
        asked = app.login(ada)
        for left in (1, 0):
            assert app.mfa(asked, "totp", phone.wrong()).json()["tries_left"] == left
        closed = app.mfa(asked, "totp", phone.code())
        assert spelled(closed) == (429, "too_many_attempts")
        assert closed.header("Retry-After") == "900"
        assert "totp" not in closed.json()["methods"]

    def test_the_pages_count_the_same_codes(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-6: neither door gives more tries than the other."""
        phone, browser = app_of(world, ada), world.browser()
        to_second_step(world, ada, browser)
        for _ in range(3):
            answer(browser, phone.wrong())
        assert app.mfa(app.login(ada), "totp", phone.wrong()).json()["tries_left"] == 1
        answer(browser, phone.wrong())
        assert spelled(app.mfa(app.login(ada), "totp", phone.code())) == (429, "too_many_attempts")

    def test_five_wrong_answers_of_any_kind_end_a_token(self, world: World, ada: Resident, app: App) -> None:
        """SU-1: whatever the account's own counters still allow."""
        phone, codes = app_of(world, ada), codes_of(world, ada)
        asked = app.login(ada)
        for left in (4, 3, 2):
            assert app.mfa(asked, "recovery", "AAAA-AAAA-AAAA-AAAA").json()["tries_left"] == left
        for left in (1, 0):
            assert app.mfa(asked, "totp", phone.wrong()).json()["tries_left"] == left
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_token")
        app.entered(app.mfa(app.login(ada), "recovery", codes[0]))

    def test_a_wrong_answer_does_not_spend_the_token(self, world: World, ada: Resident, app: App) -> None:
        """SU-1"""
        phone = app_of(world, ada)
        asked = app.login(ada)
        app.mfa(asked, "totp", phone.wrong())
        app.entered(app.mfa(asked, "totp", phone.code()))

    def test_the_token_lives_for_five_minutes(self, world: World, ada: Resident, app: App) -> None:
        """SU-1"""
        phone = app_of(world, ada)
        asked = app.login(ada)
        world.clock.advance(minutes=5, seconds=1)
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_token")

    def test_a_code_is_mailed_once_a_minute(self, world: World, ada: Resident, app: App) -> None:
        """EOTP-2: sending never raises the number of tries."""
        world.set(email_code=True)
        token = app.login(ada).json()["mfa_token"]
        assert app.post("/api/login/mfa/email", mfa_token=token).status == 200
        first = last_code(world, ada)
        soon = app.post("/api/login/mfa/email", mfa_token=token)
        assert (*spelled(soon), soon.header("Retry-After")) == (429, "too_many_attempts", "60")
        world.clock.advance(seconds=60)
        assert app.post("/api/login/mfa/email", mfa_token=token).status == 200
        asked = app.login(ada)
        assert spelled(app.mfa(asked, "email", first)) == (401, "invalid_code")

    @pytest.mark.parametrize(
        "given",
        [
            {"method": "enrol", "code": "123456"},
            {"method": "password", "password": PASSWORD, "code": "x"},
            {"method": "passkey", "assertion": "text"},
            {"method": "passkey", "assertion": {}, "code": "123456"},
            {"method": "totp", "assertion": {}},
            {"method": "totp", "code": 123456},
            {"method": "totp", "code": ["1", "2"]},
            {"method": "totp"},
            {"method": 5, "code": "123456"},
            {"code": "123456"},
            {"method": "recovery", "code": "x", "assertion": {}},
        ],
        ids=str,
    )
    def test_other_answers_are_none(
        self, world: World, ada: Resident, app: App, given: dict[str, Any]
    ) -> None:
        """RC-2, SU-2: one answer, of one kind that is open."""
        app_of(world, ada)
        token = app.login(ada).json()["mfa_token"]
        assert spelled(app.post("/api/login/mfa", mfa_token=token, **given)) == (400, "invalid_request")

    def test_a_passkey_is_used_where_the_app_is(self, world: World, ada: Resident) -> None:
        """PK-2: at the origin that it came with when it is registered, and at no other."""
        key, app = owned(world, ada), app_in(world, origins=[ORIGIN])
        app.origin = ORIGIN
        for origin, status in (("https://evil.example", 401), (ORIGIN, 200)):
            asked = app.login(ada)
            assertion = json.loads(key.shown(asked.json()["passkey"], origin=origin))
            assert app.mfa(asked, "passkey", assertion).status == status


class TestPages:
    """403 interaction_required: what an app cannot do is said with the address of who can."""

    def sent(self, world: World, reply: Reply) -> str:
        assert spelled(reply) == (403, "interaction_required")
        url: str = reply.json()["url"]
        assert url.startswith(f"{world.url}/")
        assert count(world, "sso_sessions") == count(world, "grants") == 0
        return url.removeprefix(world.url)

    def test_who_must_set_up_a_second_factor(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-8, AD-9: there is no other answer that leads to the end."""
        world.set(second_factor="required")
        assert self.sent(world, app.login(ada)) == "/account/factors"

    def test_who_must_accept_the_terms(self, world: World, ada: Resident, app: App) -> None:
        """Accepted on a page: the next sign-in goes through."""
        world.set(terms_text="Be kind.", terms_version="2")
        assert self.sent(world, app.login(ada)) == "/login"
        with world.writing() as db:
            terms.accept(db, world.issuer, ada.id, "2", at=world.clock(), by=SYSTEM)
        app.entered(app.login(ada))

    def test_who_must_have_an_address(self, world: World) -> None:
        """UP-9: one that may be skipped keeps nobody out here."""
        bob = world.add_user("", username="bob", email_verified=False)
        app = app_in(world)
        world.set(confirmed_address="required")
        assert self.sent(world, app.login(bob, username="bob")) == "/login"
        world.set(confirmed_address="asked")
        app.entered(app.login(bob, username="bob"))

    def test_a_client_that_demands_one(self, world: World, ada: Resident) -> None:
        app = app_in(world, second_factor="required")
        self.sent(world, app.login(ada))

    @pytest.mark.parametrize("by", ["client", "scope", "api"])
    def test_an_assurance_out_of_reach(self, world: World, ada: Resident, by: str) -> None:
        """SU-3, SU-6: said at once, and not after a code that would not help."""
        phone = app_of(world, ada)
        scope = {"name": "notes:read", "sentences": {"en": "Read."}}
        demands = {"required_acr": "phr"}
        world.add_api(
            "https://notes.example",
            scopes=[scope | (demands if by == "scope" else {})],
            is_default=True,
            **(demands if by == "api" else {}),
        )
        app = app_in(world, scope="openid notes:read", **(demands if by == "client" else {}))
        self.sent(world, app.login(ada))
        if by == "scope":
            app.entered(app.mfa(app.login(ada, scope="openid"), "totp", phone.code()))

    def test_a_passkey_that_does_not_know_its_person_is_no_phr(self, world: World, ada: Resident) -> None:
        """PK-3: no session opens for less than is demanded; another one of theirs may do."""
        key = owned(world, ada, verifies=False)
        with world.writing() as db:
            keeping_out.end_all(db, world.issuer, ada.id, by=SYSTEM)
        app = app_in(world, required_acr="phr")
        asked = app.login(ada)
        before = count(world, "sso_sessions")
        reply = app.mfa(asked, "passkey", json.loads(key.shown(asked.json()["passkey"])))
        assert spelled(reply) == (403, "mfa_required")
        assert reply.json()["methods"] == ["passkey"]
        assert count(world, "sso_sessions") == before


class TestRoom:
    @pytest.fixture
    def full(self, world: World, ada: Resident, app: App) -> Reply:
        """Ada is signed in once, as often as she may be, and comes again."""
        world.set(max_sessions=1)
        app.entered(app.login(ada))
        world.clock.advance(minutes=1)
        return app_in(world, "desk").login(ada)

    @pytest.fixture
    def desk(self, world: World) -> App:
        return App(world=world, client_id="desk")

    def test_it_is_said_where_somebody_is_signed_in(self, world: World, full: Reply) -> None:
        """SS-5: real sessions; none opens until one is chosen. An app's counts as any other. SS-4."""
        assert spelled(full) == (409, "session_conflict")
        told = full.json()
        assert told["expires_in"] == 300
        (found,) = told["sessions"]
        assert found | {"id": ""} == {
            "id": "",
            "kind": "app",
            "device": "Notes, Android phone",
            "ip": "192.0.2.1",
            "place": "192.0.2.x",
            "apps": ["App"],
            "started_at": "2027-01-15T12:00:00Z",
            "last_seen_at": "2027-01-15T12:00:00Z",
        }
        assert count(world, "sso_sessions") == 1

    def test_one_gives_way(self, world: World, ada: Resident, app: App, full: Reply, desk: App) -> None:
        """SS-5, SS-6: the choice is single use; the other one is told so in plain words."""
        token, chosen = full.json()["conflict_token"], full.json()["sessions"][0]["id"]
        desk.entered(desk.post("/api/session/takeover", conflict_token=token, session_id=chosen))
        for path in ("/api/session/takeover", "/api/session/start"):
            again = desk.post(path, conflict_token=token, session_id=chosen)
            assert spelled(again) == (401, "invalid_token")
        assert count(world, "sso_sessions", "ended_at IS NULL") == 1

    def test_there_may_be_room_by_now(
        self, world: World, ada: Resident, app: App, full: Reply, desk: App
    ) -> None:
        """SS-5: else the same answer again, and the choice stays open."""
        token, chosen = full.json()["conflict_token"], full.json()["sessions"][0]["id"]
        still = desk.post("/api/session/start", conflict_token=token)
        assert spelled(still) == (409, "session_conflict")
        unknown = desk.post("/api/session/takeover", conflict_token=token, session_id="f" * 32)
        assert spelled(unknown) == (409, "session_conflict")
        every = desk.post("/api/session/takeover", conflict_token=token, session_id="every")
        assert spelled(every) == (400, "invalid_request")
        with world.writing() as db:
            keeping_out.end_session(db, world.issuer, chosen, by=SYSTEM)
        desk.entered(desk.post("/api/session/start", conflict_token=still.json()["conflict_token"]))

    def test_the_choice_is_open_for_five_minutes(self, world: World, full: Reply, desk: App) -> None:
        """SS-5: whatever token of it was given last."""
        token, chosen = full.json()["conflict_token"], full.json()["sessions"][0]["id"]
        world.clock.advance(minutes=4)
        later = desk.post("/api/session/start", conflict_token=token).json()
        assert later["expires_in"] == 60
        world.clock.advance(minutes=1)
        late = desk.post("/api/session/takeover", conflict_token=later["conflict_token"], session_id=chosen)
        assert spelled(late) == (401, "invalid_token")
        assert count(world, "sso_sessions", "ended_at IS NULL") == 1

    def test_it_comes_after_every_factor(self, world: World, ada: Resident, app: App) -> None:
        """SS-5: who has only the password learns of no session."""
        world.set(max_sessions=1)
        phone = app_of(world, ada)
        app.entered(app.mfa(app.login(ada), "totp", phone.code()))
        world.clock.advance(seconds=30)
        asked = app.login(ada)
        assert spelled(asked) == (403, "mfa_required")
        proved = app.mfa(asked, "totp", phone.code())
        assert spelled(proved) == (409, "session_conflict")
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_token")
        taken = app.post(
            "/api/session/takeover",
            conflict_token=proved.json()["conflict_token"],
            session_id=proved.json()["sessions"][0]["id"],
        )
        claims = claims_of(app.entered(taken)["access_token"])
        assert claims["amr"] == ["pwd", "otp", "mfa"]


class TestOrder:
    """SU-2: each token is taken at its own step, and in its own time."""

    def asked(self, app: App, token: str, code: str) -> dict[str, tuple[int, str]]:
        """What each endpoint says to a token, named there as the one that it takes."""
        tries = {
            "start": ("/api/session/start", {}),
            "takeover": ("/api/session/takeover", {"session_id": "0" * 32}),
            "send": ("/api/login/mfa/email", {}),
            "mfa": ("/api/login/mfa", {"method": "totp", "code": code}),
        }
        named = {"mfa_token": token, "conflict_token": token}
        found = {name: app.post(path, **named, **more) for name, (path, more) in tries.items()}
        return {name: (reply.status, reply.json().get("error", "")) for name, reply in found.items()}

    def test_no_token_is_taken_before_or_after_its_step(self, world: World, ada: Resident, app: App) -> None:
        over = (401, "invalid_token")
        phone = app_of(world, ada)
        app.entered(app.mfa(app.login(ada), "totp", phone.code()))
        world.set(max_sessions=1, email_code=True)
        world.clock.advance(seconds=60)
        mfa = app.login(ada).json()["mfa_token"]
        assert self.asked(app, mfa, phone.wrong()) == {
            "start": over, "takeover": over, "send": (200, ""), "mfa": (401, "invalid_code"),
        }  # fmt: skip
        full = app.post("/api/login/mfa", mfa_token=mfa, method="totp", code=phone.code())
        assert spelled(full) == (409, "session_conflict")
        assert set(self.asked(app, mfa, phone.code()).values()) == {over}
        conflict = full.json()["conflict_token"]
        assert self.asked(app, conflict, phone.code()) == {
            "start": (409, "session_conflict"), "takeover": (409, "session_conflict"), "send": over, "mfa": over,
        }  # fmt: skip
        chosen = full.json()["sessions"][0]["id"]
        app.entered(app.post("/api/session/takeover", conflict_token=conflict, session_id=chosen))
        for token in (mfa, conflict):
            assert set(self.asked(app, token, phone.code()).values()) == {over}

    def test_what_happened_is_written_down(self, world: World, ada: Resident, app: App) -> None:
        """AU-1, AU-2: as of any sign-in, with the app; no code, password or token is in it."""
        phone = app_of(world, ada)
        app.login(ada, password="not this one at all")
        asked = app.login(ada)
        app.mfa(asked, "totp", phone.wrong())
        tokens = app.entered(app.mfa(asked, "totp", phone.code()))
        names = [event.event for event in world.events()]
        for name in ("sign_in_failed", "sign_in", "new_device", "grant_made"):
            assert name in names
        assert [(event.client, event.subject) for event in world.events("grant_made")] == [("app", ada.id)]
        held = str([event.data for event in world.events()])
        for secret in (
            "not this one",
            ada.password,
            phone.code(),
            asked.json()["mfa_token"],
            tokens["refresh_token"],
        ):
            assert secret not in held


class TestBetweenSteps:
    """What changes while a token is out."""

    def test_a_person_who_may_not_sign_in_any_more(self, world: World, ada: Resident, app: App) -> None:
        """SU-2: each step looks again."""
        phone = app_of(world, ada)
        asked = app.login(ada)
        with world.writing() as db:
            keeping_out.disable(db, world.issuer, ada.id, by=SYSTEM)
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_token")

    def test_a_password_that_was_reset(self, world: World, ada: Resident, app: App) -> None:
        """SS-7: the epoch that the login began in is over."""
        phone = app_of(world, ada)
        asked = app.login(ada)
        with world.writing() as db:
            keeping_out.end_all(db, world.issuer, ada.id, by=SYSTEM)
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_token")

    def test_a_factor_that_went(self, world: World, ada: Resident, app: App) -> None:
        """SU-2: it proves nothing any more, and its absence proves nothing either."""
        phone, codes = app_of(world, ada), codes_of(world, ada)
        asked = app.login(ada)
        with world.writing() as db:
            db.hot(FORGOTTEN, {}).close()
        assert spelled(app.mfa(asked, "totp", phone.code())) == (400, "invalid_request")
        app.entered(app.mfa(asked, "recovery", codes[0]))

    def test_an_app_that_was_switched_off(self, world: World, ada: Resident, app: App) -> None:
        phone = app_of(world, ada)
        asked = app.login(ada)
        world.edit_client("app", active=False)
        assert spelled(app.mfa(asked, "totp", phone.code())) == (401, "invalid_client")

    def test_another_app_has_no_use_for_a_token(self, world: World, ada: Resident, app: App) -> None:
        """SU-1: bound to the app and the person, and good for its own step alone."""
        phone, other = app_of(world, ada), app_in(world, "other")
        asked = app.login(ada)
        named = other.mfa(asked, "totp", phone.code(), client_id="other")
        assert spelled(named) == (401, "invalid_token")
        sent = other.post("/api/login/mfa/email", mfa_token=asked.json()["mfa_token"], client_id="other")
        assert spelled(sent) == (401, "invalid_token")
        crossed = app.post("/api/session/start", conflict_token=asked.json()["mfa_token"])
        assert spelled(crossed) == (401, "invalid_token")
        app.entered(app.mfa(asked, "totp", phone.code()))
