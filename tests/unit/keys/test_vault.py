"""The vault: what it seals opens in its place alone."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from authserver.vault import CannotOpen, Place, Root, Roots, Vault, unb64
from tests.flow.world import START, World

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
HERE = Place(table="signing_keys", column="private", row="a")


@given(st.binary(max_size=200))
def test_what_was_sealed_opens(value: bytes) -> None:
    vault = Vault({1: KEY})
    sealed = vault.seal(value, HERE)
    assert vault.open(sealed, HERE) == value
    assert sealed != vault.seal(value, HERE), "each sealing has a nonce of its own"


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param({"table": "root_secrets"}, id="table"),
        pytest.param({"column": "value"}, id="column"),
        pytest.param({"row": "b"}, id="row"),
    ],
)
def test_it_opens_nowhere_else(elsewhere: dict[str, Any]) -> None:
    """KEY-4: bound to table, column and row."""
    vault = Vault({1: KEY})
    sealed = vault.seal(b"secret", HERE)
    there = {"table": HERE.table, "column": HERE.column, "row": HERE.row, **elsewhere}
    with pytest.raises(CannotOpen):
        vault.open(sealed, Place(**there))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_bit_is_noticed(position: int, bits: int) -> None:
    vault = Vault({1: KEY})
    sealed = bytearray(vault.seal(b"secret", HERE))
    sealed[position % len(sealed)] ^= bits
    with pytest.raises(CannotOpen):
        vault.open(bytes(sealed), HERE)


def test_another_version_is_bound_too() -> None:
    """KEY-4: bound to the key's version."""
    sealed = Vault({1: KEY}).seal(b"secret", HERE)
    with pytest.raises(CannotOpen):
        Vault({2: KEY}).open((2).to_bytes(2, "big") + sealed[2:], HERE)


def test_signing_keys_swapped_between_rows_do_not_open(world: World) -> None:
    """KEY-4: swapping ciphertexts between rows fails."""
    first, second = world.rows("SELECT kid, private FROM signing_keys ORDER BY kid")
    vault = world.issuer.vault
    place = Place(table="signing_keys", column="private", row=first[0])
    assert vault.open(bytes(first[1]), place)
    with pytest.raises(CannotOpen):
        vault.open(bytes(second[1]), place)


def test_roots_of_different_purposes_derive_different_keys() -> None:
    """KEY-7: none serves two purposes, even from one and the same random value."""
    made = [Root(purpose=purpose, id="r", value=KEY, made_at=START) for purpose in ("csrf", "refresh")]
    roots = Roots(made)
    assert roots.mac("csrf", b"m")[1] != roots.mac("refresh", b"m")[1]
    assert roots.open("refresh", roots.seal("csrf", b"v")) is None


def test_what_makes_macs_does_not_seal() -> None:
    """KEY-7: a purpose that does both has a key for each."""
    root = Root(purpose="ticket", id="r", value=KEY, made_at=START)
    sealed = Roots([root]).seal("ticket", b"v")
    raw = unb64(sealed.partition(".")[2])
    assert raw
    with pytest.raises(InvalidTag):
        AESGCM(root.key).decrypt(raw[:12], raw[12:], b"")
    assert root.cipher.decrypt(raw[:12], raw[12:], b"") == b"v"
