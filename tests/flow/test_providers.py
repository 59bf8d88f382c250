"""Signing in by a provider: the way there and back, who is let in, and what is said of it afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.login import providers as ending
from tests.flow.apps import answer, app_of
from tests.flow.login import count, fill, rows
from tests.flow.providers import add_provider, back, change, leave, left, press, switch, through
from tests.flow.world import Resident, World
from tests.oidc import Person, sign_in
from tests.peers.openid import CLIENT, SECRET, OpenId, basic

NOBODY = Person(email="", password="")


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def newcomer(world: World, there: OpenId, title: str = "There") -> Any:
    """Somebody who made an account by a provider, signed in."""
    browser = world.browser()
    browser.open("/login")
    visit = through(browser, there, title)
    assert "New here" in visit.page.heading, visit.page.words
    visit = press(browser, "Make my account")
    assert visit.url.endswith("/account"), visit.page.words
    return browser


def test_somebody_new_gets_an_account_and_signs_in_by_it_from_then_on(world: World, there: OpenId) -> None:
    """UP-1, UP-8, UP-9: the second time nobody is asked anything, whatever name and address are said then."""
    add_provider(world, there)
    newcomer(world, there)
    assert count(world, "upstream_links") == 1
    there.person |= {"name": "Ada Byron", "email": "ada@elsewhere.example"}
    again = world.browser()
    again.open("/login")
    visit = through(again, there)
    assert visit.url.endswith("/account"), visit.page.words
    assert count(world, "users") == 1
    assert rows(world, "SELECT name FROM users") == [("Ada Byron",)]


def test_the_question_holds_all_that_protects_it(world: World, there: OpenId) -> None:
    """OI-2, UP-3, UP-11: code, PKCE, state, nonce and max_age; the secret goes to the token endpoint alone."""
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    assert asked["tenant"] == "1", "what the endpoint had in its query stays"
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == (
        "code",
        CLIENT,
        "openid profile email",
    )
    assert asked["redirect_uri"] == f"{world.url}/login/upstream/there/callback"
    assert (len(asked["code_challenge"]), asked["code_challenge_method"]) == (43, "S256")
    assert len(asked["state"]) <= 80
    assert len(asked["nonce"]) == 43
    assert int(asked["max_age"]) > 0
    assert "prompt" not in asked
    back(browser, there, asked)
    (posted,) = there.posted
    assert posted["authorization"] == basic(CLIENT, SECRET)
    assert len(posted["code_verifier"]) == 43
    assert "client_secret" not in posted


def test_a_deep_link_survives_the_trip_and_the_tokens_say_what_happened(world: World, there: OpenId) -> None:
    """UP-7, UP-11, ID-4, ID-5: amr is upstream, acr is pwd, auth_time is the provider's and never ours."""
    add_provider(world, there)
    newcomer(world, there)
    web = world.add_client("web", first_party=True)
    there.signed_in_ago = 600
    browser = world.browser()
    request = web.begin(state="deep")
    browser.open(request.url, initiator=web.redirect_uri)
    visit = through(browser, there)
    tokens = web.redeem(request, web.returned(request, visit.left_for or "")["code"])
    claims = tokens.claims
    assert claims["amr"] == ["upstream"]
    assert claims["acr"] == "pwd"
    assert claims["auth_time"] == int(world.clock.now()) - 600
    world.clock.advance(minutes=5)


def test_a_code_typed_here_makes_a_sign_in_there_no_younger(world: World, there: OpenId) -> None:
    """UP-11, ID-5, PW-9: the time is the provider's still, and a change of the account asks it anew."""
    add_provider(world, there)
    newcomer(world, there)
    ((user_id, subject),) = rows(world, "SELECT id, subject FROM users")
    app = app_of(world, Resident(email="", password="", id=user_id, subject=subject))
    there.signed_in_ago = 3600
    browser = world.browser()
    browser.open("/login")
    through(browser, there)
    assert answer(browser, app.code()).url.endswith("/account")
    claims = sign_in(browser, world.add_client("web", first_party=True), NOBODY).claims
    assert (claims["amr"], claims["acr"]) == (["upstream", "otp", "mfa"], "mfa")
    assert claims["auth_time"] == int(world.clock.now()) - 3600
    assert "Sign in once more" in browser.open("/account/password").page.words


def test_the_way_used_last_comes_first(world: World, there: OpenId) -> None:
    add_provider(world, there, "alpha", position=1)
    add_provider(world, there, "omega", position=2)
    browser = world.browser()
    visit = browser.open("/login")
    assert visit.page.words.index("Alpha") < visit.page.words.index("Omega")
    through(browser, there, "Omega")
    press(browser, "Make my account")
    press_sign_out(browser)
    visit = browser.open("/login")
    assert visit.page.words.index("Omega") < visit.page.words.index("Alpha")
    assert "used last time" in visit.page.words


def press_sign_out(browser: Any) -> None:
    browser.open("/logout")
    press(browser, "Sign out")


def test_over_six_are_searched(world: World, there: OpenId) -> None:
    for number in range(9):
        add_provider(world, there, f"place-{number}", position=number, title=f"Place {number}")
    browser = world.browser()
    visit = browser.open("/login")
    assert "Place 5" in visit.page.words
    assert "Place 6" not in visit.page.words
    assert "3 more are not shown" in visit.page.words
    visit = press(browser, "Find", {"find": "place 8"})
    assert "Place 8" in visit.page.words
    assert "Place 1" not in visit.page.words
    assert "Nothing is found" in press(browser, "Find", {"find": "<b>"}).page.words


