"""How tries at a directory are counted."""

import pytest

from authserver.login.directory import one_spelling


@pytest.mark.parametrize(
    "spelled",
    [
        " Jose ",
        "JOSE",
        "jo se",
        "jos\N{LATIN SMALL LETTER E WITH ACUTE}",
        "jose\N{COMBINING ACUTE ACCENT}",
        "jo\N{SOFT HYPHEN}se",
        "\N{ZERO WIDTH SPACE}jose",
        "jose\N{VARIATION SELECTOR-1}",
        "\N{FULLWIDTH LATIN SMALL LETTER J}ose",
    ],
)
def test_what_a_directory_takes_for_one_name_is_counted_as_one(spelled: str) -> None:
    """PW-5, LD-4: an invisible letter gives nobody three more tries, nor the directory a reason to lock."""
    assert one_spelling(spelled) == one_spelling("jose")


def test_other_names_are_counted_apart() -> None:
    assert len({one_spelling(name) for name in ("jose", "josef", "j.ose", "jo-se", "jose1")}) == 5
