"""How answers travel back: byte for byte, in either mode, always with iss."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.oauth.respond import (
    Posted,
    Redirect,
    ReturnAddress,
    form_target,
    redirect,
    with_code,
    with_error,
)

ISSUER = "https://id.example.org"
URI = "https://app.example.org/callback"
STATE = '"<&%é+'


def test_a_code_travels_with_state_and_issuer() -> None:
    """AZ-7, AZ-8."""
    answer = with_code("c1", ReturnAddress(redirect_uri=URI, state=STATE), ISSUER)
    assert isinstance(answer, Redirect)
    assert answer.url.isascii()
    assert dict(parse_qsl(urlsplit(answer.url).query)) == {"code": "c1", "state": STATE, "iss": ISSUER}


def test_a_posted_answer_holds_the_state_as_it_came() -> None:
    """AZ-7, AZ-8, AZ-9: the library percent-encodes what belongs into a form as it is."""
    answer = with_code("c1", ReturnAddress(redirect_uri=URI, mode="form_post", state=STATE), ISSUER)
    assert answer == Posted(action=URI, fields=(("code", "c1"), ("state", STATE), ("iss", ISSUER)))


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_an_error_travels_with_state_and_issuer_too(mode: str) -> None:
    """AZ-7."""
    to = ReturnAddress(redirect_uri=URI, mode=mode, state=STATE)  # type: ignore[arg-type]
    answer = with_error("access_denied", 'said "no"\\é', to, ISSUER)
    fields = dict(answer.fields if isinstance(answer, Posted) else parse_qsl(urlsplit(answer.url).query))
    assert fields == {
        "error": "access_denied",
        "error_description": "said 'no'''",
        "state": STATE,
        "iss": ISSUER,
    }


def test_without_a_state_none_is_invented() -> None:
    answer = with_code("c1", ReturnAddress(redirect_uri=URI), ISSUER)
    assert isinstance(answer, Redirect)
    assert "state" not in answer.url


@pytest.mark.parametrize(
    ("uri", "joined"),
    [
        (URI, f"{URI}?a=1"),
        (f"{URI}?x=%7e", f"{URI}?x=%7e&a=1"),
        (f"{URI}?", f"{URI}?a=1"),
        (f"{URI}?x&", f"{URI}?x&a=1"),
        ("com.example.app:/cb", "com.example.app:/cb?a=1"),
    ],
)
def test_the_registered_address_is_not_changed_by_a_byte(uri: str, joined: str) -> None:
    """AZ-1."""
    assert redirect(uri, [("a", "1")]) == joined


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
def test_any_state_comes_back_as_it_was(state: str) -> None:
    """AZ-8."""
    answer = with_code("c1", ReturnAddress(redirect_uri=URI, state=state), ISSUER)
    assert isinstance(answer, Redirect)
    assert dict(parse_qsl(urlsplit(answer.url).query, keep_blank_values=True))["state"] == state


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        (URI, "https://app.example.org"),
        ("https://app.example.org:8443/cb?x=1", "https://app.example.org:8443"),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_a_form_may_end_at_the_apps_origin_only(uri: str, source: str) -> None:
    """WEB-4."""
    assert form_target(uri) == source
