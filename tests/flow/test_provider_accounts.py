"""From an identity elsewhere to an account here: by its link, by proof of both, and never by an address alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from authserver.audit import SYSTEM
from authserver.groups import edit as groups
from authserver.users import edit as users
from tests.agent import Browser
from tests.flow.apps import answer, app_of, to_second_step
from tests.flow.login import count, enter, fill, fill_password, rows
from tests.flow.providers import add_provider, back, change, leave, press, switch, through
from tests.flow.world import Resident, World
from tests.oidc import Person, sign_in
from tests.peers.openid import OpenId

NOBODY = Person(email="", password="")


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def arrive(world: World, there: OpenId) -> Browser:
    """Somebody whom nobody here knows, before the question whether they are new."""
    browser = world.browser()
    browser.open("/login")
    visit = through(browser, there)
    assert "account" in visit.page.heading, visit.page.words
    return browser


def linked(world: World) -> list[tuple[Any, ...]]:
    return rows(world, "SELECT user_id, subject FROM upstream_links ORDER BY subject")


def test_an_account_is_joined_by_proof_of_both(world: World, there: OpenId) -> None:
    """UP-2, UP-5: signed in there, then here, then both names on one page; from then on either way leads in."""
    add_provider(world, there)
    ada = world.add_user()
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    through(browser, there)
    press(browser, "Sign in and connect it")
    visit = fill(browser, ada.email, ada.password)
    assert visit.page.heading == "Connect the two?"
    assert ada.email in visit.page.words
    assert "Ada Lovelace" in visit.page.words
    assert linked(world) == []
    visit = press(browser, "Connect them")
    web.redeem(request, web.returned(request, visit.left_for or "")["code"])
    assert linked(world) == [(ada.id, "s1")]
    again = world.browser()
    again.open("/login")
    assert through(again, there).url.endswith("/account")
    assert count(world, "users") == 1


def test_saying_no_keeps_them_apart_and_goes_on(world: World, there: OpenId) -> None:
    """CVE-6: what was proved is worth nothing after that."""
    add_provider(world, there)
    ada = world.add_user()
    browser = arrive(world, there)
    press(browser, "Sign in and connect it")
    visit = fill(browser, ada.email, ada.password)
    at = visit.url
    form = visit.page.forms[0]
    assert press(browser, "Keep them apart").url.endswith("/account")
    assert linked(world) == []
    browser.open(at)
    browser.submit(form, button=form.button("Connect them"))
    assert linked(world) == []


def test_the_proof_is_for_the_account_that_was_proved_in_this_login(world: World, there: OpenId) -> None:
    """CVE-6, CVE-16: another account, signed in to in the same browser otherwise, is not joined."""
    add_provider(world, there)
    ada, eve = world.add_user(), world.add_user("eve@example.org")
    browser = arrive(world, there)
    press(browser, "Sign in and connect it")
    visit = fill(browser, ada.email, ada.password)
    join_page, form = visit.url, visit.page.forms[0]
    world.signed_in(eve, browser)
    visit = browser.open(join_page)
    assert "Connect" not in visit.page.heading
    browser.submit(form, button=form.button("Connect them"))
    assert linked(world) == []


def test_joining_needs_the_second_factor_of_the_account(world: World, there: OpenId) -> None:
    """UP-2: password and 2FA, before anything is joined."""
    add_provider(world, there)
    ada = world.add_user()
    app = app_of(world, ada)
    browser = arrive(world, there)
    press(browser, "Sign in and connect it")
    visit = fill(browser, ada.email, ada.password)
    assert "code" in visit.page.heading.lower()
    browser.open(f"/login/join?tx={'0' * 32}")
    assert linked(world) == []
    browser.at = visit
    visit = answer(browser, app.code())
    assert visit.page.heading == "Connect the two?"


def test_joining_asks_for_a_proof_that_is_fresh(world: World, there: OpenId) -> None:
    """UP-5, PW-9: a session that is open anyway, and the choice to go on in it, prove nothing."""
    add_provider(world, there)
    ada = world.add_user()
    browser = enter(world, ada)
    world.clock.advance(minutes=6)
    browser.open(world.add_client("web", first_party=True).begin(prompt="select_account").url)
    press(browser, "another account")
    through(browser, there)
    visit = press(browser, "Sign in and connect it")
    form = visit.page.forms[0]
    form.action = "/login/account"
    form.inputs.append(type(form.inputs[0])(name="choice", kind="hidden", value="continue"))
    visit = browser.submit(form)
    assert visit.page.heading != "Connect the two?", visit.url
    assert "password" in visit.page.words.lower()
    visit = fill_password(browser, "", ada.password)
    assert visit.page.heading == "Connect the two?"


def test_a_trusted_device_does_not_join(world: World, there: OpenId) -> None:
    """SU-5, UP-2: it saves a sign-in the second step, and a change of the account never."""
    add_provider(world, there)
    ada = world.add_user()
    app = app_of(world, ada)
    browser = to_second_step(world, ada)
    assert browser.at
    browser.submit(browser.at.page.form("Continue"), {"code": app.code(), "trust": "yes"})
    for key in [key for key in browser.jar.cookies if key[-1] == "as_session"]:
        del browser.jar.cookies[key]
    world.clock.advance(minutes=1)
    browser.open("/login")
    through(browser, there)
    press(browser, "Sign in and connect it")
    visit = fill(browser, ada.email, ada.password)
    assert visit.page.heading != "Connect the two?", visit.page.words
    fill_password(browser, "", ada.password)
    assert answer(browser, app.code()).page.heading == "Connect the two?"


def test_a_device_gives_way_to_somebody_who_signed_in_there_long_ago(world: World, there: OpenId) -> None:
    """SS-5: the five minutes of the choice begin when they came back."""
    add_provider(world, there)
    browser = arrive(world, there)
    press(browser, "Make my account")
    world.set(max_sessions=1)
    there.signed_in_ago = 3600
    other = world.browser()
    other.open("/login")
    visit = through(other, there)
    assert "/login/takeover" in visit.url, visit.page.words[:300]
    ((session,),) = rows(world, "SELECT id FROM sso_sessions WHERE ended_at IS NULL")
    form = visit.page.forms[0]
    assert other.submit(form, {"session": session}).url.endswith("/account")
    assert count(world, "sso_sessions", "ended_at IS NULL") == 1


def test_a_word_on_another_address_verifies_none(world: World, there: OpenId) -> None:
    """UP-2, OI-7: what userinfo says of its address says nothing of the one in the ID token."""
    ada = world.add_user()
    add_provider(world, there, rules=AUTO, config={"userinfo": True})
    there.person |= {"email": ada.email}
    there.userinfo = {"sub": "s1", "email": "own@example.net", "email_verified": True}
    arrive(world, there)
    assert linked(world) == []


def test_an_address_links_nobody_by_itself(world: World, there: OpenId) -> None:
    """UP-2, CVE-7, CVE-16: verified on both sides; a victim's address, typed on the way in, is only a claim."""
    ada = world.add_user()
    there.person |= {"email": ada.email, "email_verified": True}
    add_provider(world, there)
    browser = arrive(world, there)
    visit = press(browser, "Make my account", {"email": ada.email})
    ((address, verified),) = rows(
        world, "SELECT address, verified_at FROM user_emails WHERE user_id <> :ada", ada=ada.id
    )
    assert (address, verified) == (ada.email, None), "an address that is merely claimed is never verified"
    assert visit.url.endswith("/account")
    assert linked(world)[0][0] != ada.id


