"""T-3, WEB-7: an app on oidc-client-ts in Chromium signs in across origins, renews and signs out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.oidc import claims_of
from tests.seeds import ADA
from tests.serve import Deployment

HERE = Path(__file__).resolve().parent
LIBRARY = (
    HERE.parent / "node" / "node_modules" / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.min.js"
)
SCOPE = "openid profile email offline_access"


class AppFiles(BaseHTTPRequestHandler):
    """The app is three files, and every other path is its page."""

    files: ClassVar[dict[str, tuple[Path, str]]] = {
        "app.js": (HERE / "browser_app" / "app.js", "text/javascript"),
        "oidc-client-ts.js": (LIBRARY, "text/javascript"),
    }

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        file, kind = self.files.get(name, (HERE / "browser_app" / "index.html", "text/html"))
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def app_url() -> Iterator[str]:
    """The app's own origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), AppFiles) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def state_of(page: Page, state: str) -> dict[str, Any]:
    """What the app shows once it is in this state."""
    expect(page.locator(f"body[data-state='{state}'], body[data-state='failed']")).to_be_attached()
    shown: dict[str, Any] = json.loads(page.locator("#state").inner_text())
    assert shown["state"] == state, shown
    return shown


def test_a_browser_app_signs_in_renews_and_signs_out(
    deployment: Deployment, open_page: OpenPage, app_url: str
) -> None:
    """T-3, WEB-7, LO-2: code flow, token and userinfo by fetch, silent renewal by refresh token, sign-out."""
    client = f"app-{urlsplit(app_url).port}-{deployment.store}"
    deployment.cli(
        "clients", "add", "Browser app", "--id", client, "--public", "--scope", SCOPE,
        "--grant", "authorization_code", "--grant", "refresh_token",
        "--redirect-uri", f"{app_url}/callback", "--post-logout-redirect-uri", f"{app_url}/goodbye",
    )  # fmt: skip
    settings = json.dumps({"authority": deployment.issuer, "client_id": client, "scope": SCOPE})
    page = open_page()
    page.goto(f"{app_url}/?settings={quote(settings)}")
    state_of(page, "ready")

    page.get_by_role("button", name="Sign in").click()
    page.locator("input[autocomplete~=username]").fill(ADA.email)
    page.locator("input[type=password]").fill(ADA.password)
    page.locator("input[type=password]").press("Enter")
    page.get_by_role("button", name="Allow").click()
    user = state_of(page, "signed-in")
    assert user["profile"]["email"] == ADA.email
    assert user["profile"]["amr"] == ["pwd"]

    page.get_by_role("button", name="Renew").click()
    renewed = state_of(page, "renewed")
    assert renewed["refresh_token"] != user["refresh_token"]
    assert claims_of(renewed["access_token"])["auth_time"] == claims_of(user["access_token"])["auth_time"]

    page.get_by_role("button", name="Sign out").click()
    state_of(page, "signed-out")
