"""The parts together: where the app is mounted, what it does while the database is away, how it ends."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authserver.app import create_app
from authserver.web.edge import ROUTES
from authserver.web.guards import Guard, table
from tests.flow.conftest import MakeWorld
from tests.flow.world import HandClock, World
from tests.peers.postgresql import PostgreSQL
from tests.unit.web.test_guards import address


@contextmanager
def database_away(world: World, server: PostgreSQL | None) -> Iterator[None]:
    """The database cannot be reached for as long as this lasts."""
    if server is not None:
        with server.away("immediate"):
            yield
        return
    folder = world.issuer.config.data_dir
    file = folder / "authserver.db"
    world.issuer.database.dispose()
    for left in folder.glob("authserver.db-*"):
        left.unlink()
    file.rename(folder / "kept.db")
    file.mkdir()
    try:
        yield
    finally:
        world.issuer.database.dispose()
        file.rmdir()
        (folder / "kept.db").rename(file)


def test_while_the_database_is_away_every_page_says_so(world: World, store_server: PostgreSQL | None) -> None:
    """OPS-5, OPS-6: 503 with Retry-After and a reference, never 500, never success; afterwards all is as before."""
    paths = [address(row) for row in table(world.app.flask) if "GET" in row.methods]
    before = {path: world.get(path).status for path in paths}
    cookies = {"Cookie": "as_session=" + "a" * 43}
    with database_away(world, store_server):
        world.issuer.revisions.forget()
        asked = {path: world.get(path, cookies) for path in paths}
        refused = {path: reply for path, reply in asked.items() if reply.status >= 500}
        assert {"/", "/login", "/account"} <= set(refused)
        for path, reply in refused.items():
            assert (reply.status, bool(reply.header("Retry-After"))) == (503, True), path
        assert world.post("/oauth/token", {"grant_type": "refresh_token"}).status in {401, 503}
    world.issuer.revisions.forget()
    assert {path: world.get(path).status for path in paths} == before


def test_an_issuer_with_a_path_keeps_to_it(make_world: MakeWorld) -> None:
    """MD-1, MD-2: pages, links, redirects and endpoints are under the issuer's path."""
    world = make_world(issuer="https://id.example/auth")
    home = world.get("/")
    assert home.status == 200
    ours = re.findall(r'(?:href|src|action)="(/[^"]*)"', home.text)
    assert ours
    assert not [part for part in ours if not part.startswith("/auth/")]
    assert (world.get("/account").location or "").startswith("https://id.example/auth/login?")
    assert world.get("/.well-known/openid-configuration").json()["issuer"] == world.url
    assert (
        world.send("GET", "https://id.example/.well-known/oauth-authorization-server/auth", {}, None).status
        == 200
    )


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_every_page_answers_to_head_and_options(world: World, method: str) -> None:
    """T-2: no method is an error of ours."""
    for row in table(world.app.flask):
        if row.demand and row.demand.guard is not Guard.ADMIN:
            reply = world.send(method, world.url + address(row), {}, None)
            assert reply.status < 500, (row, reply.status)
    for path in ROUTES:
        # The clock in the hand differs from the database's, so that readiness is refused.
        assert world.send(method, world.url + path, {}, None).status in {*range(200, 500), 503}, path


def test_two_requests_have_two_ids(world: World) -> None:
    ids = {world.get("/robots.txt").header("X-Request-Id") for _ in range(5)}
    assert len(ids) == 5
    sent = world.get("/robots.txt", {"X-Request-Id": "forged"}).header("X-Request-Id")
    assert sent != "forged"


def test_the_app_is_built_in_a_moment(world: World) -> None:
    """Ready in under a second once installed: building is a small part of it."""
    began = time.process_time()
    create_app(world.issuer.config, clock=HandClock()).close()
    assert time.process_time() - began < 0.25


def test_front_page_knows_who_is_there(world: World) -> None:
    """`/` says that the provider runs, and leads to sign-in, account, discovery and documentation."""
    page = world.browser().open("/").page
    assert any(link.to.endswith("/login") or "/login?" in link.to for link in page.links)
    assert any(link.to.endswith("/.well-known/openid-configuration") for link in page.links)
    signed_in = world.signed_in(world.add_user()).open("/").page
    assert any(link.to.endswith("/account") for link in signed_in.links)


def test_a_language_is_kept(world: World) -> None:
    """WEB-9: a press in the footline is remembered, and leads back."""
    browser = world.browser()
    page = browser.open("/login").page
    visit = browser.open(page.link("Deutsch"))
    assert visit.url.startswith(f"{world.url}/login")
    assert visit.page.language == "de"
    assert browser.open("/").page.language == "de"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example", ""])
def test_the_choice_of_a_language_leads_nowhere_else(world: World, to: str) -> None:
    """WEB-3."""
    visit = world.browser().open(f"/language?to=de&return={to}")
    assert visit.url == f"{world.url}/"


@pytest.mark.parametrize(
    "path", ["//login", "///login", "/%2Flogin", "//", "//account/password", "//api/admin/users"]
)
def test_a_path_that_begins_with_two_slashes_is_nobodys(world: World, path: str) -> None:
    """WEB-3: one page has one address, however its slashes are written."""
    for method in ("GET", "POST"):
        reply = world.ask(method, path.replace("%2F", "/"), "", {}, b"" if method == "POST" else None)
        assert reply.status == 404


def test_under_a_path_of_its_own_two_slashes_are_nobodys_either(make_world: MakeWorld) -> None:
    world = make_world(issuer="https://id.example/auth")
    assert world.ask("GET", "/login", "", {}, None).status == 200
    assert world.ask("GET", "//login", "", {}, None).status == 404
