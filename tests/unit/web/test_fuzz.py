"""Whatever is sent to a page, it is answered."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authserver.web.guards import table
from tests.flow.world import World
from tests.unit.web.test_guards import address

NASTY = [
    "",
    "\x00",
    "%00",
    "%",
    "%zz",
    "%ed%a0%80",
    "\ud800",
    "é",
    "<script>",
    "../",
    "&",
    "=",
    "[]",
    "a" * 3000,
]
TEXT = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))
NAMES = st.sampled_from(
    ["tx", "posted", "client_id", "redirect_uri", "state", "csrf_token", "username", "password", "return_to", "to",
     "return", "over", "ui_locales", "id_token_hint", "post_logout_redirect_uri", "step", "after", "limit", "q"]
)  # fmt: skip
PAIRS = st.lists(st.tuples(NAMES, TEXT), max_size=5)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept-Language", "Accept", "Origin", "Sec-Fetch-Site", "User-Agent", "Host", "Cookie", "Referer",
         "X-CSRF-Token", "If-None-Match", "Authorization", "X-Forwarded-For", "Range", "If-Match"]
    ),
    st.one_of(TEXT, st.sampled_from(["as_session=x; as_browser=y; as_lang=de~", "Bearer x", 'W/"x"', "*"])),
    max_size=4,
)  # fmt: skip
TYPES = st.sampled_from(
    ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", ""]
)


def latin(text: str) -> str:
    """What a server hands over: bytes, dressed as Latin-1, without line ends in a header."""
    return re.sub(r"[\r\n]", "", text.encode("utf-8", "surrogatepass").decode("latin-1"))


def joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={latin(value)}" for name, value in pairs)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_input_is_an_error_of_ours(world: World, data: st.DataObject) -> None:
    """T-2: no 5xx, no stack trace, no markup that came back as it was sent."""
    row = data.draw(st.sampled_from(sorted(table(world.app.flask), key=lambda row: row.path)))
    path = re.sub(r"<[^>]*>", "x", row.path) if data.draw(st.booleans()) else address(row)
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]))
    headers = {name: latin(value) for name, value in data.draw(HEADERS).items()}
    body = None
    if method != "GET":
        headers["Content-Type"] = data.draw(TYPES)
        body = joined(data.draw(PAIRS)).encode("latin-1")
    query = joined(data.draw(PAIRS)).replace("#", "%23")
    reply = world.ask(method, path, query, headers, body)
    assert reply.status < 500, reply.text
    assert "Traceback" not in reply.text
    assert "<script>" not in reply.text


@pytest.mark.parametrize(
    "path", ["/login", "/oauth/authorize", "/oauth/logout", "/language", "/setup/x", "/login/x"]
)
def test_nasty_text_in_every_parameter(world: World, path: str) -> None:
    """T-2, one by one."""
    for nasty in NASTY:
        for name in ("tx", "client_id", "return", "ui_locales", "id_token_hint"):
            assert world.ask("GET", path, f"{name}={latin(nasty)}", {}, None).status < 500, (name, nasty)
