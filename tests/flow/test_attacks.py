"""What somebody hostile would try; each of these once worked, or would, were it not for one line."""

import base64
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.exc import IntegrityError

from authserver.apis import edit as api_catalogue
from authserver.audit import SYSTEM
from authserver.authentication import Level
from authserver.clients import edit as clients
from authserver.consent.find import given
from authserver.errors import Refusal
from authserver.factors.contract import Account, Answer
from authserver.factors.password import normalized
from authserver.factors.registry import register
from authserver.issuer import Issuer
from authserver.login import everywhere, passwords
from authserver.oauth import person as persons
from authserver.oauth.authorize import Asked, AuthorizeRequest, read
from authserver.oauth.decide import Here
from authserver.oauth.issue import issue
from authserver.sessions import ending, sso
from authserver.sessions.sso import SsoSession
from authserver.sessions.visit import Visit
from authserver.store import Session
from authserver.store.records.users import PasswordRow
from authserver.transaction import Transaction
from authserver.users import find as users
from authserver.web.account import apps
from tests.agent import query_of
from tests.flow.login import count, enter, fill, fill_password
from tests.flow.second_factor import CODE, FakeCode
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, answer_pages, sign_in

NEW = "Another engine altogether"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def session_of(world: World, person: Resident) -> SsoSession:
    """The one session of somebody, as a request that found it a moment ago still holds it."""
    with world.reading() as db:
        (found,) = sso.of_user(db, world.issuer, person.id, world.clock())
    return found


def is_live(world: World, session: SsoSession) -> bool:
    with world.reading() as db:
        return sso.load(db, session.id, world.clock()) is not None


@dataclass
class Interrupted(FakeCode):
    """A second factor during whose answer something else happens."""

    meanwhile: Callable[[], object] = lambda: None

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Any:
        self.meanwhile()
        return answer


class TestStepUp:
    def test_a_code_alone_is_no_sign_in_when_its_session_ends_meanwhile(
        self, world: World, ada: Resident
    ) -> None:
        """SU-1, SU-4, SS-3: what was to be added to an ended session opens none of its own."""
        factor = Interrupted(owners={ada.id})
        web = world.add_client("web", first_party=True)
        browser = enter(world, ada)
        register(world.issuer, factor)
        session = session_of(world, ada)

        def end() -> None:
            with world.writing() as db:
                ending.end(db, world.issuer, session.id, reason="ended", by=SYSTEM, now=world.clock())

        factor.meanwhile = end
        browser.open(web.begin(acr_values="mfa").url, web.redirect_uri)
        assert browser.at is not None
        visit = browser.submit(browser.at.page.form("Continue"), {"code": CODE})
        assert not visit.left_for
        assert visit.page.heading == "Sign in to Web"
        assert count(world, "sso_sessions", "ended_at IS NULL") == 0
        # With the password the sign-in is whole again, and says so.
        visit = fill_password(browser, ada.email, ada.password)
        assert visit.left_for
        assert session_of(world, ada).authentication.reaches(Level.MFA)

    def test_a_copied_cookie_adds_nothing_once_its_owner_changed_the_handle(
        self, world: World, ada: Resident
    ) -> None:
        """SS-1, SS-7: what a thief was adding meanwhile does not win the session back."""
        factor = Interrupted(owners={ada.id})
        web = world.add_client("web", first_party=True)
        thief = enter(world, ada)
        register(world.issuer, factor)
        session = session_of(world, ada)
        factor.meanwhile = lambda: everywhere.sign_out(world.issuer, session, by=SYSTEM)
        thief.open(web.begin(acr_values="mfa").url, web.redirect_uri)
        assert thief.at is not None
        thief.submit(thief.at.page.form("Continue"), {"code": CODE})
        assert is_live(world, session)
        assert not session_of(world, ada).authentication.reaches(Level.MFA)
        assert thief.open("/account").page.heading == "Sign in"


