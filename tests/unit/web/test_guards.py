"""Every route demands something, and gets it."""

import re

import pytest
from flask import Blueprint

from authserver.web.edge import ROUTES
from authserver.web.guards import Demand, Guard, Row, demands, table
from tests.flow.world import World

FILLED = {"/setup/<ticket>": "/setup/x.y", "/login/<step>": "/login/password"}


def rows(world: World) -> list[Row]:
    return list(table(world.app.flask))


def address(row: Row) -> str:
    return FILLED.get(row.path) or re.sub(r"<[^>]*>", "x", row.path)


def test_no_route_is_without_a_demand(world: World) -> None:
    """AD-1: a route without a guard would be a hole."""
    assert [row.path for row in rows(world) if row.demand is None] == []


def test_a_route_that_changes_something_says_who_may(world: World) -> None:
    """WEB-2: no route takes a POST as OPEN; machine routes are the edge's own rows."""
    wrong = [row for row in rows(world) if row.methods - {"GET"} and row.demand == Demand(guard=Guard.OPEN)]
    assert wrong == []
    machine = ("/oauth/", "/.well-known/", "/healthz", "/readyz", "/api/login", "/api/session/")
    assert all(path.startswith(machine) for path in ROUTES)


def test_no_page_hides_behind_the_edge(world: World) -> None:
    """One address is answered in one place."""
    assert not {row.path for row in rows(world)} & set(ROUTES)


def test_routes_that_change_something_want_their_token(world: World) -> None:
    """WEB-2: login, consent, logout and all others, one by one."""
    tried = 0
    for row in rows(world):
        if "POST" in row.methods and row.demand and row.demand.guard is Guard.BROWSER_POST:
            assert world.post(address(row), {"a": "b"}).status == 403, row
            tried += 1
    assert tried


def test_pages_for_somebody_send_everybody_else_to_sign_in(world: World) -> None:
    """LO-7, AD-1: without a session, an account page is a way to the sign-in and back."""
    for row in rows(world):
        if row.demand and row.demand.guard in {Guard.SESSION, Guard.FRESH}:
            for method in row.methods:
                reply = world.post(address(row), {}) if method == "POST" else world.get(address(row))
                assert (reply.status, (reply.location or "").partition("?")[0]) == (
                    303,
                    f"{world.url}/login",
                ), row


def test_the_admin_api_is_closed_to_whoever_shows_no_token(world: World) -> None:
    """AD-1: an owner's session opens nothing there; every route wants a token, and names role and scope."""
    owner = world.signed_in(world.add_user(role="owner"))
    cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in owner.jar.cookies.values())}
    tried = 0
    for row in rows(world):
        if row.path.startswith("/api/admin"):
            assert row.demand is not None
            assert row.demand.guard is Guard.ADMIN, row
            assert row.demand.role, row
            for method in row.methods:
                reply = world.send(method, world.url + address(row), cookies, None)
                assert (reply.status, bool(reply.header("WWW-Authenticate"))) == (401, True), row
                tried += 1
    assert tried


def test_a_view_that_demands_nothing_is_not_served(world: World) -> None:
    """A forgotten demand closes the route; it never opens it."""
    hole = Blueprint("hole", __name__)
    hole.add_url_rule("/hole", "hole", lambda: "secret")
    world.app.flask.register_blueprint(hole)
    reply = world.get("/hole")
    assert reply.status == 500
    assert "secret" not in reply.text


@pytest.fixture
def fresh(world: World) -> World:
    views = Blueprint("fresh", __name__)

    def changed() -> str:
        return "changed"

    views.add_url_rule("/fresh", "fresh", demands(Guard.FRESH)(changed))
    world.app.flask.register_blueprint(views)
    return world


def test_what_matters_asks_for_a_fresh_sign_in(fresh: World) -> None:
    """SS-8: five minutes after the sign-in the person proves again who they are, and comes back."""
    browser = fresh.signed_in(fresh.add_user())
    assert browser.open("/fresh?a=b").reply.text == "changed"
    fresh.clock.advance(minutes=5, seconds=1)
    trail = browser.open("/fresh?a=b").trail
    assert trail[0].location == f"{fresh.url}/account/fresh?return_to=%2Ffresh%3Fa%3Db"


def test_a_session_that_ended_demands_a_new_one(fresh: World) -> None:
    """SS-3: what ended is nobody's session, from the next request on."""
    browser = fresh.signed_in(fresh.add_user())
    fresh.clock.advance(minutes=10, seconds=1)
    assert browser.open("/fresh").trail[0].location == f"{fresh.url}/login?return_to=%2Ffresh"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/nothing", "text/html"), ("/login/", "text/html"), ("/login//password", "text/html"), ("/LOGIN", "text/html"),
        ("/oauth/nothing", "application/json"), ("/oauth/token/", "application/json"),
        ("/oauth//token", "application/json"), ("/OAuth/token", "text/html"), ("/oauth%2Ftoken", None),
        ("/api/nothing", "application/json"), ("/.well-known/nothing", "application/json"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_in_the_language_of_who_asks(
    world: World, path: str, kind: str | None
) -> None:
    """Unknown addresses are our pages for people and JSON for programs; a near miss is a miss."""
    reply = world.get(path)
    if kind is None:
        assert reply.status in {404, 405}
        return
    assert reply.status == 404
    assert (reply.header("Content-Type") or "").partition(";")[0] == kind


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_another_method_is_405_with_what_is_allowed(world: World, method: str) -> None:
    reply = world.send(method, f"{world.url}/robots.txt", {}, None)
    assert reply.status == 405
    assert set((reply.header("Allow") or "").split(", ")) == {"GET", "HEAD", "OPTIONS"}
