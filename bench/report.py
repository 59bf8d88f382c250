"""What a run says: a table to read, JSON to compare with, a page and a chart for the documentation."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.written import put

PROJECT = Path(__file__).resolve().parent.parent
LATEST = PROJECT / "bench" / "results" / "latest.json"
PAGE = PROJECT / "docs" / "proof.md"
CHART = PROJECT / "docs" / "performance" / "speed.svg"
STORES = {
    "sqlite": "SQLite file, durable, beside the peer's in-memory store",
    "postgresql": "PostgreSQL and Redis, durable commit, beside the peer's Redis store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One endpoint on one store; `ratio` is the median of the ratios of the rounds."""

    endpoint: str
    title: str
    store: str
    ratio: float
    target: float | None
    rate: float
    peer_rate: float
    p50_ms: float
    p99_ms: float
    peer_p50_ms: float
    peer_p99_ms: float
    cpu_us: float
    peer_cpu_us: float
    megabytes: float
    peer_megabytes: float
    client_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure that is no endpoint's: `met` says whether it is what it has to be."""

    name: str
    title: str
    value: float
    unit: str
    target: str
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    rows: Sequence[Row]
    figures: Sequence[Figure]
    is_quick: bool

    @property
    def about(self) -> str:
        """When and on what."""
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")  # noqa: TID251  when this was measured
        return (
            f"{at}, {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}, load average {os.getloadavg()[1]:.1f}, "
            f"{'quick' if self.is_quick else 'full'} run"
        )

    def write(self) -> None:
        """Leave the JSON; after a full run also the page and its chart."""
        told = {
            "about": self.about,
            "results": [asdict(row) for row in self.rows],
            "figures": [asdict(figure) for figure in self.figures],
        }
        LATEST.parent.mkdir(parents=True, exist_ok=True)
        LATEST.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if not self.is_quick:
            CHART.parent.mkdir(parents=True, exist_ok=True)
            CHART.write_text(chart(self.rows), encoding="utf-8")
            shown = "![Ratio to oidc-provider, by endpoint](performance/speed.svg)"
            put(PAGE, "speed: written by make bench", f"{shown}\n\n{self.text()}")

    def text(self) -> str:
        """The tables, in Markdown."""
        parts = [f"Measured {self.about}."]
        for store, title in STORES.items():
            rows = [row for row in self.rows if row.store == store]
            if rows:
                parts += [f"### {title}", _table(rows)]
        parts.append("| figure | value | must be | |\n|---|---:|---:|---|")
        figures = (
            f"| {each.title} | {each.value:.2f} {each.unit} | {each.target} | {_met(each)} |"
            for each in self.figures
        )
        parts[-1] += "".join(f"\n{line}" for line in figures)
        return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    head = (
        "| endpoint | authserver /s | oidc-provider /s | ratio | reach | | p50 ms | p99 ms | peer p50, p99 ms"
        " | core µs | peer's | MB | peer's |\n|---|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    return "\n".join([head, *map(_line, rows)])


def _line(row: Row) -> str:
    target = "" if row.target is None else f"{row.target:g}"
    met = "" if row.target is None else _mark(row.ratio >= row.target)
    return (
        f"| {row.title} | {row.rate:.0f} | {row.peer_rate:.0f} | **{row.ratio:.2f}** | {target} | {met} "
        f"| {row.p50_ms:.1f} | {row.p99_ms:.1f} | {row.peer_p50_ms:.1f}, {row.peer_p99_ms:.1f} "
        f"| {row.cpu_us:.0f} | {row.peer_cpu_us:.0f} | {row.megabytes:.0f} | {row.peer_megabytes:.0f} |"
    )


def _met(figure: Figure) -> str:
    return _mark(figure.met) if figure.target else ""


def _mark(met: bool) -> str:  # noqa: FBT001
    return "✓" if met else "✗"


def chart(rows: Sequence[Row]) -> str:
    """Bars of the ratios, with a stroke at what each must reach; 1 is the peer."""
    left, width, height, gap = 260, 420, 20, 10
    most = max(row.ratio for row in rows) * 1.1
    scale = width / most
    size = f'width="{left + width + 70}" height="{(height + gap) * len(rows) + 50}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13" role="img">',
        "<title>Requests per second and core, as a multiple of oidc-provider</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    bottom = (height + gap) * len(rows) + gap
    for at, row in enumerate(rows):
        y = gap + at * (height + gap)
        colour = "#2563a8" if row.store == "sqlite" else "#3d7a4f"
        store = "SQLite" if row.store == "sqlite" else "PostgreSQL"
        lines += [
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{row.title}, {store}</text>',
            f'<rect x="{left}" y="{y}" width="{row.ratio * scale:.1f}" height="{height}" fill="{colour}"/>',
            f'<text x="{left + row.ratio * scale + 6:.1f}" y="{y + 15}">{row.ratio:.2f}</text>',
        ]
        if row.target:
            x = left + row.target * scale
            lines.append(f'<path d="M{x:.1f} {y - 2}v{height + 4}" stroke="#b3261e" stroke-width="2"/>')
    one = left + scale
    lines += [
        f'<path d="M{one:.1f} {gap}V{bottom}" stroke="#555" stroke-dasharray="3 3"/>',
        f'<text x="{one:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">1 = oidc-provider</text>',
        f'<text x="{left + width}" y="{bottom + 16}" text-anchor="end" fill="#b3261e">| what it must reach</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