AUTO: dict[str, Any] = {"trusted_email": True, "auto_link": True}
# (what is missing, rules, what the provider says, what the account is)
NOT_LINKED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("not-trusted", {}, {"email_verified": True}, {}),
    ("no-auto-link", {"trusted_email": True}, {"email_verified": True}, {}),
    ("unverified-there", AUTO, {"email_verified": False}, {}),
    ("verified-is-text", AUTO, {"email_verified": "true"}, {}),
    ("verified-is-a-number", AUTO, {"email_verified": 1}, {}),
    ("verified-is-missing", AUTO, {}, {}),
    # An OpenID provider can say it: a domain that leads there does not speak for whoever claims an address of it.
    ("verified-is-missing-in-its-domain", {**AUTO, "domains": ["example.org"]}, {}, {}),
    ("unverified-in-its-domain", {**AUTO, "domains": ["example.org"]}, {"email_verified": False}, {}),
    ("unverified-here", AUTO, {"email_verified": True}, {"email_verified": False}),
    ("an-admin-here", AUTO, {"email_verified": True}, {"role": "admin"}),
    ("another-address", AUTO, {"email_verified": True, "email": "other@example.org"}, {}),
    (
        "another-domain-that-folds-to-it",
        AUTO,
        {"email_verified": True, "email": "ada@stra\N{LATIN SMALL LETTER SHARP S}e.example"},
        {"email": "ada@strasse.example"},
    ),
]


