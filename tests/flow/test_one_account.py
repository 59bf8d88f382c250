"""An admin joins the two accounts of one person: seen before it is done, and nothing of the other goes on."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.agent import Browser
from tests.flow.admin import admin
from tests.flow.login import count, enter, rows
from tests.flow.providers import add_provider, press, switch, through
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, Person, RelyingParty, Tokens, sign_in
from tests.peers.openid import OpenId

NOBODY = Person(email="", password="")
LIVE = "ended_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Ada with a password, and the account that she made a second time by her university."""

    ada: Resident
    other: str
    web: RelyingParty
    tokens: Tokens
    there: OpenId

    def url(self, stays: str = "") -> str:
        return f"/users/{stays or self.ada.id}/join"


@pytest.fixture
def pair(world: World) -> Iterator[Pair]:
    there = OpenId.on_loopback(world.clock.now)
    world.add_group("staff")
    add_provider(world, there, rules={"groups": {"uni": "staff"}})
    there.person["groups"] = ["uni"]
    ada = world.add_user()
    web = world.add_client("web", first_party=True, scope="openid profile offline_access")
    sign_in(world.browser(), web, ada)
    browser = world.browser()
    browser.open("/login")
    through(browser, there)
    press(browser, "Make my account", {"email": ""})
    tokens = sign_in(browser, web, NOBODY)
    ((other,),) = rows(world, "SELECT user_id FROM upstream_links")
    yield Pair(ada=ada, other=other, web=web, tokens=tokens, there=there)
    there.close()


def by_provider(world: World, pair: Pair) -> Browser:
    browser = world.browser()
    browser.open("/login")
    through(browser, pair.there)
    return browser


def test_it_is_shown_before_it_is_done(world: World, pair: Pair) -> None:
    """ID-2: which sub stays, which apps know the other one, which links move; and nothing happens yet."""
    reply = admin(world, "auditor").post(f"{pair.url()}/preview", {"account": pair.other})
    assert reply.status == 200, reply.text
    plan = reply.json()
    assert plan["sub"] == pair.ada.subject
    assert plan["sub_gone"] == pair.tokens.claims["sub"]
    assert plan["apps"] == [{"client_id": "web", "name": "Web", "knows_both": True}]
    assert plan["links"] == [{"provider": "there", "identity": "Ada Lovelace"}]
    assert plan["sessions"] == 1
    assert plan["groups"] == [], "what came by the link comes with the link"
    assert count(world, "users", "status = 'active'") == 2
    assert count(world, "upstream_links", f"user_id = '{pair.ada.id}'") == 0


def test_links_move_and_everything_else_of_the_other_ends(world: World, pair: Pair) -> None:
    """UP-1, SS-3, RT-9: either way leads to the one account from then on, offline tokens of the other are dead."""
    helper = admin(world, "admin")
    etag = helper.post(f"{pair.url()}/preview", {"account": pair.other}).header("ETag")
    reply = helper.send("POST", pair.url(), {"account": pair.other}, etag=etag)
    assert reply.status == 200, reply.text
    with pytest.raises(OAuthError, match="invalid_grant"):
        pair.web.refresh(pair.tokens)
    assert pair.web.introspect(pair.tokens.access_token) == {"active": False}
    assert count(world, "sso_sessions", f"{LIVE} AND user_id = '{pair.other}'") == 0
    assert count(world, "sso_sessions", f"{LIVE} AND user_id = '{pair.ada.id}'") == 1, "hers goes on"
    tokens = sign_in(by_provider(world, pair), pair.web, NOBODY)
    assert tokens.claims["sub"] == pair.ada.subject
    members = rows(world, "SELECT user_id FROM memberships")
    assert members == [(pair.ada.id,)], "what comes by the link came with its next sign-in"
    (event,) = world.events("accounts_joined")
    assert (event.subject, event.data["gone"]) == (pair.ada.id, pair.other)
    assert (event.data["sub"], event.data["sub_gone"]) == (pair.ada.subject, pair.tokens.claims["sub"])
    assert event.data["clients"] == ["web"]
    assert event.actor.startswith("api_token:")
    assert rows(world, "SELECT status FROM users WHERE id = :id", id=pair.other) == [("deleted",)]


def test_the_one_that_stays_gets_what_it_lacks(world: World, pair: Pair) -> None:
    """The account of the provider stays: it had no address, and gets hers with her groups, not her password."""
    world.add_group("own", pair.ada)
    reply = admin(world, "owner").send("POST", pair.url(pair.other), {"account": pair.ada.id}, etag="*")
    assert reply.status == 200, reply.text
    assert (reply.json()["email"], reply.json()["groups"]) == (pair.ada.email, ["own"])
    assert "password" in reply.json()["lost"]
    found = admin(world).get(f"/users/{pair.other}").json()
    assert (found["email"], found["email_verified"], found["password"]["set"]) == (
        pair.ada.email,
        True,
        False,
    )
    assert found["groups"] == ["own", "staff"]


def test_an_address_or_link_that_moved_tells_its_owner(world: World, pair: Pair) -> None:
    """PW-9: a new way in is told by mail to whoever has the account."""
    admin(world).send("POST", pair.url(), {"account": pair.other}, etag="*")
    assert [mail.template for mail in world.mails(pair.ada.email)] == ["factor_added"]
    (mail,) = world.mails(pair.ada.email)
    assert mail.written is not None
    assert "there: Ada Lovelace" in " ".join(mail.written.text.split())


# (id, who asks, what is so, the status)
REFUSED = ("same", "locked", "role", "rank", "stale", "gone", "no-etag", "auditor")


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_let_somebody_in_by_joining_is_refused(world: World, pair: Pair, case: str) -> None:
    """AD-1: nobody who is kept out comes back by it, no role goes along, and nobody reaches above them."""
    helper, goes, stays, etag, status = admin(world, "admin"), pair.other, pair.ada.id, "*", 409
    boss = world.add_user("owner@example.org", role="owner")
    match case:
        case "same":
            goes = stays
        case "locked":
            assert admin(world).post(f"/users/{goes}/lock").status == 200
        case "role":
            goes = boss.id
        case "rank":
            stays, status = boss.id, 403
        case "stale":
            etag, status = '"77"', 412
        case "gone":
            goes, status = "nobody", 404
        case "no-etag":
            etag, status = "", 428
        case _:
            helper, status = admin(world, "auditor"), 403
    reply = helper.send("POST", pair.url(stays), {"account": goes}, etag=etag or None)
    assert reply.status == status, reply.text
    assert world.events("accounts_joined") == []
    assert count(world, "users", "status = 'deleted'") == 0
    assert rows(world, "SELECT user_id FROM upstream_links") == [(pair.other,)]


def test_whoever_signs_in_meanwhile_does_not_keep_the_one_that_goes(world: World, pair: Pair) -> None:
    """A sign-in under way when the two are joined ends at the account that stays, or nowhere."""
    browser = by_provider(world, pair)
    again = world.browser()
    again.open("/login")
    admin(world).send("POST", pair.url(), {"account": pair.other}, etag="*")
    assert browser.open("/account").page.heading == "Sign in"
    assert through(again, pair.there).url.endswith("/account")
    found = rows(world, "SELECT user_id FROM sso_sessions WHERE ended_at IS NULL ORDER BY created_at DESC")
    assert found[0] == (pair.ada.id,)
    switch(world, "there", "disabled")
    assert enter(world, pair.ada).open("/account").page.heading == "Profile"
