"""Builds an image by its own Dockerfile in a temporary root: what Docker would do, where there is no Docker.

A virtual environment stands for the base image's Python. Paths of the image lie below the root, each exposed port is
a free one of this machine, and steps run as the image's user when root runs the tests.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.process import free_port

# A path of the image in a command; those of the machine, such as /bin/sh, stay.
PATH = re.compile(r"(?<![\w./:])/(?:srv|var|opt|etc|home|usr/local)\b")
BASE = re.compile(r"python:(\d+)\.(\d+)-slim-bookworm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One line of a Dockerfile, its continuations joined."""

    name: str
    rest: str


def instructions(text: str) -> Iterator[Instruction]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.partition(" ")
        yield Instruction(name=name, rest=" ".join(rest.split()))


@dataclass(frozen=True, slots=True)
class Context:
    """The files that a build may copy: those of the folder that .dockerignore lets through."""

    folder: Path

    def files(self) -> Iterator[Path]:
        """Every file of the context, as a path inside the folder."""
        rules = [
            (not line.startswith("!"), pattern(line.removeprefix("!").strip("/")))
            for line in (self.folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        ]
        # A folder that is left out is entered only if something below it might be taken in again.
        for top in sorted(self.folder.iterdir()):
            if not ignored(Path(top.name), rules):
                for path in [top] if top.is_file() else sorted(top.rglob("*")):
                    inside = path.relative_to(self.folder)
                    if path.is_file() and not ignored(inside, rules):
                        yield inside


def pattern(text: str) -> re.Pattern[str]:
    """A line of .dockerignore: ** is any folders, * and ? stay within a name; what is below matches, too."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    return re.compile("".join(parts.get(token, re.escape(token)) for token in tokens) + r"(?:/.*)?")


def ignored(path: Path, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that matches decides."""
    found = False
    for leaves_out, matcher in rules:
        if matcher.fullmatch(path.as_posix()):
            found = leaves_out
    return found


@dataclass(slots=True, kw_only=True)
class Image:
    """What a Dockerfile builds, and how it is run."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: int | None = None
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    ports: dict[int, int] = field(default_factory=dict)
    copied: list[Path] = field(default_factory=list)

    def below(self, path: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / os.path.normpath(os.path.join("/", self.workdir, path)).lstrip("/")  # noqa: PTH118

    def mapped(self, text: str) -> str:
        """A text with its paths below the root, and its ports free ones."""
        for port, free in self.ports.items():
            text = re.sub(rf":{port}\b", f":{free}", text)
        return PATH.sub(lambda found: f"{self.root}{found[0]}", text)

    def variables(self, **more: str) -> dict[str, str]:
        """What a process in the image finds in its environment."""
        said = {name: self.mapped(value) for name, value in (self.environment | more).items()}
        return {"PATH": f"{self.root}/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", **said}

    def start(self, arguments: Sequence[str], log: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Run a command in the image, as its user."""
        # Only root can become somebody else; anybody else is nobody special already.
        account = {"user": self.user, "group": self.user, "extra_groups": []} if is_root() else {}
        with log.open("ab") as file:
            return subprocess.Popen(
                [self.mapped(argument) for argument in arguments],
                cwd=self.below("."),
                env=self.variables(**environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                **account,  # type: ignore[arg-type]
            )

    def run(self, arguments: Sequence[str], log: Path, **environment: str) -> int:
        return self.start(arguments, log, **environment).wait(60)


def build(context: Context, root: Path) -> Image:
    """Do what the Dockerfile says; an instruction that is not known here fails the test that needs it."""
    image = Image(root=root)
    for each in instructions((context.folder / "Dockerfile").read_text(encoding="utf-8")):
        STEPS[each.name](image, context, each.rest)
    return image


def base(image: Image, context: Context, rest: str) -> None:
    found = BASE.fullmatch(rest)
    assert found, f"{rest} is not a base image that this test knows"
    made = [python((int(found[1]), int(found[2]))), "-m", "venv", image.root / "usr" / "local"]
    subprocess.run(made, check=True, timeout=60)


def python(version: tuple[int, int]) -> str:
    """A Python of this version that other users may run, too."""
    name = "python{}.{}".format(*version)
    for found in (sys._base_executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):  # type: ignore[attr-defined]
        path = Path(found or "/nowhere").resolve()
        is_open = all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.exists())
        if path.name == name and path.exists() and (is_open or not is_root()):
            return str(path)
    raise AssertionError(f"there is no {name} outside of root's home\n  → apt-get install python3-venv")


def environment(image: Image, context: Context, rest: str) -> None:
    image.environment |= dict(word.partition("=")[::2] for word in shlex.split(rest))


def workdir(image: Image, context: Context, rest: str) -> None:
    image.workdir = rest
    image.below(".").mkdir(parents=True, exist_ok=True)


def copy(image: Image, context: Context, rest: str) -> None:
    *sources, target = rest.split()
    known = list(context.files())
    for source in sources:
        wanted = Path(os.path.normpath(source))
        found = [path for path in known if path == wanted or wanted in path.parents]
        assert found, f"COPY {source}: .dockerignore leaves it out, or it is not there"
        for path in found:
            inside = path.relative_to(wanted) if path != wanted else Path(path.name)
            place = image.below(target) / inside
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(context.folder / path, place)
            image.copied.append(path)


def run(image: Image, context: Context, rest: str) -> None:
    # The caller's package index, certificates and cache are the machine's, not the image's.
    machine = {name: os.environ[name] for name in os.environ if name.startswith("PIP_") or name == "HOME"}
    ours = {name: value for name, value in image.variables().items() if name != "PIP_NO_CACHE_DIR"}
    line = image.mapped(rest)
    if not is_root() and image.user is None:
        line = re.sub(r"(-[og]) \d+", lambda found: f"{found[1]} {os.getuid()}", line)
    done = subprocess.run(
        ["/bin/sh", "-ec", line],
        cwd=image.below("."),
        env=machine | ours,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"


def user(image: Image, context: Context, rest: str) -> None:
    name, _, group = rest.partition(":")
    assert name.isdecimal(), "Kubernetes can prove that a number is not root, not that a name is not"
    assert name == group
    image.user = int(name)


def volume(image: Image, context: Context, rest: str) -> None:
    image.volumes += rest.split()


def expose(image: Image, context: Context, rest: str) -> None:
    image.ports |= {int(port): free_port() for port in rest.split()}


def healthcheck(image: Image, context: Context, rest: str) -> None:
    image.health = json.loads(rest.partition("CMD ")[2])


def command(image: Image, context: Context, rest: str) -> None:
    image.command = json.loads(rest)


def is_root() -> bool:
    return os.getuid() == 0


STEPS = {
    "FROM": base,
    "ENV": environment,
    "WORKDIR": workdir,
    "COPY": copy,
    "RUN": run,
    "USER": user,
    "VOLUME": volume,
    "EXPOSE": expose,
    "HEALTHCHECK": healthcheck,
    "CMD": command,
}
