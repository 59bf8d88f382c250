"""What changes something comes from a page of ours."""

from functools import partial

import pytest
from flask import Blueprint, request

from authserver.audit import SYSTEM
from authserver.keys import rolling
from authserver.web import csrf, sessions
from authserver.web.guards import Guard, demands
from tests.agent import Browser
from tests.flow.conftest import MakeWorld
from tests.flow.world import World
from tests.wire import FORM, Reply, encoded

PAGE = '<form method="post"><input type="hidden" name="csrf_token" value="{token}"><button>Go</button></form>'


@pytest.fixture
def place(make_world: MakeWorld) -> World:
    """A world with a form that anybody may send and one for somebody signed in."""
    return with_forms(make_world())


def with_forms(world: World) -> World:
    forms = Blueprint("forms", __name__)

    def shown() -> str:
        return PAGE.format(token=csrf.token())

    def sent() -> str:
        return "done"

    def form() -> str:
        return sent() if request.method == "POST" else shown()

    for path, guard in (
        ("anybody", Guard.BROWSER_POST),
        ("signed-in", Guard.SESSION),
        ("cross-site", Guard.CROSS_SITE),
    ):
        view = demands(guard)(partial(form))
        forms.add_url_rule(f"/{path}", path, view, methods=["GET", "POST"])
    world.app.flask.register_blueprint(forms)
    return world


def token_on(browser: Browser, path: str) -> str:
    return dict(browser.open(path).page.form().fields())[csrf.FIELD]


def sent(world: World, browser: Browser, path: str, token: str | None, **headers: str) -> Reply:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.jar.cookies.values())
    given = {
        "Content-Type": FORM,
        "Cookie": cookies,
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    form = {} if token is None else {csrf.FIELD: token}
    return world.send("POST", world.url + path, given, encoded(form))


@pytest.mark.parametrize("path", ["/anybody", "/signed-in"])
def test_our_own_form_is_accepted(place: World, path: str) -> None:
    """WEB-2: the page's own form goes through, as a browser sends it under no-referrer (Origin: null)."""
    browser = place.signed_in(place.add_user())
    visit = browser.open(path)
    assert browser.submit(visit.page.form()).reply.text == "done"


@pytest.mark.parametrize("path", ["/anybody", "/signed-in"])
@pytest.mark.parametrize("token", [None, "", "x", "a.b", "é.é", "." * 400])
def test_without_a_token_nothing_happens(place: World, path: str, token: str | None) -> None:
    """WEB-2: a form without the token, or with one that is none, is refused."""
    browser = place.signed_in(place.add_user())
    token_on(browser, path)
    assert sent(place, browser, path, token).status == 403


@pytest.mark.parametrize("path", ["/anybody", "/signed-in"])
def test_a_token_belongs_to_one_browser(place: World, path: str) -> None:
    """WEB-2: what another browser, or another person, was given is refused."""
    mine, theirs = place.signed_in(place.add_user()), place.signed_in(place.add_user("bob@example.org"))
    token_on(mine, path)
    assert sent(place, mine, path, token_on(theirs, path)).status == 403


def test_a_page_for_somebody_signed_in_takes_that_sessions_token_alone(place: World) -> None:
    """WEB-2: the browser's token, which somebody else may have seen before, is not enough."""
    browser = place.browser()
    before = token_on(browser, "/anybody")
    place.signed_in(place.add_user(), browser)
    assert sent(place, browser, "/signed-in", before).status == 403
    assert sent(place, browser, "/anybody", before).status == 200, "a form open before signing in still goes"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="neither-header"),
        pytest.param({"Origin": "http://localhost:8000"}, 200, id="our-origin"),
        pytest.param({"Origin": "null", "Sec_Fetch_Site": "same-origin"}, 200, id="no-referrer"),
        pytest.param({"Sec_Fetch_Site": "same-origin"}, 200, id="same-origin"),
        pytest.param({"Sec_Fetch_Site": "none"}, 200, id="reloaded-by-hand"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="foreign-origin"),
        pytest.param({"Origin": "http://localhost:8001"}, 403, id="another-port"),
        pytest.param({"Origin": "https://localhost:8000"}, 403, id="another-scheme"),
        pytest.param({"Origin": "http://localhost:8000.evil.example"}, 403, id="a-longer-host"),
        pytest.param({"Origin": "null", "Sec_Fetch_Site": "cross-site"}, 403, id="sandboxed"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="cross-site"),
        pytest.param({"Sec_Fetch_Site": "same-site"}, 403, id="same-site"),
        pytest.param(
            {"Origin": "http://localhost:8000", "Sec_Fetch_Site": "cross-site"}, 403, id="they-disagree"
        ),
    ],
)
def test_the_browser_says_where_a_form_comes_from(place: World, headers: dict[str, str], status: int) -> None:
    """WEB-2: Origin and Sec-Fetch-Site are checked beside the token; where both are absent it decides alone."""
    browser = place.browser()
    assert sent(place, browser, "/anybody", token_on(browser, "/anybody"), **headers).status == status


def test_programs_in_the_page_send_the_token_as_a_header(place: World) -> None:
    """WEB-2: JSON APIs with cookies need the header."""
    browser = place.browser()
    token = token_on(browser, "/anybody")
    assert sent(place, browser, "/anybody", None, X_CSRF_Token=token).status == 200


def test_a_form_from_another_site_goes_where_the_protocol_wants_it(place: World) -> None:
    """AZ-5, LO-1: such routes take a POST from anywhere, and no cookie counts in it."""
    visit = place.browser().post_from("/cross-site", {"a": "b"}, "https://app.example/")
    assert visit.reply.text == "done"


def test_no_cookie_counts_in_what_another_site_posts(place: World) -> None:
    """AZ-5: also where a browser sends cookies along, the posted request is nobody's."""
    asked = Blueprint("asked", __name__)

    def whose() -> str:
        return "nobody" if sessions.current() is None else "somebody"

    view = demands(Guard.CROSS_SITE)(whose)
    asked.add_url_rule("/whose", "whose", view, methods=["GET", "POST"])
    place.app.flask.register_blueprint(asked)
    browser = place.signed_in(place.add_user())
    assert sent(place, browser, "/whose", None).text == "nobody"
    assert browser.open("/whose").reply.text == "somebody"


def test_a_token_outlives_the_roll_of_its_root(place: World) -> None:
    """A form that is open while the secret is rolled can still be sent."""
    browser = place.browser()
    token = token_on(browser, "/anybody")
    roll(place)
    assert sent(place, browser, "/anybody", token).status == 200


def test_https_pages_know_their_own_origin(make_world: MakeWorld) -> None:
    """WEB-2: the origin compared is the issuer's, not what the Host header says."""
    world = with_forms(make_world(issuer="https://id.example"))
    browser = world.browser()
    token = token_on(browser, "/anybody")
    assert sent(world, browser, "/anybody", token, Origin="https://id.example").status == 200
    assert (
        sent(world, browser, "/anybody", token, Origin="https://evil.example", Host="evil.example").status
        == 403
    )


def roll(world: World) -> None:
    with world.writing() as db:
        rolling.roll(db, world.issuer.vault, csrf.PURPOSE, now=world.clock(), by=SYSTEM)
