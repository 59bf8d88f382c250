"""Signing in by a directory, with name and password on our own page; and being looked up again afterwards."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from authserver.login.recheck import recheck
from authserver.upstream.provider import Provider
from tests.agent import Browser, Visit
from tests.flow.apps import answer, app_of
from tests.flow.login import count, fill, rows
from tests.flow.providers import add_provider, press, switch
from tests.flow.world import PASSWORD as OWN_PASSWORD
from tests.flow.world import Resident, World
from tests.interop.tree import PASSWORD, person
from tests.oidc import OAuthError, RelyingParty, Tokens
from tests.peers.ldap import BASE, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap

LIVE = "ended_at IS NULL"
TITLE = "Staff directory"


@pytest.fixture
def staff(world: World, directory: Ldap) -> Provider:
    return added(world, directory)


@pytest.fixture
def web(world: World) -> RelyingParty:
    return world.add_client("web", first_party=True, scope="openid profile email groups offline_access")


def added(world: World, directory: Ldap, slug: str = "staff", **given: Any) -> Provider:
    config = {
        "servers": [directory.tls_url],
        "ca": directory.authority,
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "base_dn": BASE,
        "groups_attribute": "memberOf",
        **given.pop("config", {}),
    }
    return add_provider(world, None, slug, kind="ldap", title=TITLE, config=config, **given)


def enter(browser: Browser, name: str, password: str = PASSWORD, title: str = TITLE) -> Visit:
    return press(browser, title, {"username": name, "password": password})


def begun(world: World) -> Browser:
    browser = world.browser()
    browser.open("/login")
    return browser


def newcomer(world: World, name: str) -> Browser:
    browser = begun(world)
    visit = enter(browser, name)
    assert "account" in visit.page.heading, visit.page.words
    press(browser, "Make my account", {"email": ""})
    return browser


def signed_in(world: World, web: RelyingParty, browser: Browser, name: str) -> Tokens:
    request = web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    visit = enter(browser, name)
    if visit.left_for is None:
        visit = press(browser, "Make my account", {"email": ""})
    return web.redeem(request, web.returned(request, visit.left_for or "")["code"])


def test_somebody_signs_in_and_the_app_is_told_what_was_shown(
    world: World, staff: Provider, web: RelyingParty
) -> None:
    """LD-4, LD-6, ID-4: a directory's password is one, typed here: amr is pwd; the second time nobody asks anything."""
    first = signed_in(world, web, world.browser(), "ada")
    assert (first.claims["amr"], first.claims["acr"]) == (["pwd"], "pwd")
    assert first.claims["auth_time"] == int(world.clock.now())
    again = signed_in(world, web, world.browser(), "ADA")
    assert again.claims["sub"] == first.claims["sub"]
    assert count(world, "users") == 1
    assert web.userinfo(again.access_token)["name"] == "Ada Lovelace"


def test_groups_there_put_somebody_in_groups_here(world: World, directory: Ldap, web: RelyingParty) -> None:
    """UP-8: by their full names, exactly as the directory writes them."""
    world.add_group("staff")
    added(world, directory, rules={"groups": {f"cn=staff,ou=groups,{BASE}": "staff"}})
    tokens = signed_in(world, web, world.browser(), "ada")
    assert web.userinfo(tokens.access_token)["groups"] == ["staff"]


