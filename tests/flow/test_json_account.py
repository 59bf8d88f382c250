"""What somebody signed in to an app does through it: their session, their sessions, their second factors."""

import re

import pyotp
import pytest

from authserver.audit import SYSTEM
from authserver.authentication import Authentication, Kind, Proof, SessionId
from authserver.factors.totp import TOTP
from authserver.sessions import keeping_out
from authserver.store import Hot
from authserver.web.edge import ROUTES
from authserver.web.guards import Guard, table
from tests.flow.apps import Authenticator, app_of, codes_of
from tests.flow.json_login import ORIGIN, App, app_in, claims_of, spelled
from tests.flow.login import count
from tests.flow.test_idle import token_on
from tests.flow.world import Resident, World
from tests.oidc import sign_in
from tests.wire import FORM, Reply

ENDPOINTS = [
    ("GET", "/api/session"), ("POST", "/api/session/touch"), ("DELETE", "/api/session"), ("GET", "/api/sessions"),
    ("DELETE", "/api/sessions/" + "0" * 32), ("GET", "/api/users/me/mfa"), ("POST", "/api/users/me/mfa/enroll"),
    ("POST", "/api/users/me/mfa/confirm"), ("POST", "/api/users/me/mfa/disable"),
    ("POST", "/api/users/me/mfa/recovery-codes"),
]  # fmt: skip
MFA = "/api/users/me/mfa"
STRONGER = Hot("UPDATE sso_sessions SET authentication = :proved WHERE id = :id")


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app(world: World, ada: Resident) -> App:
    """An app that Ada is signed in to."""
    found = app_in(world)
    found.entered(found.login(ada))
    return found


class TestItsSession:
    def test_it_is_shown(self, world: World, ada: Resident, app: App) -> None:
        world.clock.advance(minutes=1)
        told = app.ask("GET", "/api/session").json()
        assert (told["kind"], told["device"], told["apps"]) == ("app", "Notes, Android phone", ["App"])
        assert (told["idle_in"], told["ends_in"]) == (540, 43_140)
        assert (told["amr"], told["acr"], told["auth_time"]) == (
            ["pwd"],
            "pwd",
            int(world.clock().timestamp()) - 60,
        )

    def test_real_input_keeps_it(self, world: World, ada: Resident, app: App) -> None:
        """SS-2: nothing else does; it costs at most one write a minute."""
        refresh = app.entered(app.login(ada))["refresh_token"]
        for _ in range(3):
            world.clock.advance(minutes=3)
            app.ask("GET", "/api/session")
            found = refreshed(world, refresh)
            assert found.status == 200
            app.bearer, refresh = found.json()["access_token"], found.json()["refresh_token"]
        assert app.ask("GET", "/api/session").json()["idle_in"] == 60
        assert app.ask("POST", "/api/session/touch").json()["idle_in"] == 600
        with world.statements(100) as asked:
            app.ask("POST", "/api/session/touch")
        assert not [text for text in asked if not text.lstrip().startswith("SELECT")]
        world.clock.advance(minutes=5)
        # The token's own five minutes, not the session's ten.
        assert spelled(app.ask("GET", "/api/session")) == (401, "invalid_token")
        assert refreshed(world, refresh).status == 200

    def test_idleness_ends_it_with_its_tokens(self, world: World, ada: Resident, app: App) -> None:
        """RT-10, SS-2: 401 session_expired, whatever it is asked for."""
        world.edit_client("app", access_token_lifetime=3600)
        refresh = app.entered(app.login(ada))["refresh_token"]
        world.clock.advance(minutes=10)
        for method, path in ENDPOINTS:
            expired = app.ask(method, path)
            assert spelled(expired) == (401, "session_expired"), path
            assert expired.json()["reason"] == "idle"
        assert spelled(refreshed(world, refresh)) == (400, "invalid_grant")

    def test_it_is_ended_here(self, world: World, ada: Resident, app: App) -> None:
        """SS-3, LO-4: at once, with the tokens."""
        refresh = app.entered(app.login(ada))["refresh_token"]
        assert app.ask("DELETE", "/api/session").status == 204
        assert spelled(app.ask("GET", "/api/session")) == (401, "session_expired")
        assert spelled(refreshed(world, refresh)) == (400, "invalid_grant")
        assert [event.data["reason"] for event in world.events("session_ended")] == ["signed_out"]

    def test_who_was_taken_over_is_told_so(self, world: World, ada: Resident, app: App) -> None:
        """SS-6: in plain words, at the next request."""
        world.set(max_sessions=1)
        other = app_in(world, "desk")
        full = other.login(ada).json()
        chosen = full["sessions"][0]["id"]
        other.entered(
            other.post("/api/session/takeover", conflict_token=full["conflict_token"], session_id=chosen)
        )
        told = app.ask("GET", "/api/session")
        assert spelled(told) == (401, "session_expired")
        assert told.json()["reason"] == "taken_over"
        assert "another device took over" in told.json()["error_description"]


