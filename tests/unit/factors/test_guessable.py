"""Passwords that would be guessed: the list that ships, and what everybody knows of somebody. PW-2."""

import gzip

import pytest

from authserver.errors import Refusal
from authserver.factors.guessable import COMMON, KNOWN, LIST, REPEATS, problem
from authserver.factors.password import new_password

ABOUT = ("Nordhafen University", "mara.lindqvist@nordhafen.example", "mlind", "Mara Lindqvist")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("password", COMMON),
        ("PASSWORD", COMMON),
        ("ｐａｓｓｗｏｒｄ", COMMON),  # noqa: RUF001
        ("password1234567", COMMON),
        ("sunshine!!", COMMON),
        ("1qaz2wsx3edc4rfv", COMMON),
        ("aaaaaaaaaaaaaaaa", REPEATS),
        ("kestrelkestrelkestrel", REPEATS),
        ("Nordhafen University 2027", KNOWN),
        ("mara.lindqvist@nordhafen.example", KNOWN),
        ("mlind-mlind-2027", KNOWN),
        ("LindqvistMara1987", KNOWN),
        ("a quiet river in the morning", None),
        ("Nordhafen has eleven quiet kestrels", None),
        ("correct horse battery staple", None),
        ("passwords are not poems", None),
        ("ÄpfelundBirnensaft", None),
    ],
)
def test_what_would_be_guessed(password: str, said: str | None) -> None:
    """PW-2: common ones in any case and width, with a tail of digits; names of the person and the site."""
    assert problem(password, ABOUT) == said


def test_the_list_ships_and_is_long_enough() -> None:
    """PW-2: at least ten thousand, each of which could be chosen by its length."""
    with gzip.open(LIST, "rt", encoding="utf-8") as lines:
        words = [line.rstrip("\n") for line in lines]
    assert len(set(words)) >= 10_000
    assert min(map(len, words)) >= 8


def test_a_refusal_says_what_it_is_about() -> None:
    with pytest.raises(Refusal) as caught:
        new_password("1qaz2wsx3edc4rfv", 8)
    assert caught.value.fields == {"password": COMMON}