def test_an_app_names_limits_and_orders_providers(world: World, there: OpenId) -> None:
    """idp_hint leads there by itself, and back to the sign-in page when another way is wanted."""
    for slug in ("alpha", "beta", "gamma"):
        add_provider(world, there, slug)
    web = world.add_client("web", first_party=True, providers=["gamma", "alpha", "gone"])
    browser = world.browser()
    words = browser.open(web.begin().url, initiator=web.redirect_uri).page.words
    assert "Beta" not in words
    assert words.index("Gamma") < words.index("Alpha")
    visit = browser.open(web.begin(idp_hint="alpha").url, initiator=web.redirect_uri)
    assert "Continue to Alpha" in visit.page.words
    assert 'id="form-post"' in visit.reply.text
    assert left(press(browser, "Continue to Alpha"))["client_id"] == CLIENT
    visit = browser.open(web.begin(idp_hint="beta").url, initiator=web.redirect_uri)
    assert "Password" in visit.page.words, "the app does not offer this one"
    visit = browser.open(web.begin(idp_hint="alpha").url, initiator=web.redirect_uri)
    assert "Password" in browser.open(visit.page.link("another way")).page.words


def test_a_typed_domain_leads_there_before_a_password_is_asked(world: World, there: OpenId) -> None:
    add_provider(world, there, rules={"domains": ["uni.example"]})
    browser = world.browser()
    browser.open("/login")
    asked = left(fill(browser, "ada@Uni.Example", ""))
    assert asked["login_hint"] == "ada@Uni.Example"
    browser.open("/login")
    visit = fill(browser, "ada@else.example", "")
    assert "Password" in visit.page.words
    assert count(world, "failures") == 0


def test_a_disabled_provider_takes_nobody_in_flows_under_way_included(world: World, there: OpenId) -> None:
    """UP-6, CVE-15: at the callback, and once more where somebody who is proved arrives."""
    add_provider(world, there)
    newcomer(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    switch(world, "there", "disabled")
    visit = back(browser, there, asked)
    assert "switched off" in visit.page.words
    assert there.asked["/token"] == 1, "the code was not even redeemed"
    assert count(world, "sso_sessions", "ended_at IS NULL") == 1
    switch(world, "there", "active")
    browser.open("/login")
    there.person = {"sub": "s2", "name": "Grace"}
    through(browser, there)
    switch(world, "there", "disabled")
    visit = press(browser, "Make my account")
    assert "switched off" in visit.page.words
    assert count(world, "users") == 1


def test_its_sessions_end_in_one_action(world: World, there: OpenId) -> None:
    """UP-6: those that it opened, with their apps, and no other."""
    add_provider(world, there)
    browser = newcomer(world, there)
    other = world.signed_in(world.add_user())
    with world.writing() as db:
        assert ending.end_sessions(db, world.issuer, "there", by=SYSTEM) == 1
    assert browser.open("/account").page.heading.startswith("Sign in")
    assert other.open("/account").url.endswith("/account")


def test_a_change_holds_at_once_and_a_trip_under_way_ends_as_it_began(world: World, there: OpenId) -> None:
    provider = add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    change(world, provider, title="Renamed")
    assert "Renamed" in world.browser().open("/login").page.words
    assert "New here" in back(browser, there, asked).page.heading


@pytest.mark.parametrize("status", ["draft", "disabled"])
def test_one_that_is_not_in_use_is_not_offered(world: World, there: OpenId, status: str) -> None:
    add_provider(world, there, status="draft")
    if status != "draft":
        switch(world, "there", status)
    browser = world.browser()
    visit = browser.open("/login")
    assert not any("There" in button.words for form in visit.page.forms for button in form.buttons)
    form = visit.page.forms[0]
    reply = browser.submit(form, {"username": "x"}, next(iter(form.buttons)))
    assert reply.status == 200
    assert sum(there.asked.values()) == 0


def test_claims_reach_apps_by_their_scopes(world: World, there: OpenId) -> None:
    """The scope eduperson gives principal name, scoped affiliation and home organisation."""
    rules = {
        "attributes": {
            "eduperson_principal_name": "eppn",
            "eduperson_scoped_affiliation": "affiliations",
            "schac_home_organization": "home",
        }
    }
    add_provider(world, there, rules=rules)
    there.person |= {"eppn": "ada@uni.example", "affiliations": ["member@uni.example"], "home": "uni.example"}
    browser = newcomer(world, there)
    web = world.add_client("web", first_party=True, scope="openid eduperson")
    tokens = sign_in(browser, web, NOBODY)
    told = web.userinfo(tokens.access_token)
    assert told["eduperson_principal_name"] == "ada@uni.example"
    assert told["eduperson_scoped_affiliation"] == ["member@uni.example"]
    assert told["schac_home_organization"] == "uni.example"
    there.person.pop("home")
    again = world.browser()
    again.open("/login")
    through(again, there)
    assert "schac_home_organization" not in web.userinfo(sign_in(again, web, NOBODY).access_token)