class TestAllOfTheirs:
    def test_they_are_listed_and_ended(self, world: World, ada: Resident, app: App) -> None:
        """SS-8: browsers and apps alike."""
        world.signed_in(ada)
        found = app.ask("GET", "/api/sessions").json()["sessions"]
        assert {(each["kind"], each["current"]) for each in found} == {("app", True), ("browser", False)}
        other = next(each["id"] for each in found if not each["current"])
        assert app.ask("DELETE", f"/api/sessions/{other}").status == 204
        assert app.ask("DELETE", f"/api/sessions/{other}").status == 404
        own = next(each["id"] for each in found if each["current"])
        assert app.ask("DELETE", f"/api/sessions/{own}").status == 204
        assert count(world, "sso_sessions", "ended_at IS NULL") == 0

    def test_another_persons_are_not_there(self, world: World, ada: Resident, app: App) -> None:
        """AD-3"""
        bob = app_in(world, "bobs")
        claims = claims_of(bob.entered(bob.login(world.add_user("bob@example.org")))["access_token"])
        assert app.ask("DELETE", f"/api/sessions/{claims['sid']}").status == 404
        assert bob.ask("GET", "/api/session").status == 200

    def test_ending_another_one_asks_for_a_fresh_sign_in(self, world: World, ada: Resident, app: App) -> None:
        """SS-8: a token that somebody found signs nobody out elsewhere."""
        world.edit_client("app", access_token_lifetime=3600)
        app.entered(app.login(ada))
        world.clock.advance(minutes=5, seconds=1)
        browser = world.signed_in(ada)
        found = app.ask("GET", "/api/sessions").json()["sessions"]
        other = next(each["id"] for each in found if each["kind"] == "browser")
        refused = app.ask("DELETE", f"/api/sessions/{other}")
        assert spelled(refused) == (401, "insufficient_user_authentication")
        assert refused.json()["max_age"] == 300
        assert browser.open("/account").page.heading != "Sign in"


