"""Opaque values."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from authserver.opaque import Secret, digits, new_id, new_secret, same


def test_ids_are_uuids_of_version_7_and_ascend() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(set(made))
    assert {UUID(each).version for each in made} == {7}
    assert {UUID(each).variant for each in made} == {"specified in RFC 4122"}


def test_ids_made_by_many_threads_are_all_different() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [
            each for part in pool.map(lambda _: [new_id() for _ in range(500)], range(8)) for each in part
        ]
    assert len(set(made)) == len(made)


def test_secrets_are_256_bits_and_never_shown() -> None:
    """CL-6, KEY-9: 43 characters of base64url; repr, str and format hide it."""
    value = new_secret()
    assert len(value) == 43
    hidden = Secret(value)
    assert value not in f"{hidden!r} {hidden} {hidden!s} {[hidden]}"
    assert hidden.reveal() == value


def test_codes_keep_their_zeros() -> None:
    assert {len(digits(6)) for _ in range(500)} == {6}


@given(st.text(), st.text())
def test_any_texts_compare(one: str, other: str) -> None:
    """CL-6: also what is not ASCII, and what is no text at all."""
    assert same(one, other) is (one == other)
    assert same(one, one)
