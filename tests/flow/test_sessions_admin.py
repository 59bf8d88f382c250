"""Sessions of others: an administrator sees them, ends one or all, and the person is told."""

import pytest

from tests.flow.admin import admin
from tests.flow.login import count, enter
from tests.flow.world import Resident, World
from tests.oidc import OAuthError, sign_in

LIVE = "ended_at IS NULL"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def test_they_are_listed_without_what_the_browser_shows(world: World, ada: Resident) -> None:
    """SS-8: by their sid, with device, network and apps; a cookie's value is nowhere."""
    web, browser = world.add_client("web", first_party=True), world.browser()
    tokens = sign_in(browser, web, ada)
    reply = admin(world, "auditor").get(f"/users/{ada.id}/sessions")
    (found,) = reply.json()["items"]
    assert found["id"] == tokens.claims["sid"]
    assert (found["device"], found["ip"], found["clients"]) == ("Firefox on Linux", world.ip, ["web"])
    assert (found["acr"], found["amr"]) == ("pwd", ["pwd"])
    cookie = browser.jar.get("as_session")
    assert cookie is not None
    assert cookie.value not in reply.text


def test_one_is_ended_and_the_person_is_told(world: World, ada: Resident) -> None:
    """SS-3, SS-8, RT-10: with offline tokens; the others stay."""
    web = world.add_client("web", first_party=True, scope="openid offline_access")
    browser, other = world.browser(), enter(world, ada)
    tokens = sign_in(browser, web, ada)
    helper = admin(world, "support")
    assert helper.delete(f"/sessions/{tokens.claims['sid']}").status == 204
    assert "An administrator ended your sign-in here" in browser.open("/account").page.words
    assert other.open("/account").page.heading != "Sign in"
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert web.introspect(tokens.access_token) == {"active": False}
    assert helper.delete(f"/sessions/{tokens.claims['sid']}").status == 404
    assert helper.delete("/sessions/nothing").status == 404
    event = world.events("session_ended")[-1]
    assert event.actor.startswith("api_token:")
    assert event.data["reason"] == "ended_by_admin"


def test_all_are_ended(world: World, ada: Resident) -> None:
    """SS-7, SS-8."""
    enter(world, ada)
    enter(world, ada)
    assert admin(world, "support").delete(f"/users/{ada.id}/sessions").status == 204
    assert count(world, "sso_sessions", LIVE) == 0


def test_nobody_signs_out_somebody_above_them(world: World) -> None:
    """AD-1: rank decides, as it does for a lock."""
    owner = world.add_user("owner@example.org", role="owner")
    enter(world, owner)
    ((session,),) = world.rows("SELECT id FROM sso_sessions")
    helper = admin(world, "support")
    assert helper.delete(f"/sessions/{session}").status == 403
    assert helper.delete(f"/users/{owner.id}/sessions").status == 403
    assert count(world, "sso_sessions", LIVE) == 1