class TestTheirSecondFactors:
    def enrolled(self, world: World, app: App) -> Authenticator:
        told = app.ask("POST", f"{MFA}/enroll", {"method": "totp"}).json()
        return Authenticator(world, pyotp.TOTP(told["secret"]))

    def test_an_app_counts_from_its_first_code_on(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-1, RC-1: secret, picture and codes once; nothing holds before."""
        assert app.ask("GET", MFA).json() == {
            "enabled": False,
            "required": False,
            "methods": [],
            "recovery_codes": {"left": 0, "of": 0, "made_at": None},
        }
        asked = app.ask("POST", f"{MFA}/enroll", {"method": "totp"})
        told = asked.json()
        assert set(told) == {"secret", "otpauth_uri", "qr_svg", "recovery_codes"}
        assert asked.header("Cache-Control") == "no-store"
        assert told["otpauth_uri"].startswith("otpauth://totp/")
        assert told["qr_svg"].startswith("<svg")
        assert len(told["recovery_codes"]) == 10
        assert count(world, "recovery_codes") == 0
        phone = Authenticator(world, pyotp.TOTP(told["secret"]))
        assert spelled(app.ask("POST", f"{MFA}/confirm", {"code": phone.wrong()})) == (400, "invalid_code")
        assert not app.ask("GET", MFA).json()["enabled"]
        found = app.ask("POST", f"{MFA}/confirm", {"code": phone.code()}).json()
        at = "2027-01-15T12:00:00Z"
        assert found["methods"] == [{"method": "totp", "set_up_at": at, "last_used_at": at}]
        assert found["recovery_codes"] == {"left": 10, "of": 10, "made_at": at}
        assert world.events("factor_added")
        world.clock.advance(seconds=30)
        asked = app.login(ada)
        claims = claims_of(app.entered(app.mfa(asked, "recovery", told["recovery_codes"][3]))["access_token"])
        assert claims["amr"] == ["pwd", "recovery", "mfa"]

    def test_setting_up_asks_for_a_fresh_sign_in(self, world: World, ada: Resident, app: App) -> None:
        """PW-9: of the last five minutes, and of both factors once there is one."""
        world.clock.advance(minutes=4, seconds=59)
        assert app.ask("POST", f"{MFA}/enroll", {"method": "totp"}).status == 200
        world.edit_client("app", access_token_lifetime=3600)
        app.entered(app.login(ada))
        world.clock.advance(minutes=5, seconds=1)
        late = app.ask("POST", f"{MFA}/enroll", {"method": "totp"})
        assert (*spelled(late), late.json()["max_age"]) == (401, "insufficient_user_authentication", 300)
        app.entered(app.login(ada))
        phone = app_of(world, ada)
        for path, data in (
            ("enroll", {"method": "totp"}),
            ("confirm", {"code": "123456"}),
            ("recovery-codes", None),
        ):
            weak = app.ask("POST", f"{MFA}/{path}", data)
            assert (*spelled(weak), weak.json()["acr_values"]) == (
                401,
                "insufficient_user_authentication",
                "mfa",
            )
            assert 'acr_values="mfa"' in (weak.header("WWW-Authenticate") or "")
        app.entered(app.mfa(app.login(ada), "totp", phone.code()))
        again = app.ask("POST", f"{MFA}/enroll", {"method": "totp"}).json()
        assert len(again["recovery_codes"]) == 10
        codes_of(world, ada)
        assert app.ask("POST", f"{MFA}/enroll", {"method": "totp"}).json()["recovery_codes"] == []

    def test_a_token_of_before_does_not_grow_with_its_session(self, world: World, ada: Resident) -> None:
        """SU-4: what counts is what the token says, and not what was proved elsewhere since."""
        app = app_in(world)
        sid = SessionId(claims_of(app.entered(app.login(ada))["access_token"])["sid"])
        app_of(world, ada)
        now = world.clock()
        password = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=now)
        stepped_up = Authentication(user=ada.id, session=sid, at=now, proofs=(password, TOTP.proof(now)))
        with world.writing() as db:
            db.hot(STRONGER, {"proved": stepped_up.text, "id": sid}).close()
        assert spelled(app.ask("POST", f"{MFA}/recovery-codes")) == (401, "insufficient_user_authentication")

    @pytest.mark.parametrize("by", ["totp", "recovery", "named"])
    def test_it_is_given_up_for_password_and_code(
        self, world: World, ada: Resident, app: App, by: str
    ) -> None:
        """TOTP-7: with the last one go the codes; the owner is told."""
        phone, codes = self.enrolled(world, app), ()
        app.ask("POST", f"{MFA}/confirm", {"code": phone.code()})
        world.clock.advance(seconds=30)
        codes = codes_of(world, ada)
        given = {
            "totp": {"code": phone.code()},
            "recovery": {"code": codes[0].lower()},
            "named": {"recovery_code": codes[0]},
        }[by]
        found = app.ask("POST", f"{MFA}/disable", {"password": ada.password, **given})
        assert (found.status, found.json()["enabled"]) == (200, False)
        assert found.json()["recovery_codes"]["of"] == 0
        assert world.events("factor_removed")
        app.entered(app.login(ada))

    def test_giving_it_up_is_counted_like_a_sign_in(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-6, PW-5: the same counters; a code is spent by it."""
        phone = app_of(world, ada)
        used = phone.code()
        wrong = app.ask("POST", f"{MFA}/disable", {"password": "not this", "code": used})
        assert spelled(wrong) == (401, "invalid_credentials")
        for left in (4, 3, 2, 1, 0):
            wrong = app.ask("POST", f"{MFA}/disable", {"password": ada.password, "code": phone.wrong()})
            assert (*spelled(wrong), wrong.json()["tries_left"]) == (401, "invalid_code", left)
        closed = app.ask("POST", f"{MFA}/disable", {"password": ada.password, "code": phone.code()})
        assert (*spelled(closed), closed.header("Retry-After")) == (429, "too_many_attempts", "900")
        asked = app.login(ada)
        assert spelled(app.mfa(asked, "totp", phone.code())) == (429, "too_many_attempts")

    def test_the_last_one_stays_where_one_is_required(self, world: World, ada: Resident, app: App) -> None:
        """TOTP-8: and no code is spent on finding out."""
        phone = app_of(world, ada)
        world.set(second_factor="required")
        stays = app.ask("POST", f"{MFA}/disable", {"password": ada.password, "code": phone.code()})
        assert stays.status == 409
        app.entered(app.mfa(app.login(ada), "totp", phone.code()))
        assert app.ask("GET", MFA).json()["required"]

    def test_new_recovery_codes_end_the_old(self, world: World, ada: Resident, app: App) -> None:
        """RC-4"""
        phone, old = app_of(world, ada), codes_of(world, ada)
        app.entered(app.mfa(app.login(ada), "totp", phone.code()))
        made = app.ask("POST", f"{MFA}/recovery-codes").json()["recovery_codes"]
        assert len(made) == 10
        assert spelled(app.mfa(app.login(ada), "recovery", old[0])) == (401, "invalid_code")
        app.entered(app.mfa(app.login(ada), "recovery", made[0]))
        assert app.ask("GET", MFA).json()["recovery_codes"]["left"] == 9


class TestWhoMayAsk:
    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    def test_token_or_cookie_and_never_both(
        self, world: World, ada: Resident, app: App, method: str, path: str
    ) -> None:
        """WEB-2: the cookie with the CSRF header, on every one; whoever shows nothing is nobody."""
        browser = world.signed_in(ada)
        token = token_on(browser)
        cookies = "; ".join(f"{each.name}={each.value}" for each in browser.jar.cookies.values())
        url = world.url + path
        body = b"" if method == "POST" else None
        assert world.send(method, url, {}, body).status == 401
        assert spelled(app.ask(method, path, Cookie=cookies)) == (400, "invalid_request")
        assert spelled(world.send(method, url, {"Cookie": cookies}, body)) == (403, "forged")
        in_body = {"Cookie": cookies, "Content-Type": FORM}
        if method == "POST":
            sent = world.send(method, url, in_body, f"csrf_token={token}".encode())
            assert spelled(sent) == (403, "forged")
        foreign = {"Cookie": cookies, "X-CSRF-Token": token, "Origin": "https://evil.example"}
        assert spelled(world.send(method, url, foreign, body)) == (403, "forged")
        by_page = world.send(method, url, {"Cookie": cookies, "X-CSRF-Token": token}, body)
        assert by_page.status not in {401, 403}, by_page.body

    def test_a_page_does_the_same(self, world: World, ada: Resident) -> None:
        """By its cookie: enrolled, listed, signed out."""
        browser = world.signed_in(ada)
        token = token_on(browser)
        page = App(world=world, more={"X-CSRF-Token": token})
        page.more["Cookie"] = "; ".join(f"{each.name}={each.value}" for each in browser.jar.cookies.values())
        told = page.ask("POST", f"{MFA}/enroll", {"method": "totp"}, Authorization="").json()
        code = pyotp.TOTP(told["secret"]).at(world.clock())
        assert page.ask("POST", f"{MFA}/confirm", {"code": code}, Authorization="").json()["enabled"]
        assert page.ask("GET", "/api/sessions", Authorization="").json()["sessions"][0]["current"]
        left = page.ask("DELETE", "/api/session", Authorization="")
        assert left.status == 204
        assert any("as_session=;" in line for line in left.all("Set-Cookie"))

    def test_tokens_of_others_are_none(self, world: World, ada: Resident, app: App) -> None:
        """SU-1, JOSE-1: of another client, for another API, of another kind, or over."""
        web = world.add_client("web", first_party=True)
        tokens = sign_in(world.browser(), web, ada)
        world.add_api("https://notes.example", scopes=[{"name": "notes:read", "sentences": {"en": "Read."}}])
        notes = app_in(world, "notes", scope="notes:read", resources=["https://notes.example"])
        of_api = notes.entered(notes.login(ada))["access_token"]
        good = app.entered(app.login(ada))
        app_of(world, ada)
        pending = app.login(ada).json()["mfa_token"]
        forms = {"Content-Type": FORM}
        for shown in (
            tokens.access_token,
            tokens.id_token,
            of_api,
            good["id_token"],
            good["refresh_token"],
            pending,
        ):
            app.bearer = shown or ""
            for method, path in ENDPOINTS:
                assert spelled(app.ask(method, path)) == (401, "invalid_token"), path
        app.bearer = good["access_token"]
        world.post("/oauth/revoke", {"token": app.bearer, "client_id": "app"}, forms)
        assert spelled(app.ask("GET", "/api/session")) == (401, "invalid_token")

    def test_a_pending_token_opens_nothing(self, world: World, ada: Resident, app: App) -> None:
        """SU-1, CVE-26: at no endpoint, as no kind of token."""
        app_of(world, ada)
        pending = app.login(ada).json()["mfa_token"]
        bearer, forms = {"Authorization": f"Bearer {pending}"}, {"Content-Type": FORM}
        assert world.get("/oauth/userinfo", bearer).status == 401
        assert world.get("/api/admin/users", bearer).status == 401
        named = {"client_id": "app"}
        grant = {"grant_type": "refresh_token", "refresh_token": pending}
        assert spelled(world.post("/oauth/token", named | grant, forms)) == (400, "invalid_grant")
        server = world.add_client("server", redirect_uris=[], grant_types=["client_credentials"], scope="")
        _, credentials = server.credentials()
        told = world.post("/oauth/introspect", {"token": pending}, {**forms, **credentials})
        assert told.json() == {"active": False}
        login = claims_of(pending)["jti"]
        assert world.get(f"/oauth/authorize/resume?tx={login}").status != 200
        assert "code" not in world.browser().open(f"/login/totp?tx={login}").page.words.split()
        assert count(world, "sso_sessions", "kind = 'app'") == 1

    def test_a_disabled_person_is_out_at_once(self, world: World, ada: Resident, app: App) -> None:
        """SS-3"""
        with world.writing() as db:
            keeping_out.disable(db, world.issuer, ada.id, by=SYSTEM)
        assert app.ask("GET", "/api/session").status == 401

    def test_a_browser_app_reads_the_answers_at_its_origin(self, world: World, ada: Resident) -> None:
        """WEB-7"""
        app = app_in(world, "spa", origins=[ORIGIN])
        app.origin = ORIGIN
        app.entered(app.login(ada))
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}
        flight = world.send("OPTIONS", f"{world.url}/api/session", asked, None)
        assert (flight.status, flight.header("Access-Control-Allow-Origin")) == (204, ORIGIN)
        assert "DELETE" in (flight.header("Access-Control-Allow-Methods") or "")
        for method, path in ENDPOINTS[:2]:
            assert app.ask(method, path).header("Access-Control-Allow-Origin") == ORIGIN
        app.origin = "https://evil.example"
        assert app.ask("GET", "/api/session").header("Access-Control-Allow-Origin") is None
        refused: Reply = app.ask("GET", "/api/session", Authorization="Bearer x")
        assert refused.status == 401


def test_all_that_is_served_is_described(world: World) -> None:
    """The description is for everybody, and holds every route of apps."""
    told = world.get("/api/openapi.json").json()
    rows = {
        (method, re.sub(r"<(\w+)>", r"{\1}", row.path))
        for row in table(world.app.flask)
        if row.demand is not None and row.demand.guard is Guard.OWN
        for method in row.methods
    }
    edge = {("POST", path) for path in ROUTES if path.startswith("/api/")}
    assert {
        (method.upper(), path) for path, found in told["paths"].items() for method in found
    } == rows | edge


def refreshed(world: World, token: str) -> Reply:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"}
    return world.post("/oauth/token", form, {"Content-Type": FORM})
