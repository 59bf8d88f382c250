"""Our cookies, as a browser keeps them (tests/agent.py fails where one would drop them)."""

import pytest
from flask import Blueprint, Response, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from authserver.web import cookies
from authserver.web.cookies import READERS, SANE, Cookie
from authserver.web.guards import Guard, demands
from tests.flow.conftest import MakeWorld
from tests.flow.world import World

handle_in = READERS[False][Cookie.SESSION]
NAME = "as_session"
PIECES = st.sampled_from(
    [
        NAME,
        "as_sessio",
        "x",
        "=",
        "= ",
        " =",
        ";",
        "; ",
        " ",
        "\t",
        '"',
        "\\",
        "a.b",
        "v-1",
        "é",
        "\n",
        ",",
        "/",
    ]
)
ISSUERS = {"https://id.example": "__Host-", "https://id.example/auth": "__Host-", "http://localhost:8000": ""}


def jar(world: World) -> World:
    """A world where cookies are set, dropped and told at will."""
    views = Blueprint("jar", __name__)

    def put() -> Response:
        answer = Response("put")
        age = request.args.get("age")
        for cookie in Cookie:
            cookies.put(answer, cookie, f"value-of-{cookie.value}", int(age) if age else None)
        return answer

    def drop() -> Response:
        answer = Response("dropped")
        for cookie in Cookie:
            cookies.drop(answer, cookie)
        return answer

    def told() -> dict[str, str | None]:
        return {cookie.name: cookies.get(cookie) for cookie in Cookie}

    def known() -> str:
        return cookies.browser()[0]

    for view in (put, drop, told, known):
        views.add_url_rule(f"/{view.__name__}", view.__name__, demands(Guard.OPEN)(view))
    world.app.flask.register_blueprint(views)
    return world


@pytest.mark.parametrize(("issuer", "prefix"), ISSUERS.items())
def test_cookies_are_bound_to_this_host_and_hidden_from_scripts(
    make_world: MakeWorld, issuer: str, prefix: str
) -> None:
    """WEB-1: __Host- prefix, Secure, HttpOnly, SameSite=Lax; on http://localhost without prefix and Secure."""
    world = jar(make_world(issuer=issuer))
    reply = world.get("/put?age=60")
    lines = reply.all("Set-Cookie")
    assert len(lines) == len(Cookie)
    for line in lines:
        name, *attributes = line.split("; ")
        assert name.startswith(f"{prefix}as_")
        secure = {"Secure"} if prefix else set()
        assert set(attributes) - {a for a in attributes if a.startswith("Expires=")} == {
            "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=60", *secure
        }  # fmt: skip


def test_a_cookie_without_an_age_goes_when_the_browser_closes(world: World) -> None:
    """WEB-1: Max-Age equals the life of the content, or there is none."""
    for line in jar(world).get("/put").all("Set-Cookie"):
        assert "Max-Age" not in line
        assert "Expires" not in line


@pytest.mark.parametrize("issuer", ISSUERS)
def test_dropped_cookies_are_gone(make_world: MakeWorld, issuer: str) -> None:
    """LO-7: they are expired by name, with the attributes that they were set with; nothing else is cleared."""
    world = jar(make_world(issuer=issuer))
    browser = world.browser()
    browser.open(f"{world.url}/put?age=60")
    assert len(browser.jar.cookies) == len(Cookie)
    reply = browser.open(f"{world.url}/drop").reply
    assert not browser.jar.cookies
    assert reply.header("Clear-Site-Data") is None


def test_a_session_on_https_is_not_read_without_its_prefix(make_world: MakeWorld) -> None:
    """WEB-1: a neighbour of our domain can set as_session, but not __Host-as_session."""
    world = jar(make_world(issuer="https://id.example"))
    told = world.get("/told", {"Cookie": "as_session=planted; __Host-as_device=ours"}).json()
    assert told == {
        "SESSION": None,
        "BROWSER": None,
        "DEVICE": "ours",
        "TRUSTED": None,
        "LAST": None,
        "LANG": None,
    }


@pytest.mark.parametrize(
    "value", ["", "a b", 'a"b', "é", "a" * 600, "a;b", "a,b", "\x00", "<script>", "%0d%0a"]
)
def test_what_cannot_be_ours_counts_as_absent(world: World, value: str) -> None:
    """T-2: junk in a cookie is no cookie, and no error."""
    told = jar(world).get("/told", {"Cookie": f"as_session={value}"}).json()
    assert told["SESSION"] in {None, value.partition(";")[0].partition(",")[0]}
    assert world.get("/known", {"Cookie": f"as_browser={value}"}).status == 200


def test_a_browser_is_known_by_one_value_that_outlives_its_login(world: World) -> None:
    """AZ-14: what a login under way is bound to is 256 bits, and is renewed by each page of it."""
    browser = jar(world).browser()
    first = browser.open("/known").reply
    assert len(first.text) == 43
    life = world.issuer.settings.login_lifetime + cookies.DAY
    assert f"Max-Age={life};" in (first.header("Set-Cookie") or "")
    world.clock.advance(hours=24)
    assert browser.open("/known").reply.text == first.text
    world.clock.advance(hours=24)
    assert browser.open("/known").reply.text == first.text
    world.clock.advance(hours=25)
    assert browser.open("/known").reply.text != first.text


@given(st.lists(PIECES, max_size=24).map("".join))
def test_the_handle_is_found_where_werkzeug_finds_it(header: str) -> None:
    """SS-1: no other cookie, quoted or broken, is taken for it."""
    value = parse_cookie(header).get(NAME)
    assert handle_in(header) == (value if value is not None and SANE.fullmatch(value) else None)


@pytest.mark.parametrize(
    ("header", "handle"),
    [
        (f"{NAME}=h1", "h1"),
        (f"a=1;{NAME} =\th1 ; b=2", "h1"),
        (f"{NAME}=h1; {NAME}=h2", "h1"),
        (f"{NAME}; {NAME}=h2", None),
        (f"{NAME}=h 1; {NAME}=h2", "h2"),
        (f'a="; {NAME}=h1; "', None),
        (f'{NAME}="h1"', "h1"),
        (f"x{NAME}=h1", None),
        (f"{NAME}=h1=", None),
        ("", None),
    ],
)
def test_a_header_and_its_handle(header: str, handle: str | None) -> None:
    assert handle_in(header) == handle
