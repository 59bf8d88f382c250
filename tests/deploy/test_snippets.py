"""The code and commands that /docs, the README and the guide let people copy: each of them works as it stands."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import jwt
import pytest
from playwright.sync_api import expect

from authserver.web.snippets import snippets
from tests.agent import Browser, CookieJar
from tests.browser.conftest import OpenPage
from tests.deploy.house import MARA, House
from tests.interop.script import NODE
from tests.oidc import RelyingParty, answer_pages
from tests.oidc import sign_in as signs_in
from tests.wire import send

API = "https://notes.example.org/api"
PACKAGES = Path(__file__).resolve().parent.parent / "node" / "node_modules"
DRIVER = """
import { createInterface } from 'node:readline'
import { signIn, callback } from './snippet.mjs'
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const session = {}
console.log((await signIn(session)).href)
console.log(JSON.stringify(await callback(session, new URL((await lines.next()).value))))
process.exit(0)
"""
PAGE = """<!doctype html><title>Notes</title><p id="who"></p>
<script type="importmap">{"imports": {"oidc-client-ts": "/oidc-client-ts.js", "jwt-decode": "/jwt-decode.js"}}</script>
<script type="module">
import { signIn, callback, person, token } from '/snippet.js'
if (location.pathname === '/callback') {
  await callback()
  document.querySelector('#who').textContent = JSON.stringify([await person(), typeof await token()])
} else await signIn()
</script>"""


@pytest.fixture(scope="session")
def copied(house: House) -> dict[str, str]:
    """The snippets as this server's own page shows them."""
    return dict(snippets(house.issuer))


@pytest.fixture(scope="session")
def secrets(house: House, copied: dict[str, str]) -> dict[str, str]:
    """Register all that the snippets are for, by the commands that are copied beside them."""
    made = {}
    for name in ("register_api", "register", "register_public", "register_program"):
        found = re.search(r"^secret +(\S+)$", house.shell(copied[name]), re.MULTILINE)
        made[name] = found[1] if found else ""
    assert [name for name, secret in made.items() if secret] == ["register", "register_program"]
    return made


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(home=house.issuer, jar=CookieJar())


def namespace(code: str) -> dict[str, Any]:
    """What a Python snippet defines."""
    made: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, "snippet.py", "exec"), made)  # noqa: S102
    return made


def test_the_page_shows_each_snippet_with_this_servers_issuer(house: House, copied: dict[str, str]) -> None:
    page = send("GET", f"{house.issuer}/docs")
    shown = "".join(re.split(r"<[^>]+>", page.text))
    assert page.status == 200
    for name, text in copied.items():
        assert f'id="snippet-{name}"' in page.text
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert escaped.replace('"', "&#34;").replace("'", "&#39;") in shown, name
    assert f'href="{urlsplit(house.issuer).path}/docs"' in send("GET", f"{house.issuer}/").text