@pytest.mark.parametrize(
    ("rules", "said", "account"), [row[1:] for row in NOT_LINKED], ids=[row[0] for row in NOT_LINKED]
)
def test_an_address_links_only_when_everything_is_so(
    world: World, there: OpenId, rules: dict[str, Any], said: dict[str, Any], account: dict[str, Any]
) -> None:
    """UP-2: each condition alone keeps them apart."""
    ada = world.add_user(**account)
    there.person |= {"email": ada.email, **said}
    add_provider(world, there, rules=rules)
    arrive(world, there)
    assert linked(world) == []


def test_with_every_condition_a_verified_address_links(world: World, there: OpenId) -> None:
    """UP-2: trusted, switched on, verified on both sides, and no admin."""
    ada = world.add_user()
    there.person |= {"email": ada.email.upper(), "email_verified": True}
    add_provider(world, there, rules=AUTO)
    browser = world.browser()
    browser.open("/login")
    assert through(browser, there).url.endswith("/account")
    assert linked(world) == [(ada.id, "s1")]
    assert [event.data["provider"] for event in world.events("provider_linked")] == ["there"]


def test_an_identity_is_named_by_issuer_and_subject(world: World, there: OpenId) -> None:
    """UP-1: the same subject at another provider is somebody else, and so is another subject with one address."""
    other = OpenId.on_loopback(world.clock.now)
    try:
        add_provider(world, there)
        add_provider(world, other, "other")
        press(arrive(world, there), "Make my account", {"email": "a@b.example"})
        browser = world.browser()
        browser.open("/login")
        assert "New here" in through(browser, other, "Other").page.heading
        there.person = {"sub": "s2", "email": "a@b.example"}
        arrive(world, there)
    finally:
        other.close()


@pytest.mark.parametrize(
    ("rules", "said", "makes"),
    [
        ({"accounts": "on"}, {}, True),
        ({"accounts": "off"}, {}, False),
        ({"accounts": "domains", "account_domains": ["uni.example"]}, {"email": "a@uni.example"}, False),
        (
            {"accounts": "domains", "account_domains": ["uni.example"]},
            {"email": "a@Uni.Example", "email_verified": True},
            True,
        ),
        (
            {"accounts": "domains", "account_domains": ["uni.example"]},
            {"email": "a@evil.uni.example", "email_verified": True},
            False,
        ),
        ({"accounts": "domains", "account_domains": ["uni.example"]}, {}, False),
    ],
    ids=["on", "off", "claimed-domain", "verified-domain", "subdomain", "no-address"],
)
def test_who_gets_an_account(
    world: World, there: OpenId, rules: dict[str, Any], said: dict[str, Any], *, makes: bool
) -> None:
    """UP-8: on, off, or for listed domains; a form that nobody was shown makes none either."""
    there.person |= said
    provider = add_provider(world, there)
    browser = arrive(world, there)
    form = browser.at.page.form("Make my account") if browser.at else None
    change(world, provider, rules=rules)
    assert form is not None
    browser.submit(form, {"email": ""})
    assert count(world, "users") == int(makes)
    shown = arrive(world, there) if not makes else None
    if shown and shown.at:
        assert not any("Make my account" in b.words for form in shown.at.page.forms for b in form.buttons)