def test_a_second_step_is_asked_after_a_directory_too(
    world: World, staff: Provider, web: RelyingParty
) -> None:
    """UP-7: and then amr says both."""
    newcomer(world, "ada")
    ((user_id,),) = rows(world, "SELECT id FROM users")
    app = app_of(world, Resident(email="", password="", id=user_id, subject=""))
    request = web.begin()
    browser = world.browser()
    browser.open(request.url, initiator=web.redirect_uri)
    visit = enter(browser, "ada")
    assert "code" in visit.page.heading.lower()
    visit = answer(browser, app.code())
    claims = web.redeem(request, web.returned(request, visit.left_for or "")["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")


def test_one_source_is_asked_and_never_another_after_it(world: World, staff: Provider) -> None:
    """LD-4: the same name here and there; each password opens its own door alone."""
    world.add_user("ada@example.org", OWN_PASSWORD + " here", username="ada")
    browser = begun(world)
    visit = enter(browser, "ada", OWN_PASSWORD + " here")
    assert "do not fit together" in visit.page.words
    browser = begun(world)
    visit = fill(browser, "ada", PASSWORD)
    assert "do not fit together" in visit.page.words
    assert count(world, "sso_sessions") == count(world, "upstream_links") == 0
    # What was wrong there does not count here, nor the other way round.
    assert fill(begun(world), "ada", OWN_PASSWORD + " here").url.endswith("/account")


def test_a_typed_domain_chooses_the_directory_before_anything_is_looked_up(
    world: World, directory: Ldap
) -> None:
    """LD-4: by rule; without a password it is asked for, and nothing counts."""
    added(world, directory, rules={"domains": ["example.org"]}, config={"user_filter": "(mail={username})"})
    browser = begun(world)
    visit = fill(browser, "ada@example.org", "")
    assert "Password" in visit.page.words
    assert count(world, "failures") == 0
    visit = fill(browser, "ada@example.org", PASSWORD)
    assert "account" in visit.page.heading
    assert world.events("sign_in_failed") == []


WRONG = [
    ("wrong", "ada", "wrong"),
    ("unknown", "nobody", PASSWORD),
    ("two-of-them", "*", PASSWORD),
    ("filter", "ada)(uid=*", PASSWORD),
    ("spaces", "ada", "   "),
    ("long", "ada", "x" * 2000),
    ("unseen", "a\u00adda", PASSWORD),
    ("directory-itself", SERVICE, SERVICE_PASSWORD),
]


@pytest.mark.parametrize(("name", "password"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_whatever_is_wrong_reads_the_same(world: World, staff: Provider, name: str, password: str) -> None:
    """LD-1, LD-2, LD-7: to the person; the audit has the reason, and never what was typed."""
    browser = begun(world)
    visit = enter(browser, name, password)
    assert visit.status == 200
    assert "do not fit together" in visit.page.words
    (event,) = world.events("sign_in_failed")
    assert event.data["reason"].startswith("staff: ")
    assert password.strip()[:200] not in str(event.data) or not password.strip()
    assert count(world, "sso_sessions") == 0


def test_three_wrong_tries_in_a_quarter_of_an_hour_and_the_directory_is_not_asked(
    world: World, staff: Provider, directory: Ldap
) -> None:
    """LD-4: below the directory's own lock, in every spelling of the name; later it is open again."""
    browser = begun(world)
    for name in ("bob", " BOB", "\uff22ob"):
        assert "do not fit together" in enter(browser, name, "wrong").page.words
    for name in ("bob", "Bob "):
        visit = enter(browser, name)
        assert visit.status == 429, "also with the right password"
        assert "Try again in" in visit.page.words
    world.clock.advance(minutes=15, seconds=1)
    assert "account" in enter(browser, "bob").page.heading


@pytest.mark.parametrize(
    ("name", "says"),
    [("disabled", "disabled"), ("held", "disabled"), ("ended", "expired"), ("shadow", "expired")],
)
def test_a_closed_account_is_told_so_on_the_page(world: World, staff: Provider, name: str, says: str) -> None:
    """LD-5, LD-7: in a clear sentence, with the right password alone; and it does not count."""
    browser = begun(world)
    for _ in range(4):
        visit = enter(browser, name)
        assert visit.status == 200
        assert f"{says} there" in visit.page.words
    assert count(world, "failures") == 0
    assert says not in enter(browser, name, "wrong").page.words


def test_a_directory_that_is_away_says_so_and_leaves_other_ways(
    world: World, staff: Provider, directory: Ldap
) -> None:
    """OI-6, LD-7, UP-12: it counts against nobody, other ways stay, and after five failures nobody waits for it."""
    ada = world.add_user()
    browser = begun(world)
    directory.stop()
    try:
        for _ in range(5):
            visit = enter(browser, "ada", "wrong")
            assert "cannot be reached" in visit.page.words, visit.page.words
        visit = enter(browser, "ada", "wrong")
        assert "cannot be reached right now" in visit.page.words
    finally:
        directory.start()
    assert count(world, "failures") == 0
    assert [event.data["provider"] for event in world.events("provider_down")] == ["staff"] * 6
    assert fill(browser, ada.email, ada.password).url.endswith("/account")


def test_a_silent_directory_costs_nobody_else_anything(world: World, directory: Ldap) -> None:
    """LD-4, UP-12: it accepts and says nothing; after its time there is a page with other ways."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        added(world, directory, config={"servers": [f"ldap://127.0.0.1:{port}"]})
        visit = enter(begun(world), "ada")
    assert visit.status == 200
    assert "cannot be reached" in visit.page.words


def test_a_directory_that_is_switched_off_takes_nobody_in(world: World, staff: Provider) -> None:
    """UP-6: also who was right a moment before."""
    browser = begun(world)
    enter(browser, "ada")
    switch(world, "staff", "disabled")
    visit = press(browser, "Make my account", {"email": ""})
    assert "switched off" in visit.page.words
    assert count(world, "users") == 0


def test_a_right_password_is_good_in_the_browser_that_typed_it(world: World, staff: Provider) -> None:
    """UP-3, CVE-17: the address of the next page opens nothing elsewhere."""
    browser, thief = begun(world), begun(world)
    visit = enter(browser, "ada")
    assert "Make my account" not in thief.open(visit.url).page.words
    press(browser, "Make my account", {"email": ""})
    assert count(world, "sso_sessions", LIVE) == 1


@pytest.fixture
def leaver(world: World, directory: Ldap) -> Iterator[str]:
    directory.add(person("leaver"))
    yield "leaver"
    directory.modify(f"dn: uid=leaver,{PEOPLE}\nchangetype: delete\n")


def test_whoever_is_closed_there_is_signed_out_here_with_all_apps(
    world: World, staff: Provider, web: RelyingParty, directory: Ldap, leaver: str
) -> None:
    """LD-5: by a job, and never when a token is asked for: offline tokens as well, and nobody else's."""
    browser, other = world.browser(), newcomer(world, "ada")
    tokens = signed_in(world, web, browser, leaver)
    assert recheck(world.issuer) == 0
    lock = "add: userAccountControl\nuserAccountControl: 514"
    directory.modify(f"dn: uid=leaver,{PEOPLE}\nchangetype: modify\n{lock}\n")
    tokens = web.refresh(tokens)
    assert recheck(world.issuer) == 1
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert browser.open("/account").page.heading == "Sign in"
    assert other.open("/account").page.heading == "Profile"
    assert [event.data["reason"] for event in world.events("session_ended")] == ["directory_closed"]
    assert recheck(world.issuer) == 0, "once"


def test_whoever_left_there_keeps_nothing_that_was_signed_out_of_before(
    world: World, staff: Provider, web: RelyingParty, directory: Ldap
) -> None:
    """LD-5: an entry that is gone; its offline tokens outlived the session, and end now."""
    directory.add(person("gone"))
    browser = world.browser()
    tokens = signed_in(world, web, browser, "gone")
    browser.open("/logout")
    press(browser, "Sign out")
    tokens = web.refresh(tokens)
    directory.modify(f"dn: uid=gone,{PEOPLE}\nchangetype: delete\n")
    assert recheck(world.issuer) == 1
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)


def test_a_directory_that_does_not_answer_signs_nobody_out(
    world: World, staff: Provider, directory: Ldap
) -> None:
    """LD-5: no answer is no word on anybody."""
    browser = newcomer(world, "ada")
    directory.stop()
    try:
        assert recheck(world.issuer) == 0
    finally:
        directory.start()
    assert browser.open("/account").page.heading == "Profile"


def test_a_trial_shows_what_a_draft_directory_says(world: World, directory: Ldap) -> None:
    """AD-7: nothing is made; wrong ones are told why, since only an admin reads it."""
    world.add_group("staff")
    group = f"cn=staff,ou=groups,{BASE}"
    added(world, directory, status="draft", rules={"groups": {group: "staff"}})
    boss = world.signed_in(world.add_user("boss@example.org", role="owner"))
    visit = boss.open("/login/upstream/staff/trial")
    form = visit.page.form("Begin the trial")
    visit = boss.submit(form, {"username": "ada", "password": PASSWORD})
    assert "Ada Lovelace" in visit.page.words, visit.page.words
    assert re.search(rf"{re.escape(group)}\s*staff", visit.page.words)
    assert "amr pwd, acr pwd" in visit.page.words
    assert PASSWORD not in visit.reply.text
    visit = boss.submit(form, {"username": "disabled", "password": PASSWORD})
    assert "userAccountControl" in visit.page.words
    assert (count(world, "users"), count(world, "upstream_links")) == (1, 0)
    assert TITLE not in begun(world).open("/login").page.words
    stranger = world.signed_in(world.add_user("eve@example.org"))
    assert stranger.open("/login/upstream/staff/trial").status == 404


def test_a_referral_leads_into_no_trap(world: World, directory: Ldap, tmp_path: Path) -> None:
    """LD-4: neither name nor password is carried to where an entry points."""
    with closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.settimeout(0.05)
        port = trap.getsockname()[1]
        directory.add(
            f"dn: ou=trap{port},{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\n"
            f"ou: trap{port}\nref: ldap://127.0.0.1:{port}/ou=trap,{BASE}\n"
        )
        added(world, directory)
        enter(begun(world), "ada")
        enter(begun(world), "nobody")
        added(world, directory, "trapped", config={"base_dn": f"ou=trap{port},{BASE}"})
        switch(world, "staff", "disabled")
        assert "cannot be reached" in enter(begun(world), "ada").page.words
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_directorys_own_domain_speaks_for_its_addresses_where_an_admin_says_so(
    world: World, directory: Ldap
) -> None:
    """UP-2: it cannot say verified; the address links only if its domain is listed, and not for admins."""
    ada = world.add_user("ada@example.org")
    trusted = {"trusted_email": True, "auto_link": True}
    added(world, directory, rules={**trusted, "domains": ["else.example"]})
    assert "account" in enter(begun(world), "ada").page.heading
    added(world, directory, "second", rules={**trusted, "domains": ["example.org"]})
    switch(world, "staff", "disabled")
    assert enter(begun(world), "ada").url.endswith("/account")
    assert rows(world, "SELECT user_id FROM upstream_links") == [(ada.id,)]
