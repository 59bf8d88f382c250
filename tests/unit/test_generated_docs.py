"""The generated reference pages are those of this code."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_pages_are_current() -> None:
    """Run `make docs` when this fails."""
    pages = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    assert len(pages) >= 3
    for name, text in pages.items():
        assert (DOCS / "reference" / name).read_text(encoding="utf-8") == text, name