def test_an_app_on_flask_and_authlib_signs_people_in(
    house: House,
    copied: dict[str, str],
    secrets: dict[str, str],
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T-3."""
    monkeypatch.setenv("SESSION_KEY", "of this test")
    monkeypatch.setenv("CLIENT_SECRET", secrets["register"])
    app = namespace(copied["flask"])["app"].test_client()
    asked = app.get("/sign-in").headers["Location"]
    back = answer_pages(browser, browser.open(asked), MARA).left_for
    assert back is not None
    parts = urlsplit(back)
    answer = app.get(f"{parts.path}?{parts.query}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    with app.session_transaction() as session:
        assert session["person"]["email"] == MARA.email
        assert session["person"]["name"] == MARA.name


def test_an_app_on_openid_client_signs_people_in(
    copied: dict[str, str], secrets: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    """T-3."""
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    (tmp_path / "snippet.mjs").write_text(copied["node"])
    (tmp_path / "driver.mjs").write_text(DRIVER)
    with subprocess.Popen(
        [NODE, "driver.mjs"],
        cwd=tmp_path,
        env={"CLIENT_SECRET": secrets["register"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        back = answer_pages(browser, browser.open(script.stdout.readline().strip()), MARA).left_for
        script.stdin.write(f"{back}\n")
        script.stdin.flush()
        claims = json.loads(script.stdout.readline())
    assert claims["email"] == MARA.email


class Site(BaseHTTPRequestHandler):
    """The browser app: its page, its script, and the library."""

    files: ClassVar[dict[str, tuple[str, str]]] = {}

    def do_GET(self) -> None:
        text, kind = self.files.get(urlsplit(self.path).path, (PAGE, "text/html"))
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(copied: dict[str, str]) -> Iterator[str]:
    library = PACKAGES / "oidc-client-ts" / "dist" / "esm" / "oidc-client-ts.js"
    decode = PACKAGES / "jwt-decode" / "build" / "esm" / "index.js"
    Site.files = {
        "/snippet.js": (copied["browser"], "text/javascript"),
        "/oidc-client-ts.js": (library.read_text(), "text/javascript"),
        "/jwt-decode.js": (decode.read_text(), "text/javascript"),
        "/favicon.ico": ("", "image/x-icon"),
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def test_an_app_in_the_browser_signs_people_in(
    house: House, secrets: dict[str, str], site: str, open_page: OpenPage
) -> None:
    """T-3, WEB-7."""
    house.shell(f"authserver clients edit notes-web --redirect-uri {site}/callback")
    page = open_page()
    page.goto(site)
    page.locator("input[autocomplete~=username]").fill(MARA.email)
    page.locator("input[type=password]").fill(MARA.password)
    page.locator("input[type=password]").press("Enter")
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#who")).to_contain_text(MARA.email)
    expect(page.locator("#who")).to_contain_text('"string"')


@pytest.fixture
def api_token(house: House, copied: dict[str, str], secrets: dict[str, str]) -> str:
    """An access token for the API, fetched by the command that is copied."""
    script = copied["token"].replace("curl", "curl -sS --fail-with-body", 1)
    said = json.loads(house.shell(script, CLIENT_SECRET=secrets["register_program"]))
    assert said["scope"] == "notes:read"
    return str(said["access_token"])


def id_token(house: House, secrets: dict[str, str], browser: Browser) -> str:
    party = RelyingParty(
        issuer=house.issuer,
        client_id="notes",
        secret=secrets["register"],
        redirect_uri="http://localhost:3000/callback",
    )
    tokens = signs_in(browser, party, MARA)
    assert tokens.id_token is not None
    return tokens.id_token


def test_an_api_on_pyjwt_takes_its_own_tokens_and_no_others(
    house: House, copied: dict[str, str], secrets: dict[str, str], browser: Browser, api_token: str
) -> None:
    """RS-1: the type, the algorithm, the issuer, the audience and what is required."""
    made = namespace(copied["api_python"])
    claims = made["claims_of"](api_token)
    assert claims["client_id"] == "report"
    assert made["may"](claims, "notes:read")
    assert not made["may"](claims, "notes:write")
    with pytest.raises(jwt.PyJWTError):
        made["claims_of"](id_token(house, secrets, browser))
    elsewhere = namespace(copied["api_python"].replace(API, "https://other.example"))
    with pytest.raises(jwt.InvalidAudienceError):
        elsewhere["claims_of"](api_token)


def test_an_api_on_jose_takes_its_own_tokens_and_no_others(
    house: House,
    copied: dict[str, str],
    secrets: dict[str, str],
    browser: Browser,
    api_token: str,
    tmp_path: Path,
) -> None:
    """RS-1."""
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    (tmp_path / "snippet.mjs").write_text(copied["api_node"])
    (tmp_path / "driver.mjs").write_text(
        "import { claimsOf, may } from './snippet.mjs'\n"
        "const told = (token) => claimsOf(token).then((claims) => may(claims, 'notes:read'), (wrong) => wrong.code)\n"
        "console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(told))))\n"
    )
    tokens = [api_token, id_token(house, secrets, browser), api_token[:-8] + "AAAAAAAA"]
    said = subprocess.run(
        [NODE, "driver.mjs", *tokens], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
    )
    assert json.loads(said.stdout) == [
        True, "ERR_JWT_CLAIM_VALIDATION_FAILED", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    ]  # fmt: skip