def test_link_only_lets_in_whoever_linked_before_and_nobody_else(world: World, there: OpenId) -> None:
    """UP-6, CVE-15: also when it is switched while they are on their way."""
    provider = add_provider(world, there)
    browser = arrive(world, there)
    change(world, provider, rules={"link_only": True})
    visit = press(browser, "Make my account")
    assert count(world, "users") == 0
    browser = world.browser()
    browser.open("/login")
    visit = through(browser, there)
    assert "connect it under" in visit.page.words


def test_a_second_factor_is_asked_after_a_provider_too(world: World, there: OpenId) -> None:
    """UP-7, UP-11, CVE-16: amr and acr tell both, mfa only then; a code makes what the provider says no younger."""
    add_provider(world, there)
    press(arrive(world, there), "Make my account")
    ((user_id,),) = rows(world, "SELECT id FROM users")
    app = app_of(world, resident(user_id))
    there.says(acr="mfa", amr=["mfa", "otp"])
    there.signed_in_ago = 600
    browser = world.browser()
    web = world.add_client("web", first_party=True)
    request = web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    visit = through(browser, there)
    assert "code" in visit.page.heading.lower(), "the provider's own word on a second factor is not asked for"
    visit = answer(browser, app.code())
    claims = web.redeem(request, web.returned(request, visit.left_for or "")["code"]).claims
    assert claims["amr"] == ["upstream", "otp", "mfa"]
    assert claims["acr"] == "mfa"
    assert claims["auth_time"] == int(world.clock.now()) - 600


TRUST: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, list[str]]]] = [
    ("acr", {"mfa_acr": ["https://refeds.org/profile/mfa"]}, {"acr": "https://refeds.org/profile/mfa"},
     ("mfa", ["upstream", "mfa"])),
    ("amr", {"mfa_amr": ["mfa"]}, {"amr": ["pwd", "otp", "mfa"]}, ("mfa", ["upstream", "pwd", "otp", "mfa"])),
    ("acr-nearly", {"mfa_acr": ["https://refeds.org/profile/mfa"]}, {"acr": "https://refeds.org/profile/mfa/"},
     ("pwd", ["upstream"])),
    ("nothing-said", {"mfa_acr": ["x"], "mfa_amr": ["mfa"]}, {}, ("pwd", ["upstream"])),
    ("another-amr", {"mfa_amr": ["mfa"]}, {"amr": ["pwd"]}, ("pwd", ["upstream"])),
    ("not-trusted", {}, {"acr": "mfa", "amr": ["mfa"]}, ("pwd", ["upstream"])),
    ("strange-words", {"mfa_amr": ["mfa"]}, {"amr": ["mfa", "admin", "phr"]}, ("mfa", ["upstream", "mfa"])),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "said", "told"), [row[1:] for row in TRUST], ids=[row[0] for row in TRUST])
def test_a_provider_is_trusted_for_second_factors_by_exact_values(
    world: World, there: OpenId, rules: dict[str, Any], said: dict[str, Any], told: tuple[str, list[str]]
) -> None:
    """UP-7, ID-4: what the response says of this sign-in, and nothing near it."""
    add_provider(world, there, rules=rules)
    there.says(**said)
    browser = arrive(world, there)
    press(browser, "Make my account")
    claims = sign_in(browser, world.add_client("web", first_party=True), NOBODY).claims
    assert (claims["acr"], claims["amr"]) == told


def test_a_silent_sign_in_there_is_no_fresh_one_here(world: World, there: OpenId) -> None:
    """UP-11: prompt=login and max_age ask the provider anew, and take nothing that is older than the departure."""
    add_provider(world, there)
    press(arrive(world, there), "Make my account")
    web = world.add_client("web", first_party=True)
    for wish in ({"prompt": "login"}, {"max_age": "3600"}, {"max_age": "0"}):
        browser = world.browser()
        request = web.begin(**wish)
        browser.open(request.url, initiator=web.redirect_uri)
        asked = leave(browser)
        assert (asked["prompt"], asked["max_age"]) == ("login", "0")
        there.signed_in_ago = 61
        visit = back(browser, there, asked)
        assert "remembered an old one" in visit.page.words
        there.signed_in_ago = 0
        there.says(auth_time=None)
        assert "remembered an old one" in back(browser, there, leave(browser)).page.words
        there.says()
        visit = back(browser, there, leave(browser))
        claims = web.redeem(request, web.returned(request, visit.left_for or "")["code"]).claims
        assert claims["auth_time"] == int(world.clock.now())


