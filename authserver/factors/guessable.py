"""Passwords that are among the first guesses: common ones, and those made of what everybody knows of somebody. PW-2.

The list is that of zxcvbn (https://github.com/dropbox/zxcvbn, MIT), made from the corpus of Mark Burnett: those of its
30,000 that are long enough to be chosen here.
"""

import gzip
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

LIST = Path(__file__).with_name("common_passwords.txt.gz")
WORD = re.compile(r"[^\W_]+")
TAIL = re.compile(r"[\W\d_]{1,8}$")
SHORTEST_WORD = 3
ENOUGH = 5  # letters beside what everybody knows

COMMON = "This password is among the first that are tried. Choose another one."
KNOWN = "This is made of your name, your address or the name of this site. Choose another one."
REPEATS = "This repeats itself. Choose another one."


def problem(password: str, about: Iterable[str]) -> str | None:
    """Say why this would be guessed; `about` is what is known of the person and the site. None when it would not."""
    folded = _folded(password)
    if is_common(folded) or is_common(TAIL.sub("", folded)):
        return COMMON
    if folded in (folded + folded)[1:-1]:
        return REPEATS
    return KNOWN if _is_made_of(folded, about) else None


def is_common(folded: str) -> bool:
    """Whether it is on the list, which is read from its file: passwords are chosen rarely, and memory is dear."""
    with gzip.open(LIST, "rt", encoding="utf-8") as lines:
        return f"{folded}\n" in lines


def _is_made_of(folded: str, about: Iterable[str]) -> bool:
    """Whether little but digits and signs is left without those words."""
    words = {word for text in about for word in WORD.findall(_folded(text)) if len(word) >= SHORTEST_WORD}
    rest = folded
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != folded and sum(char.isalpha() for char in rest) < ENOUGH


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
