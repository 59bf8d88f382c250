"""Every page in every look, by a real browser: accessible, no wider than the window, and kept as a picture."""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from playwright.sync_api import Page
from werkzeug.serving import make_server

from authserver.web.language import PSEUDO
from tests import gallery
from tests.browser.conftest import AXE

SPOKEN = (("light", "en"), ("phone-dark", "de"))
# The fullest page of each template: what its other states say differs, how it stands does not.
FULLEST = {
    type(page): name for name, page in sorted(gallery.PAGES.items(), key=lambda each: len(repr(each[1])))
}
SEEN = (("phone", PSEUDO), ("forced-colors", "en"), ("no-script", "de"))
# Looks that differ in little share the pages.
SHOWN = {
    "light": slice(0, None, 2),
    "phone": slice(1, None, 2),
    "forced-colors": slice(0, None, 3),
    "no-script": slice(1, None, 3),
}


def pages_in(look: str) -> list[str]:
    return list(FULLEST.values())[SHOWN.get(look, slice(None))]


@pytest.fixture(scope="module")
def shown_at() -> Iterator[str]:
    """Where the gallery is."""
    server = make_server("127.0.0.1", 0, gallery.make_app(), threaded=True, request_handler=gallery.Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(("look", "language"), SPOKEN)
def test_every_page_is_accessible(
    look: str,
    language: str,
    shown_at: str,
    open_page: Callable[..., Page],
    assert_accessible: Callable[[Page], None],
    screenshot: Callable[[Page, str], object],
) -> None:
    """WEB-9: 320 pixels and dark; axe-core has nothing to say, and nothing is wider than the window."""
    page = open_page(look)
    page.add_init_script(path=AXE)  # sent and compiled once, not for each page
    gallery.keep_still(page)
    for name in pages_in(look):
        page.goto(f"{shown_at}/{name}?status=200&ui_locales={language}")
        assert page.evaluate("document.styleSheets[0].cssRules.length"), "it is shown without its style"
        assert_accessible(page)
        screenshot(page, f"{name}.{look}.{language}")


@pytest.mark.parametrize(("look", "language"), SEEN)
def test_every_page_stands_in_every_look(
    look: str,
    language: str,
    shown_at: str,
    open_page: Callable[..., Page],
    screenshot: Callable[[Page, str], object],
) -> None:
    """WEB-9: right to left, in forced colours and without JavaScript; whatever only a script can do is not shown."""
    page = open_page(look)
    gallery.keep_still(page)
    for name in pages_in(look):
        page.goto(f"{shown_at}/{name}?status=200&ui_locales={language}")
        assert page.locator("h1").is_visible()
        if look == "no-script":
            assert page.locator("button[type=button]:visible").count() == 0
        else:
            extent = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(extent) <= 0, name
        screenshot(page, f"{name}.{look}.{language}")