class TestTwoWhoEndEachOther:
    @pytest.mark.parametrize(
        "act",
        [
            pytest.param(lambda issuer, session: passwords.change(issuer, session, NEW, by=SYSTEM), id="password"),
            pytest.param(lambda issuer, session: everywhere.sign_out(issuer, session, by=SYSTEM), id="everywhere"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("is_marked", [True, False], ids=["ended", "of-an-earlier-epoch"])
    def test_whoever_was_ended_changes_nothing(
        self, world: World, ada: Resident, act: Callable[[Issuer, SsoSession], object], is_marked: bool
    ) -> None:
        """SS-7: of an owner and a thief who press at the same moment, the second does not undo the first."""
        world.signed_in(ada)
        thief = session_of(world, ada)
        world.clock.advance(seconds=1)
        world.signed_in(ada)
        with world.reading() as db:
            owner = sso.of_user(db, world.issuer, ada.id, world.clock())[0]
        everywhere.sign_out(world.issuer, owner, by=SYSTEM)
        if not is_marked:
            with world.writing() as db:
                db.orm.connection().exec_driver_sql("UPDATE sso_sessions SET ended_at = NULL")
        before = world.rows("SELECT hash FROM passwords"), world.rows("SELECT epoch FROM users")
        with pytest.raises(Refusal, match="ended meanwhile"):
            act(world.issuer, thief)
        assert (world.rows("SELECT hash FROM passwords"), world.rows("SELECT epoch FROM users")) == before
        assert is_live(world, owner)
        assert not is_live(world, thief)

    def test_of_two_at_once_one_is_alone(self, world: World, ada: Resident) -> None:
        """SS-7: whoever is told that it worked is signed in, the other is not, and the password is of the one."""
        for turn in range(3):
            world.signed_in(ada)
            world.clock.advance(seconds=1)
            world.signed_in(ada)
            with world.reading() as db:
                both = sso.of_user(db, world.issuer, ada.id, world.clock())[:2]
            ready = threading.Barrier(2)

            def press(session: SsoSession, text: str, ready: threading.Barrier = ready) -> SsoSession | None:
                ready.wait(10)
                try:
                    return passwords.change(world.issuer, session, text, by=SYSTEM)[0]
                except Refusal:
                    return None

            with ThreadPoolExecutor(2) as threads:
                told = list(threads.map(press, both, ("the words of the first", "the words of the second")))
            (kept,) = [session for session in told if session is not None]
            assert session_of(world, ada).id == kept.id
            assert len(world.events("password_changed")) == turn + 2  # and one when ada was made


class TestSignOutEverywhere:
    def test_a_login_under_way_does_not_survive(self, world: World, ada: Resident) -> None:
        """SS-7: half a sign-in elsewhere, its password proved, is over as well."""
        mine, thief = enter(world, ada), world.browser()
        register(world.issuer, FakeCode.of([ada.id]))
        thief.open("/login")
        assert fill(thief, ada.email, ada.password).page.heading == "One more proof"
        world.clock.advance(seconds=1)
        enter_again = world.signed_in(ada)
        assert enter_again.open("/account").status == 200
        mine.open("/account/devices/end")
        fill_password(mine, "", ada.password)
        assert mine.at is not None
        page = mine.submit(mine.at.page.form("Continue"), {"code": CODE}).page
        assert mine.submit(page.form("Sign out everywhere else")).status == 200
        assert thief.at is not None
        visit = thief.submit(thief.at.page.form("Continue"), {"code": CODE})
        assert visit.page.heading != "Profile"
        assert thief.open("/account").page.heading == "Sign in"
        assert mine.open("/account").status == 200

    def test_an_offline_grant_of_a_session_that_is_over_does_not_survive(
        self, world: World, ada: Resident
    ) -> None:
        """RT-10: offline access outlives a plain sign-out, and nothing outlives a sign-out everywhere."""
        given: dict[str, Any] = {"scope": "openid offline_access", "first_party": True}
        web, mine = world.add_client("web", **given), world.add_client("mine", **given)
        thief, owner = enter(world, ada), enter(world, ada)
        stolen, kept = sign_in(thief, web, ada), sign_in(owner, mine, ada)
        thief.submit(thief.open("/logout").page.form("Sign out"))
        stolen = web.refresh(stolen)
        enter(world, ada)  # so that there is somebody else to sign out
        page = owner.open("/account/devices/end").page
        owner.submit(page.form("Sign out everywhere else"))
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(stolen)
        assert mine.refresh(kept).refresh_token

    def test_the_handle_changes(self, world: World, ada: Resident) -> None:
        """SS-1, SS-7: a copy of this browser's own cookie is signed out like everybody else."""
        mine = enter(world, ada)
        enter(world, ada)
        cookie = mine.jar.get("as_session")
        assert cookie is not None
        mine.submit(mine.open("/account/devices/end").page.form("Sign out everywhere else"))
        copy = {"Cookie": f"{cookie.name}={cookie.value}"}
        assert world.get("/account", copy).status == 303
        assert mine.open("/account").status == 200


def test_marks_without_end_cost_nothing() -> None:
    """PW-1, PW-3: ordering combining marks takes quadratic time; one form of 64 KB once held a worker for seconds."""
    began = time.process_time()
    with pytest.raises(Refusal, match="longer than 256"):
        normalized("a" + "\u0301\u0316" * 16_000)
    assert time.process_time() - began < 0.5
    # The longest password that may be typed mark by mark is still taken: each character of four.
    assert len(normalized("\u03b1\u0313\u0300\u0345" * 256)) == 256


@pytest.mark.parametrize(
    "name", ["x/../authserver.css", "./authserver.css", "authserver.css/", "../app.py", "..%2fapp.py"]
)
def test_a_file_has_one_name(world: World, name: str) -> None:
    """T-2: a path that climbs into a folder that is not there was a 500."""
    assert world.get(f"/static/{name}").status == 404


class TestWhatATokenIsFor:
    @pytest.fixture
    def web(self, world: World, ada: Resident) -> RelyingParty:
        """An app that may ask for two APIs at once."""
        with world.writing() as db:
            for name in ("notes", "grades"):
                about = {"identifier": f"https://{name}.example", "name": name}
                api_catalogue.add(
                    db, world.issuer, {**about, "scopes": [{"name": f"{name}:read"}]}, by=SYSTEM
                )
        return world.add_client(
            scope="openid email notes:read grades:read",
            resources=["https://notes.example", "https://grades.example"],
            several_resources=True,
            first_party=True,
        )

    def tokens(self, world: World, web: RelyingParty, ada: Resident) -> Tokens:
        browser, request = world.browser(), web.begin()
        both = "&resource=https://notes.example&resource=https://grades.example"
        visit = answer_pages(browser, browser.open(request.url + both, web.redirect_uri), ada)
        assert visit.left_for
        tokens = web.redeem(request, web.returned(request, visit.left_for)["code"])
        assert tokens.scope == "openid email notes:read grades:read"
        return tokens

    def test_one_api_is_not_told_what_is_for_another(
        self, world: World, web: RelyingParty, ada: Resident
    ) -> None:
        """AZ-18, RFC 8707 §2.2: a token narrowed to one API keeps only the scopes that are good there."""
        narrowed = web.refresh(self.tokens(world, web, ada), resource="https://notes.example")
        assert narrowed.scope == "openid email notes:read"
        claims = web.verify_access_token(narrowed.access_token, "https://notes.example")
        assert claims["aud"] == ["https://notes.example", world.url]
        assert claims["scope"] == narrowed.scope
        # The grant keeps what was allowed.
        assert web.refresh(narrowed).scope == "openid email notes:read grades:read"

    @pytest.mark.parametrize(
        ("take", "left"),
        [
            pytest.param(
                lambda db, issuer: clients.edit(
                    db, issuer, "web", {"scopes": ["openid", "notes:read"]}, by=SYSTEM
                ),
                "openid notes:read",
                id="from-the-client",
            ),
            pytest.param(
                lambda db, issuer: api_catalogue.edit(
                    db, issuer, "https://grades.example", {"scopes": []}, by=SYSTEM
                ),
                "openid email notes:read",
                id="from-the-api",
            ),
        ],
    )  # fmt: skip
    def test_a_scope_that_was_taken_away_is_in_no_new_token(
        self,
        world: World,
        web: RelyingParty,
        ada: Resident,
        take: Callable[[Session, Issuer], object],
        left: str,
    ) -> None:
        """TK-7, RT-9: what an administrator takes from a client or an API holds for families that stand already."""
        tokens = self.tokens(world, web, ada)
        with world.writing() as db:
            take(db, world.issuer)
        fresh = web.refresh(tokens)
        assert fresh.scope == left
        assert ("email" in web.userinfo(fresh.access_token)) == ("email" in left)

    def test_an_api_that_was_closed_to_the_client_gets_no_new_token(
        self, world: World, web: RelyingParty, ada: Resident
    ) -> None:
        """AZ-18, TK-7, RT-9: the client's list of APIs holds for families and codes that stand already."""
        tokens = self.tokens(world, web, ada)
        world.edit_client("web", resources=["https://grades.example"])
        kept = web.refresh(tokens, resource="https://grades.example")
        assert kept.scope == "openid email grades:read"
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(kept)


@pytest.mark.parametrize(
    ("audience", "status"), [("{issuer}/oauth/token", 200), ("{issuer}/auth/oauth/token", 401)]
)
def test_the_endpoint_of_an_issuer_with_a_path_has_one_address(
    make_world: Callable[..., World], audience: str, status: int
) -> None:
    """CL-4: the legacy audience is the endpoint's URL, in which the issuer's path stands once."""
    world = make_world(issuer="https://id.example/auth")
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
    program = world.add_client(
        "program",
        auth_method="private_key_jwt",
        jwks={"keys": [public]},
        legacy_audience=True,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="",
    )
    program.auth, program.key = "private_key_jwt", key
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": program.assertion(aud=audience.format(issuer=world.url)),
    }
    assert world.post("/oauth/token", form).status == status


def test_what_was_withdrawn_a_moment_ago_gives_no_code(world: World, ada: Resident) -> None:
    """AZ-15, RT-9: an app that asks in silence while its person withdraws it keeps nothing."""
    web = world.add_client("web")
    sign_in(enter(world, ada), web, ada)
    session = session_of(world, ada)
    asked = read(world.issuer, Asked(values=query_of(web.begin(prompt="none").url)))
    assert isinstance(asked, AuthorizeRequest)
    with world.reading() as db:
        allowed = given(db, ada.id, "web")
        assert allowed is not None
        visit = Visit(session=session, user=users.load(db, ada.id), agreed=allowed.scope, joined=True)
        person = persons.of(db, world.issuer, asked, visit)
    assert person.agreed >= set(person.scope)
    with world.writing() as db:
        apps.withdraw(db, world.issuer, ada.id, "web", by=SYSTEM)
    assert issue(world.issuer, asked, person, visit, here=Here(), by=SYSTEM) is None
    assert count(world, "grants", "revoked_at IS NULL") == 0
    # A yes to the page that asks again counts, and is remembered.
    assert issue(world.issuer, asked, person, visit, here=Here(agreed=frozenset(person.scope)), by=SYSTEM)
    assert issue(world.issuer, asked, person, visit, here=Here(), by=SYSTEM)


def test_what_the_database_refuses_is_not_told_in_its_error(world: World, ada: Resident) -> None:
    """KEY-8: an error goes to the log with its text, which once held every value of the statement."""
    twice = {"user_id": ada.id, "changed_at": world.clock()}
    with world.writing() as db:
        db.orm.add(PasswordRow(**twice, hash="$canary"))
        with pytest.raises(IntegrityError) as refused:
            db.orm.flush()
        db.orm.rollback()
    assert "passwords" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_references_do_not_tell_whether_a_client_is_known(world: World) -> None:
    """CL-8: equal causes have equal references, so a stranger must not be able to bring about equal ones."""
    world.add_client("known")
    for name in ("known", "unknown"):
        form = {"grant_type": "client_credentials", "client_id": name}
        basic = {"Authorization": f"Basic {base64.b64encode(f'{name}:x'.encode()).decode()}"}
        tries = [({}, {}), (basic, {}), ({}, {"client_secret": "x"})]
        replies = [world.post("/oauth/token", form | more, headers) for headers, more in tries]
        assert {reply.status for reply in replies} == {401}
        assert len({reply.json()["reference"] for reply in replies}) == len(tries), name
