"""Security headers of pages and of machine endpoints."""

import pytest
from flask import Blueprint

from authserver.web import headers
from authserver.web.guards import Guard, demands
from tests.flow.conftest import MakeWorld
from tests.flow.world import World
from tests.wire import Reply

PAGES = ["/", "/login", "/nothing", "/account", "/robots.txt", "/oauth/authorize", "/api/nothing"]
MACHINES = ["/oauth/token", "/.well-known/openid-configuration", "/.well-known/jwks.json", "/healthz"]
STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def policy(reply: Reply) -> dict[str, str]:
    text = reply.header("Content-Security-Policy") or ""
    return dict(part.strip().split(" ", 1) for part in text.split(";"))


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_but_our_own_files(world: World, path: str) -> None:
    """WEB-4: CSP default-src 'none', own scripts and styles, no frames, no base, forms to ourselves."""
    found = policy(world.get(path))
    assert found.items() >= STRICT.items()
    assert found["form-action"] == "'self'"
    assert not any("unsafe" in sources or "nonce" in sources or "*" in sources for sources in found.values())


@pytest.mark.parametrize("path", [*PAGES, *MACHINES])
def test_every_answer_is_read_as_it_is_and_names_nobody(world: World, path: str) -> None:
    """WEB-5: nosniff and no-referrer everywhere, and an id to find the request by."""
    reply = world.get(path)
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Referrer-Policy") == "no-referrer"
    assert reply.header("X-Request-Id")
    assert reply.header("Strict-Transport-Security") is None, "http://localhost"


@pytest.mark.parametrize("path", [*PAGES, *MACHINES])
def test_https_stays_https_for_a_year(make_world: MakeWorld, path: str) -> None:
    """WEB-5: HSTS of at least a year."""
    reply = make_world(issuer="https://id.example").get(path)
    assert reply.header("Strict-Transport-Security") == "max-age=31536000"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_kept_nowhere_and_framed_nowhere(world: World, path: str) -> None:
    """WEB-5, LO-7: no-store, so that the Back button shows nothing after signing out."""
    reply = world.get(path)
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("X-Frame-Options") == "DENY"
    assert "camera=()" in (reply.header("Permissions-Policy") or "")


@pytest.mark.parametrize("path", ["/login", "/account", "/oauth/authorize", "/api/admin/users", "/"])
def test_pages_and_admin_are_read_by_no_other_origin(world: World, path: str) -> None:
    """WEB-7: no CORS on authorize, login and admin."""
    reply = world.get(path, {"Origin": "https://app.example"})
    assert reply.header("Access-Control-Allow-Origin") is None


def test_a_page_names_each_widening_of_its_policy(world: World) -> None:
    """WEB-4: form-action lists where a page's form ends, img-src whose logo it shows; other pages stay strict."""
    views = Blueprint("wide", __name__)

    def wide() -> str:
        headers.allow_form_action("https://app.example", "https://app.example")
        headers.allow_images("https://logo.example")
        return "wide"

    views.add_url_rule("/wide", "wide", demands(Guard.OPEN)(wide))
    world.app.flask.register_blueprint(views)
    found = policy(world.get("/wide"))
    assert found["form-action"] == "'self' https://app.example"
    assert found["img-src"] == "'self' https://logo.example"
    assert policy(world.get("/robots.txt"))["form-action"] == "'self'"


def test_our_files_are_kept_for_a_year_by_their_digest_alone(world: World) -> None:
    """A file asked for by its digest never changes; asked for by another, it is not kept under that address."""
    page = world.get("/").text
    address = next(part for part in page.split('"') if part.startswith("/static/") and "?v=" in part)
    assert world.get(address).header("Cache-Control") == "public, max-age=31536000, immutable"
    assert world.get(address + "0").header("Cache-Control") == "no-cache"
    assert world.get(address.partition("?")[0]).header("Cache-Control") == "no-cache"


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2fapp.py", "nothing.css", "%00", ".", "/etc/passwd", "a" * 5000]
)
def test_only_our_files_are_given(world: World, name: str) -> None:
    """T-2: no path leads out of the folder, and none is an error of ours."""
    assert world.get(f"/static/{name}").status in {400, 404, 308}
