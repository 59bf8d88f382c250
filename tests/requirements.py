"""Lists the requirements in force that no test names: `make requirements`.

docs/requirements.md says what is required, and in its table "In force" since which part of the work.
A test names a requirement in its name (`test_az_1_…`), its docstring, an id of a table row or a comment.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "requirements.md"
RULE = re.compile(r"^- (\*\*)?([A-Z]+-\d+)(?:\*\*)? (.+)$", re.MULTILINE)
IN_FORCE = re.compile(r"^\| ([^|\n]+?) +\| ([^|\n]+?) +\|$", re.MULTILINE)
WORD = re.compile(r"([A-Z]+)(?:-(\d+)(?: to (\d+))?)?")
IN_TEXT = re.compile(r"\b([A-Z]+-\d+)\b")
IN_NAME = re.compile(r"(?<=_)([a-z]+_\d+)(?=_|\b)")
TEST_NAME = re.compile(r"\b(test_\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One numbered statement; a bold one is exploitable or breaks interoperation when missed."""

    id: str
    text: str
    bold: bool = False

    @property
    def area(self) -> str:
        return self.id.partition("-")[0]


def rules(page: str) -> dict[str, Rule]:
    """Every rule of the page, in its order."""
    found = {}
    for bold, name, text in RULE.findall(page):
        if name in found:
            sys.exit(f"{name} is numbered twice in {PAGE.name}")
        found[name] = Rule(id=name, text=text, bold=bool(bold))
    return found


def named(words: str, known: dict[str, Rule]) -> set[str]:
    """The ids that "AZ, LO-1 to 3, KEY-4" stands for; a word that stands for none is an error."""
    ids = set()
    for word in re.split(r", +", words):
        match = WORD.fullmatch(word)
        if match is None:
            sys.exit(f"{PAGE.name}: cannot read {word!r}")
        area, first, last = match.groups()
        numbers = range(int(first), int(last or first) + 1) if first else None
        chosen = {
            rule.id
            for rule in known.values()
            if rule.area == area and (numbers is None or int(rule.id.partition("-")[2]) in numbers)
        }
        if not chosen:
            sys.exit(f"{PAGE.name}: {word!r} names no rule")
        ids |= chosen
    return ids


def in_force(page: str, known: dict[str, Rule]) -> set[str]:
    """What the table under "In force" names, less what its row "not yet" takes out again."""
    _, _, section = page.partition("## In force\n")
    table = section.partition("\n## ")[0]
    rows = [(part, words) for part, words in IN_FORCE.findall(table) if not part.startswith("-")][1:]
    chosen: set[str] = set()
    for part, words in rows:
        if part != "not yet":
            chosen |= named(words, known)
    for part, words in rows:
        if part == "not yet":
            chosen -= named(words, known)
    return chosen


def tested(folder: Path) -> set[str]:
    """The ids that the test files speak of."""
    ids: set[str] = set()
    for file in folder.rglob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        ids.update(IN_TEXT.findall(text))
        for name in TEST_NAME.findall(text):
            ids.update(found.replace("_", "-").upper() for found in IN_NAME.findall(name))
    return ids


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    known = rules(page)
    live = in_force(page, known)
    covered = tested(TESTS)
    later: dict[str, list[str]] = {}
    for rule in known.values():
        if rule.id not in live:
            later.setdefault(rule.area, []).append(rule.id.partition("-")[2])
    print("Not yet in force:", "; ".join(f"{area} {' '.join(numbers)}" for area, numbers in later.items()))
    missing = [rule for rule in known.values() if rule.id in live and rule.id not in covered]
    print(f"\nIn force and named by no test, of {len(live)}:" if missing else f"\nAll {len(live)} in force:")
    for rule in missing:
        print(f"{'**' + rule.id + '**' if rule.bold else rule.id:>12}  {rule.text:.100}")
    print(f"without a test: {len(missing)}")
    return 1 if any(rule.bold for rule in missing) else 0


if __name__ == "__main__":
    sys.exit(main())
