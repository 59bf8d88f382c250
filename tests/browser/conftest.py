"""A real browser: Chromium in several looks, an accessibility check, and screenshots that stay."""

import atexit
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.browser.house import House
from tests.peers import smtp
from tests.serve import Seed, Store, deployed

TESTS = Path(__file__).resolve().parent.parent
PROGRAM = Path("/usr/bin/chromium")
AXE = TESTS / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = TESTS / "screenshots"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing that a page names elsewhere is ever asked for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 320, "height": 640}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True},
    "forced-colors": {"viewport": WIDE, "forced_colors": "active"},
    "no-script": {"viewport": WIDE, "java_script_enabled": False},
}
# What a page lets Chromium complain about is a fault of the page, but for a refusal's own status.
EXPECTED = ("Failed to load resource: the server responded with a status of 4",)

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], Path]


@cache
def launched() -> Chromium:
    """The one Chromium of this process: Playwright cannot be started twice in one thread."""
    assert PROGRAM.exists(), f"{PROGRAM} is not installed\n  → run tests/install.sh"
    playwright = sync_playwright().start()
    running = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS)
    atexit.register(playwright.stop)
    atexit.register(running.close)
    return running


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    return launched()


@pytest.fixture
def open_page(chromium: Chromium) -> Iterator[OpenPage]:
    """Opens a page in a new profile: `open_page("dark", locale="de")`; what it complained about fails the test."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    with ExitStack() as stack:

        def start(look: str = "light", **options: Any) -> Page:
            settings = {"locale": "en-GB", "reduced_motion": "reduce"} | LOOKS[look] | options
            context = chromium.new_context(**settings)
            stack.callback(context.close)
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.on("console", heard)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield start
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


@pytest.fixture
def phone_page(open_page: OpenPage) -> Page:
    return open_page("phone")


@pytest.fixture
def dark_page(open_page: OpenPage) -> Page:
    return open_page("dark")


@pytest.fixture
def screenshot() -> Screenshot:
    """Keeps what the page looks like as tests/screenshots/NAME.jpg, which takes half as long as a PNG."""

    def take(page: Page, name: str) -> Path:
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.jpg"
        page.screenshot(path=path, type="jpeg", quality=90, full_page=True, animations="disabled")
        return path

    return take


@pytest.fixture(scope="session")
def assert_accessible() -> Callable[[Page], None]:
    """Fails with axe-core's words where a page breaks WCAG 2.2 AA, or is wider than the window."""
    assert AXE.exists(), f"{AXE.name} is not installed\n  → run tests/install.sh"
    source = AXE.read_text(encoding="utf-8")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

    # Only what is wrong is told in full, and only that leaves the page: the rest takes axe-core twice the time.
    run = """async tags => {
        const options = { runOnly: tags, resultTypes: ["violations"], preload: false };
        return (await axe.run(document, options)).violations;
    }"""

    def check(page: Page) -> None:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        found = page.evaluate(run, tags)
        broken = [
            f"{rule['id']}: {rule['help']}\n    " + "\n    ".join(node["html"] for node in rule["nodes"])
            for rule in found
        ]
        assert not broken, f"{page.url}\n" + "\n".join(broken)
        extent = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        needed, given = page.evaluate(extent)
        assert needed <= given, f"{page.url} is {needed} px wide in a window of {given} px"

    return check


@pytest.fixture(scope="session")
def house(seed_of: Callable[[Store], Seed], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The one server of the tests that need mail, registration, and a clock that they may move forward."""
    folder = tmp_path_factory.mktemp("house")
    with (
        smtp.running(folder / "mail") as mail,
        deployed(seed_of("sqlite"), folder / "server") as deployment,
        House.opened(deployment, mail) as opened,
    ):
        yield opened


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
