"""How big a request may be, on pages and machine endpoints alike."""

import pytest

from authserver.web import sizes
from tests.flow.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "path", ["/login", "/oauth/token", "/oauth/authorize", "/nothing", "/api/admin/users"]
)
@pytest.mark.parametrize(
    ("status", "query", "headers"),
    [
        pytest.param(413, "", {**FORM, "Content-Length": "65537"}, id="body"),
        pytest.param(413, "", {**FORM, "Content-Length": "9" * 40}, id="absurd-length"),
        pytest.param(400, "", {**FORM, "Content-Length": "-1"}, id="negative-length"),
        pytest.param(400, "", {**FORM, "Content-Length": "1_0"}, id="odd-length"),
        pytest.param(411, "", {**FORM, "Transfer-Encoding": "chunked"}, id="no-length"),
        pytest.param(431, "", {**FORM, "X-Big": "x" * 20_000}, id="one-big-header"),
        pytest.param(431, "", {**FORM, **{f"X-{n}": "1" for n in range(80)}}, id="many-headers"),
        pytest.param(414, "?a=" + "x" * 20_000, FORM, id="query"),
        pytest.param(400, "?" + "&".join("a=1" for _ in range(100)), FORM, id="parameters"),
    ],
)
def test_what_is_too_big_is_refused_unread(
    world: World, path: str, status: int, query: str, headers: dict[str, str]
) -> None:
    """WEB-8: body, headers and parameters are capped on every endpoint, with a reference."""
    length = headers.get("Content-Length")
    body = None if length is None and "Transfer-Encoding" in headers else b""
    reply = world.send("POST", f"{world.url}{path}{query}", headers, body)
    assert reply.status == status
    assert world.explain(
        reply.json()["reference"] if "json" in (reply.header("Content-Type") or "") else said(reply.text)
    )


@pytest.mark.parametrize(
    ("headers", "is_read"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"HTTP_HOST": "a"}, True, id="one"),
        pytest.param({f"HTTP_X_{n}": "1" for n in range(64)}, True, id="as-many-as-may-be"),
        pytest.param({f"HTTP_X_{n}": "1" for n in range(65)}, False, id="one-more"),
        pytest.param({"HTTP_X": "x" * (16 * 1024 - 6)}, True, id="as-big-as-may-be"),
        pytest.param({"HTTP_X": "x" * (16 * 1024 - 5)}, False, id="one-octet-more"),
        pytest.param({"HTTP_X": ""}, True, id="the-same-names-with-less-in-them"),
    ],
)
def test_headers_are_measured_with_their_names(headers: dict[str, str], is_read: bool) -> None:
    """WEB-8: names and values count; what the server itself puts beside them does not."""
    beside = {"PATH_INFO": "/", "wsgi.version": (1, 0), "PATH": "y" * 20_000}
    assert (sizes.refused({**beside, **headers}) is None) is is_read


def test_names_of_headers_that_are_refused_are_not_remembered() -> None:
    """WEB-8: nobody fills a worker's memory with them."""
    for stranger in range(3):
        assert sizes.refused({f"HTTP_{stranger}_{'X' * 1_000}_{n}": "" for n in range(17)}) is not None
    assert sizes._names.cache_info().currsize == 0


@pytest.mark.parametrize(("length", "status"), [(409_601, 413), (409_600, 400)])
def test_what_a_provider_posts_back_may_be_bigger(world: World, length: int, status: int) -> None:
    """SA-5: a SAML message has its own limit; below it, only the missing body is the matter."""
    headers = {**FORM, "Content-Length": str(length)}
    reply = world.send("POST", f"{world.url}/login/upstream/uni/callback", headers, b"")
    assert reply.status == status


def test_a_form_may_have_so_many_fields(world: World) -> None:
    """WEB-8: parameter counts are capped in bodies, too."""
    reply = world.post("/login", [(f"f{n}", "1") for n in range(65)])
    assert reply.status == 400


def test_pages_take_forms_alone(world: World) -> None:
    """WEB-8: another content type is 415."""
    reply = world.send("POST", f"{world.url}/login", {"Content-Type": "application/json"}, b"{}")
    assert reply.status == 415


@pytest.mark.parametrize("query", ["tx=%00", "tx=\x00", "tx=\xed\xa0\x80", "\xff=1"])
def test_an_address_is_text(world: World, query: str) -> None:
    """T-2: NUL and what is not UTF-8 are refused before anything reads them."""
    reply = world.ask("GET", "/robots.txt", query, {}, None)
    assert (reply.status, (reply.header("Content-Type") or "")[:9]) == (400, "text/html")
    assert world.ask("GET", "/robots.txt", "tx=\xc3\xa9", {}, None).status == 200


@pytest.mark.parametrize("body", [b"username=a%00b", b"username=a\x00b"])
def test_no_store_meets_a_nul(world: World, body: bytes) -> None:
    """T-2: PostgreSQL takes no NUL, so no form brings one."""
    assert world.send("POST", f"{world.url}/login", FORM, body).status == 400


def said(text: str) -> str:
    """The reference on a page."""
    return next(word for word in text.replace("<", " ").replace(">", " ").split() if is_reference(word))


def is_reference(word: str) -> bool:
    return (
        len(word) == 14
        and word[4] == word[9] == "-"
        and word.replace("-", "").isalnum()
        and word.upper() == word
    )
