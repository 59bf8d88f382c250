"""What a client, an API or a scope requires: stepped up at authorize, enforced for every token."""

import pytest

from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of
from tests.flow.login import fill_password
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Tokens, claims_of

API = "https://vault.example"
SCOPE = "openid vault:read vault:open"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def add_vault(world: World, **required: object) -> None:
    """An API whose scope vault:open requires something that vault:read does not."""
    scopes = [{"name": "vault:read"}, {"name": "vault:open", **required}]
    world.add_api(API, scopes=scopes)


def add_app(world: World, client_id: str = "web", **given: object) -> RelyingParty:
    return world.add_client(client_id, first_party=True, scope=SCOPE, **given)


def visit(browser: Browser, web: RelyingParty, **asked: str) -> tuple[object, Visit]:
    request = web.begin(**asked)
    return request, browser.open(request.url, web.redirect_uri)


def tokens(browser: Browser, web: RelyingParty, app: Authenticator | None = None, **asked: str) -> Tokens:
    """Through authorize in a browser that is signed in; what is asked for on the way is a code, and only that."""
    request = web.begin(**asked)
    there = browser.open(request.url, web.redirect_uri)
    if app is not None:
        assert there.page.heading == "Enter the code from your app", there.page.words[:200]
        there = answer(browser, app.code())
    assert there.left_for, there.page.words[:300]
    return web.redeem(request, web.returned(request, there.left_for)["code"])


def error(browser: Browser, web: RelyingParty, **asked: str) -> str:
    request = web.begin(**asked)
    there = browser.open(request.url, web.redirect_uri)
    assert there.left_for, there.page.words[:300]
    with pytest.raises(OAuthError) as refused:
        web.returned(request, there.left_for)
    return refused.value.error


class TestAScopeThatNeedsTwoFactors:
    def test_is_stepped_up_to_and_only_where_it_is_asked_for(self, world: World, ada: Resident) -> None:
        """SU-3, SU-4, SU-6: one more proof for that scope, none for the other; auth_time and sid stay."""
        add_vault(world, required_acr="mfa")
        web, browser = add_app(world), world.signed_in(ada)
        before = tokens(browser, web, scope="openid vault:read")
        assert before.claims["acr"] == "pwd"
        app = app_of(world, ada)
        world.clock.advance(minutes=5)
        after = tokens(browser, web, app)
        assert (after.scope, after.claims["amr"]) == (SCOPE, ["pwd", "otp", "mfa"])
        assert [after.claims[name] for name in ("auth_time", "sid")] == [
            before.claims[name] for name in ("auth_time", "sid")
        ]
        assert claims_of(web.refresh(before).access_token)["acr"] == "pwd"

    def test_comes_to_nobody_who_cannot_prove_them(self, world: World, ada: Resident) -> None:
        """SU-3, SU-6: the app is told, and no grant is made; the other scope is open to them."""
        add_vault(world, required_acr="mfa")
        web, browser = add_app(world), world.signed_in(ada)
        assert error(browser, web) == "unmet_authentication_requirements"
        assert not world.events("grant_made")
        assert tokens(browser, web, scope="openid vault:read").scope == "openid vault:read"

    def test_is_never_asked_for_in_silence(self, world: World, ada: Resident) -> None:
        """AZ-10, SU-3: what would be a question is interaction_required; what nobody could answer says so."""
        add_vault(world, required_acr="mfa")
        web, browser = add_app(world), world.signed_in(ada)
        assert error(browser, web, prompt="none") == "unmet_authentication_requirements"
        app_of(world, ada)
        assert error(browser, web, prompt="none") == "interaction_required"
        assert tokens(browser, web, prompt="none", scope="openid vault:read").scope == "openid vault:read"

    def test_is_enforced_where_the_token_is_made(self, world: World, ada: Resident) -> None:
        """SU-3, SU-6: a family of before gets no token for it, by whichever way; a narrower one it gets."""
        add_vault(world)
        web, browser = add_app(world), world.signed_in(ada)
        held = tokens(browser, web)
        request = web.begin()
        code = web.returned(request, browser.open(request.url, web.redirect_uri).left_for or "")["code"]
        world.edit_api(
            API,
            scopes=[
                {"name": "vault:read"},
                {"name": "vault:open", "required_acr": "mfa", "required_max_age": 60},
            ],
        )
        for form in (
            {"grant_type": "refresh_token", "refresh_token": str(held.refresh_token)},
            {"grant_type": "refresh_token", "refresh_token": str(held.refresh_token), "scope": "vault:open"},
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": web.redirect_uri,
                "code_verifier": request.verifier,
            },
        ):
            reply = web.token(form)
            told = reply.json()
            assert (reply.status, told["error"]) == (400, "invalid_grant")
            assert (told["acr_values"], told["max_age"]) == ("mfa", 60)
        narrow = web.refresh(held, scope="openid vault:read")
        assert narrow.scope == "openid vault:read"
        assert error(browser, web, prompt="none") == "unmet_authentication_requirements"

    def test_does_not_ask_those_who_may_not_have_it_anyway(self, world: World, ada: Resident) -> None:
        """SU-3: nobody proves more for a scope that is left out for them."""
        world.add_group("wardens")
        add_vault(world, required_acr="mfa", groups=["wardens"])
        app_of(world, ada)
        web, browser = add_app(world), world.signed_in(ada)
        assert tokens(browser, web).scope == "openid vault:read"


