"""The generated reference pages, and the code in README and guide, are those of this product."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_current() -> None:
    """Run `make docs` when this fails."""
    pages = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    assert len(list((DOCS / "reference").iterdir())) == sum(path.parent.name == "reference" for path in pages)
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, path.name
