"""A form and a query are read strictly: what was written, or nothing."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.errors import Refusal
from authserver.oauth.request import read_pairs

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(TEXTS, TEXTS, max_size=8))
def test_what_was_written_is_read(fields: dict[str, str]) -> None:
    """Whatever characters there are, and however they are escaped."""
    written = (urlencode(fields), urlencode(fields, quote_via=quote), _all_escaped(fields))
    for each in written:
        assert read_pairs(each.encode()) == (fields, frozenset())


@pytest.mark.parametrize(
    ("text", "fields", "repeated"),
    [
        pytest.param(b"a=1&b=%32&c", {"a": "1", "b": "2", "c": ""}, set(), id="plain"),
        pytest.param(b"&&a=1&", {"a": "1"}, set(), id="empty-pieces"),
        pytest.param(b"a=b=c&=d", {"a": "b=c", "": "d"}, set(), id="further-equals-signs"),
        pytest.param(b"a=1+2%2b3&+=4", {"a": "1 2+3", " ": "4"}, set(), id="plus"),
        pytest.param(b"a=%3d3D%3D%0D%0A_\n", {"a": "=3D=\r\n_\n"}, set(), id="nothing-of-quoted-printable"),
        pytest.param(b"a=%41=0D==", {"a": "A=0D=="}, set(), id="equals-signs-that-were-not-escaped"),
        pytest.param(b"a=%2500%2526", {"a": "%00%26"}, set(), id="escapes-are-read-once"),
        pytest.param(b"a=%c3%A9\xc3\xa9%26", {"a": "éé&"}, set(), id="utf-8"),
        pytest.param(b"a=1&%61=2&b=3", {"a": "2", "b": "3"}, {"a"}, id="repeated"),
        pytest.param(
            b"resource=a&x=1&resource=b", {"resource": "a b", "x": "1"}, {"resource"}, id="rfc8707-2"
        ),
    ],
)
def test_fields_are_read_as_they_are_meant(text: bytes, fields: dict[str, str], repeated: set[str]) -> None:
    assert read_pairs(text) == (fields, repeated)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(b"a=%", "bad_escape", id="no-digits"),
        pytest.param(b"a=%4", "bad_escape", id="one-digit"),
        pytest.param(b"a=%4&b=1", "bad_escape", id="one-digit-before-the-next"),
        pytest.param(b"%zz=1", "bad_escape", id="no-hex"),
        pytest.param(b"a=%\xd9\xa1\xd9\xa1", "bad_escape", id="digits-of-another-script"),
        pytest.param(b"a=%u00e9", "bad_escape", id="another-kind-of-escape"),
        pytest.param(b"a=\xff", "not_utf8", id="raw-bytes"),
        pytest.param(b"a=%ff", "not_utf8", id="escaped-bytes"),
        pytest.param(b"a=%c3&b=%a9", "not_utf8", id="half-a-character-each"),
        pytest.param(b"a=%ed%a0%80", "not_utf8", id="surrogate"),
        pytest.param(b"a=\0", "nul", id="raw-nul"),
        pytest.param(b"%00=1", "nul", id="escaped-nul"),
        pytest.param(b"&".join([b"a=1"] * 65), "too_many_fields", id="many-fields"),
    ],
)
def test_what_is_no_form_is_refused(text: bytes, rule: str) -> None:
    """T-2: nothing is guessed."""
    with pytest.raises(Refusal) as refused:
        read_pairs(text)
    assert refused.value.rule == rule


def _all_escaped(fields: dict[str, str]) -> str:
    """Every byte as an escape."""
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in fields.items())


def _escaped(text: str) -> str:
    return "".join(f"%{octet:02x}" for octet in text.encode())
