"""The documentation: its commands run as they stand, its links lead somewhere, and what it names is there."""

import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from authserver.cli import main as command
from authserver.config import Config
from authserver.settings.catalogue import Settings
from tests.deploy.house import running

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
COPIED = re.compile(r"<!-- snippet \w+ -->\n```.*?\n```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# In the order of a newcomer; what is copied from the product is run by test_snippets.
RUN = ("first-hour", "resource-servers", "admin-api", "looks", "keys", "master-key", "backup-and-restore")
WRITTEN = (
    "README.md",
    "docs/*.md",
    "docs/guide/*.md",
    "docs/decisions/*.md",
    "docs/changes/*.md",
    "*/README.md",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A page, and what of it can be checked."""

    path: Path
    text: str

    def blocks(self, language: str) -> list[str]:
        """What stands in its fences of a language, but for what is copied."""
        found = FENCE.findall(COPIED.sub("", self.text))
        return [textwrap.dedent(text) for _, kind, text in found if kind == language]

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """Where a link can lead to inside the page, as GitHub makes anchors of headings."""
        said = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(self.prose))
        return {heading.strip().replace(" ", "-") for heading in said}


def page(path: Path) -> Written:
    return Written(path=path, text=path.read_text(encoding="utf-8"))


def pages(project: Path) -> Iterator[Written]:
    for pattern in WRITTEN:
        yield from (page(path) for path in sorted(project.glob(pattern)) if "node_modules" not in path.parts)


def test_what_a_newcomer_types_works(project: Path, tmp_path: Path) -> None:
    """Every command of these pages, typed in the order of the pages at one installation."""
    guide = project / "docs" / "guide"
    with running(tmp_path) as house:
        said = {}
        for name in RUN:
            lines = "\n".join(page(guide / f"{name}.md").blocks("sh"))
            assert lines, name
            said[name] = house.shell(lines.replace("http://localhost:8000", house.issuer))
    assert "differs in the trailing slash from http://localhost:3000/callback" in said["first-hour"]
    assert '"token_type":"Bearer"' in said["first-hour"].replace('": "', '":"')
    assert '"contact":"grades@example.org"' in said["admin-api"].replace('": "', '":"')
    assert "epoch" in said["backup-and-restore"]
    assert (tmp_path / "backup.db").stat().st_size > 0


def test_every_link_leads_somewhere(project: Path) -> None:
    broken = []
    for each in pages(project):
        for target in ("".join(found) for found in LINK.findall(each.prose)):
            if target.startswith(("https://", "mailto:")):
                continue
            name, _, anchor = target.partition("#")
            path = (each.path.parent / name).resolve() if name else each.path
            if not path.exists() or not path.is_relative_to(project):
                broken.append(f"{each.path.relative_to(project)}: {target}")
            elif anchor and anchor not in page(path).anchors:
                broken.append(f"{each.path.relative_to(project)}: {target} has no such heading")
    assert not broken, "\n".join(broken)


def test_every_page_is_reached_from_the_index(project: Path) -> None:
    index = project / "docs" / "README.md"
    listed = {
        (index.parent / "".join(found).partition("#")[0]).resolve()
        for found in LINK.findall(page(index).text)
    }
    missing = {
        path
        for folder in ("guide", "reference")
        for path in (project / "docs" / folder).glob("*.*")
        if path.resolve() not in listed
    }
    assert not missing


def test_every_rule_that_is_explained_is_one_that_refuses(project: Path) -> None:
    text = page(project / "docs" / "guide" / "explain.md").text
    rules = re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE)
    source = "\n".join(path.read_text() for path in (project / "authserver").rglob("*.py"))
    assert len(rules) > 8
    for rule in rules:
        patterns = (f'rule="{rule}"', f'rule=f"{rule.partition(".")[0]}.{{')
        assert any(pattern in source for pattern in patterns), rule


def test_every_variable_setting_and_command_that_is_named_exists(project: Path) -> None:
    known = {f"AUTHSERVER_{name.upper()}" for name in Config.model_fields} | {"AUTHSERVER_CONFIG"}
    for each in pages(project):
        if each.path.name == "requirements.md":
            continue
        for name in re.findall(r"\bAUTHSERVER_[A-Z_]+", each.text):
            setting = name.removeprefix("AUTHSERVER_SETTINGS__").lower()
            assert name in known or setting in Settings.model_fields, f"{each.path}: {name}"
        for words in re.findall(r"`authserver ([a-z][a-z -]*)", each.text):
            assert is_command(words.split()), f"{each.path}: authserver {words}"


def is_command(words: list[str]) -> bool:
    """Whether these words begin with a command that there is; what follows it are its arguments."""
    context, here = command.make_context("authserver", [], resilient_parsing=True), command
    for word in words:
        if not hasattr(here, "get_command"):
            return True
        below = here.get_command(context, word)
        if below is None:
            return False
        here = below  # type: ignore[assignment]
    return True


def test_the_picture_is_small_enough_to_load(project: Path) -> None:
    picture = project / "docs" / "images" / "sign-in.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000


def test_no_page_names_a_path_of_the_machine_it_was_written_on(project: Path) -> None:
    for each in pages(project):
        assert not re.search(r"/(root|work|home/\w+)/", each.text), each.path


@pytest.mark.parametrize("name", ["README.md", "docs/guide/first-hour.md"])
def test_make_has_the_targets_that_are_told(project: Path, name: str) -> None:
    told = set(re.findall(r"\bmake ([a-z-]+)$", (project / name).read_text(), re.MULTILINE))
    text = (project / "Makefile").read_text()
    assert told
    assert all(re.search(rf"^{target}:", text, re.MULTILINE) for target in told)


def test_git_would_take_no_file_of_a_key(project: Path) -> None:
    """keys/ is for a file that is never committed."""
    asked = ["git", "check-ignore", "keys/master.key", "data/master.key"]
    said = subprocess.run(asked, cwd=project, capture_output=True, text=True, check=False, timeout=30)
    assert said.stdout.split() == asked[2:]