def test_a_scope_that_takes_a_recent_sign_in_asks_the_provider_anew(world: World, there: OpenId) -> None:
    """UP-11, SU-3, SU-6: the age that a single scope takes counts like one that the app asks for."""
    add_provider(world, there)
    press(arrive(world, there), "Make my account")
    world.add_api("https://vault.example", scopes=[{"name": "vault:open", "required_max_age": 60}])
    web = world.add_client("web", first_party=True, scope="openid vault:open")
    browser, request = world.browser(), web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    there.signed_in_ago = 600
    visit = through(browser, there)
    assert not visit.left_for
    assert "remembered an old one" in visit.page.words
    there.signed_in_ago = 0
    assert "code=" in (through(browser, there).left_for or "")


def test_a_second_factor_there_is_as_old_as_it_is(world: World, there: OpenId) -> None:
    """SU-3, UP-11: one of a month ago is not the one of the last hours that an app demands; the provider asks anew."""
    add_provider(world, there, rules={"mfa_amr": ["mfa"]})
    there.says(amr=["mfa"])
    press(arrive(world, there), "Make my account")
    web = world.add_client("web", first_party=True, required_acr="mfa")
    browser, request = world.browser(), web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    there.signed_in_ago = 20 * 86_400
    visit = through(browser, there)
    assert not visit.left_for
    asked = leave(browser)
    assert asked["prompt"] == "login"
    there.signed_in_ago = 0
    visit = back(browser, there, asked)
    claims = web.redeem(request, web.returned(request, visit.left_for or "")["code"]).claims
    assert (claims["acr"], claims["auth_time"]) == ("mfa", int(world.clock.now()))


def test_a_time_from_the_future_becomes_now(world: World, there: OpenId) -> None:
    """UP-11."""
    add_provider(world, there)
    there.says(auth_time=int(world.clock.now()) + 3600)
    browser = arrive(world, there)
    press(browser, "Make my account")
    claims = sign_in(browser, world.add_client("web", first_party=True), NOBODY).claims
    assert claims["auth_time"] == int(world.clock.now())


def test_a_closed_account_stays_closed(world: World, there: OpenId) -> None:
    add_provider(world, there)
    press(arrive(world, there), "Make my account")
    ((user_id,),) = rows(world, "SELECT id FROM users")
    with world.writing() as db:
        users.lock(db, world.issuer, user_id, by=SYSTEM)
    browser = world.browser()
    browser.open("/login")
    assert "Your account here is closed" in through(browser, there).page.words


def test_somebody_links_and_unlinks_in_their_account_but_keeps_a_way_in(world: World, there: OpenId) -> None:
    """UP-5, UP-10: fresh sign-in, both names, then either way; the last one stays."""
    add_provider(world, there)
    ada = world.add_user()
    browser = enter(world, ada)
    browser.open("/account/factors")
    visit = back(browser, there, leave(browser, "Connect There"))
    assert visit.page.heading == "Connect the two?"
    visit = press(browser, "Connect them")
    assert "You can sign in by it" in visit.page.words
    assert linked(world) == [(ada.id, "s1")]
    browser.open(visit.page.link("Remove…"))
    visit = press(browser, "Disconnect it")
    assert "Disconnected" in visit.page.words
    assert linked(world) == []
    press(arrive(world, there), "Make my account")


