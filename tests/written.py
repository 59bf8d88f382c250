"""Parts of pages that commands write: what stands between a mark and its end."""

from pathlib import Path


def put(page: Path, mark: str, part: str) -> None:
    """Put the part where its mark is; `mark` begins with a word, and `<!-- word: end -->` ends the part."""
    begin, end = f"<!-- {mark} -->", f"<!-- {mark.partition(':')[0]}: end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    if not found or end not in rest:
        raise LookupError(f"{page.name} has no place for this: {begin} … {end}")
    page.write_text(f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