@pytest.mark.parametrize("where", ["client", "api", "scope"])
class TestARequiredAge:
    def app(self, world: World, where: str) -> RelyingParty:
        world.add_api(
            API,
            scopes=[
                {"name": "vault:read"},
                {"name": "vault:open"} | ({"required_max_age": 60} if where == "scope" else {}),
            ],
            required_max_age=60 if where == "api" else None,
        )
        return add_app(world, required_max_age=60 if where == "client" else None)

    def test_asks_for_a_new_sign_in(self, world: World, ada: Resident, where: str) -> None:
        """SU-3, AZ-12: whatever age the app itself would take; auth_time is new."""
        web, browser = self.app(world, where), world.signed_in(ada)
        before = tokens(browser, web)
        world.clock.advance(seconds=60)
        assert tokens(browser, web).claims["auth_time"] == before.claims["auth_time"]
        world.clock.advance(seconds=1)
        assert error(browser, web, prompt="none") == "login_required"
        request = web.begin(max_age="86400")
        browser.open(request.url, web.redirect_uri)
        there = fill_password(browser, ada.email, ada.password)
        after = web.redeem(request, web.returned(request, there.left_for or "")["code"])
        assert after.claims["auth_time"] == before.claims["auth_time"] + 61

    def test_is_judged_at_authorize_alone(self, world: World, ada: Resident, where: str) -> None:
        """SU-3: a family lives on."""
        web = self.app(world, where)
        held = tokens(world.signed_in(ada), web)
        world.clock.advance(hours=2)
        assert web.refresh(held).claims["auth_time"] == held.claims["auth_time"]


def test_a_second_factor_of_yesterday_is_asked_anew_where_one_is_demanded(
    world: World, ada: Resident
) -> None:
    """SU-3, SU-4: all is proved again, so that an old mfa never meets a new auth_time."""
    world.set(session_idle=10**6, session_lifetime=10**6)
    app = app_of(world, ada)
    house, strict = (
        world.add_client("house", first_party=True),
        world.add_client("strict", first_party=True, required_acr="mfa"),
    )
    browser = world.signed_in(ada)
    before = tokens(browser, strict, app)
    world.clock.advance(hours=12)
    assert tokens(browser, strict).claims["acr"] == "mfa"
    world.clock.advance(seconds=1)
    assert tokens(browser, house).claims["auth_time"] == before.claims["auth_time"]
    assert error(browser, strict, prompt="none") == "login_required"
    request = strict.begin()
    browser.open(request.url, strict.redirect_uri)
    assert fill_password(browser, ada.email, ada.password).page.heading == "Enter the code from your app"
    there = answer(browser, app.code())
    after = strict.redeem(request, strict.returned(request, there.left_for or "")["code"])
    assert after.claims["auth_time"] == int(world.clock.now())
    assert after.claims["sid"] == before.claims["sid"]


def test_userinfo_asks_for_what_the_client_requires_now(world: World, ada: Resident) -> None:
    """SU-3: 401 insufficient_user_authentication with what would do, also for a token of before."""
    web = world.add_client("web", first_party=True)
    held = tokens(world.signed_in(ada), web)
    assert web.userinfo(held.access_token)["sub"] == ada.subject
    world.edit_client("web", required_acr="mfa", required_max_age=300)
    reply = world.get("/oauth/userinfo", {"Authorization": f"Bearer {held.access_token}"})
    assert (reply.status, reply.json()["error"]) == (401, "insufficient_user_authentication")
    told = reply.header("WWW-Authenticate") or ""
    assert 'error="insufficient_user_authentication", acr_values="mfa", max_age="300"' in told


def test_a_machine_is_no_person(world: World) -> None:
    """SU-6: what is required of a sign-in is required of people; a client gets its scope from its own list."""
    add_vault(world, required_acr="mfa")
    robot = world.add_client(
        "robot", grant_types=["client_credentials"], redirect_uris=[], scope="vault:open"
    )
    told = claims_of(robot.client_credentials("vault:open").access_token)
    assert not told.keys() & {"amr", "acr", "auth_time"}