def test_the_last_way_in_stays(world: World, there: OpenId) -> None:
    """UP-10: with a provider that is switched off it is no way in either."""
    add_provider(world, there)
    add_provider(world, there, "second")
    browser = arrive(world, there)
    press(browser, "Make my account")
    visit = browser.open("/account/factors")
    assert "Your only way in" in visit.page.words
    ((link,),) = rows(world, "SELECT id FROM upstream_links")
    visit = back(browser, there, leave(browser, "Connect Second"))
    press(browser, "Connect them")
    visit = browser.open(f"/account/links/remove?link={link}")
    form = visit.page.form("Disconnect it")
    switch(world, "second", "disabled")
    assert browser.submit(form).status == 409
    assert count(world, "upstream_links") == 2


def test_an_identity_that_is_linked_is_not_linked_again(world: World, there: OpenId) -> None:
    """UP-1: unique; the other account is told so."""
    add_provider(world, there)
    press(arrive(world, there), "Make my account")
    browser = enter(world, world.add_user())
    browser.open("/account/factors")
    back(browser, there, leave(browser, "Connect There"))
    visit = press(browser, "Connect them")
    assert visit.status == 409
    assert count(world, "upstream_links") == 1


def test_an_account_without_a_password_proves_itself_by_its_provider(world: World, there: OpenId) -> None:
    """PW-9, UP-11: for account changes the provider is asked anew, and must be the account's own."""
    add_provider(world, there)
    browser = arrive(world, there)
    press(browser, "Make my account")
    world.clock.advance(minutes=6)
    visit = browser.open("/account/password")
    assert "Sign in once more" in visit.page.words
    asked = leave(browser)
    assert asked["prompt"] == "login"
    there.person = {"sub": "somebody-else"}
    assert "does not belong to this account" in back(browser, there, asked).page.words
    there.person = {"sub": "s1"}
    assert back(browser, there, leave(browser)).url.endswith("/account/password")


def test_groups_and_roles_follow_by_exact_rules_and_leave_with_the_link(world: World, there: OpenId) -> None:
    """UP-8: never an admin unless a switch says so."""
    world.add_group("staff")
    world.add_group("own")
    rules = {"groups": {"uni-staff": "staff"}}
    provider = add_provider(world, there, rules=rules)
    there.person["groups"] = ["uni-staff", "UNI-STAFF ", "admin", "uni-admins"]
    press(arrive(world, there), "Make my account")
    members = "SELECT g.name FROM memberships m JOIN groups g ON g.id = m.group_id ORDER BY g.name"
    assert rows(world, members) == [("staff",)]
    assert rows(world, "SELECT role FROM users") == [(None,)]
    change(world, provider, rules={"roles": {"uni-admins": "admin"}, "gives_roles": True})
    again(world, there)
    assert rows(world, "SELECT role FROM users") == [("admin",)]
    there.person["groups"] = []
    again(world, there)
    assert rows(world, members) == []
    assert rows(world, "SELECT role FROM users") == [(None,)]


def test_a_group_that_somebody_was_put_in_here_stays(world: World, there: OpenId) -> None:
    world.add_group("staff")
    add_provider(world, there, rules={"groups": {"uni-staff": "staff"}})
    press(arrive(world, there), "Make my account")
    ((user_id,),) = rows(world, "SELECT id FROM users")
    with world.writing() as db:
        groups.add_members(db, world.issuer, "staff", [user_id], by=SYSTEM)
    there.person["groups"] = ["uni-staff"]
    again(world, there)
    there.person["groups"] = []
    again(world, there)
    assert count(world, "memberships") == 1


def test_roles_need_the_switch(world: World, there: OpenId) -> None:
    with pytest.raises(Exception, match="cannot be saved"):
        add_provider(world, there, rules={"roles": {"x": "admin"}})
    with pytest.raises(Exception, match="cannot be saved"):
        add_provider(world, there, rules={"roles": {"x": "owner"}, "gives_roles": True})


def again(world: World, there: OpenId) -> Browser:
    browser = world.browser()
    browser.open("/login")
    assert through(browser, there).url.endswith("/account")
    return browser


def resident(user_id: str) -> Resident:
    return Resident(email="", password="", id=user_id, subject="")  # type: ignore[arg-type]
