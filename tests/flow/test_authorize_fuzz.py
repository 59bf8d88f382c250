"""Bad input at the front channel: the specified error or a page, never a fault. T-2."""

from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authserver.oauth import logout
from authserver.oauth.authorize import NAMES
from tests.agent import query_of
from tests.flow.world import CALLBACK, World

QUIET = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(max_size=5).map(lambda text: text * 700),
    st.sampled_from(
        ["\x00", "\r\nSet-Cookie: a=b", "%", "%zz", "{}", "[]", "null", "-1", '{"id_token":{"acr":1e999}}']
    ),
)
RAW = st.one_of(
    TEXTS.map(lambda text: quote(text.encode("utf-8", "surrogatepass"))), st.binary(max_size=9).map(quote)
)


@pytest.fixture
def good(world: World) -> dict[str, str]:
    return query_of(world.add_client(first_party=True).begin().url)


def is_calm(world: World, method: str, path: str, text: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(text))}
    for reply in (
        world.send("GET", f"{world.url}{path}?{text}", {}, None),
        world.send("POST", f"{world.url}{path}", form, text.encode("latin-1")),
    ):
        assert reply.status < 500, f"{reply.status} for {text}"
        assert "Traceback" not in reply.text
        to = reply.location or ""
        assert not to or urlsplit(to).netloc in {"", "localhost:8000", "app.example"}
        assert to.isprintable()


@QUIET
@given(name=st.sampled_from(sorted(NAMES)), value=RAW)
def test_no_parameter_of_an_authorization_request_is_a_fault(
    world: World, good: dict[str, str], name: str, value: str
) -> None:
    rest = urlencode({key: text for key, text in good.items() if key != name})
    is_calm(world, "GET", "/oauth/authorize", f"{rest}&{name}={value}")


@QUIET
@given(pairs=st.lists(st.tuples(st.sampled_from(sorted(NAMES | {"x"})), RAW), max_size=12))
def test_no_request_at_all_is_a_fault(
    world: World, good: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    is_calm(world, "GET", "/oauth/authorize", "&".join(f"{name}={value}" for name, value in pairs))


@QUIET
@given(pairs=st.lists(st.tuples(st.sampled_from(sorted(logout.NAMES | {"posted"})), RAW), max_size=6))
def test_no_sign_out_request_is_a_fault(world: World, pairs: list[tuple[str, str]]) -> None:
    is_calm(world, "GET", "/oauth/logout", "&".join(f"{name}={value}" for name, value in pairs))


@QUIET
@given(tx=RAW)
def test_no_sealed_value_is_a_fault(world: World, tx: str) -> None:
    for path in ("/oauth/authorize/resume", "/oauth/consent"):
        reply = world.send("GET", f"{world.url}{path}?tx={tx}", {}, None)
        assert reply.status < 500
        assert (reply.location or "") != CALLBACK
