"""Processes pinned to a core, and what they use of it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER = {CORES[0]}
CLIENT = {CORES[-1]}
TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1_000_000


@contextmanager
def on(cores: Iterable[int]) -> Iterator[None]:
    """What is started meanwhile stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(*roots: int) -> list[int]:
    """These processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = list(roots)
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """The time of the core that these processes, and their children that have ended, have used."""
    fields = (_stat(Path(f"/proc/{pid}/stat")) for pid in pids)
    return sum(sum(map(int, each[11:15])) for each in fields if each) / TICKS


def resident_megabytes(pid: int) -> float:
    """What a process holds in memory, pages shared with others included."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    return 0.0


def _stat(path: Path) -> list[str]:
    """The fields after the name, which may hold spaces: state, parent and so on."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
