"""`make bench`: both servers, all endpoints, in alternating rounds; QUICK=1 takes less than five minutes."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from bench import growth, processes, scaling, second_step, signing_in
from bench.endpoints import ENDPOINTS, POSTGRESQL, SQLITE, Endpoint
from bench.report import Figure, Report, Row
from bench.rounds import Pace, alternate
from bench.sides import Side, ours, peer, seconds_to_first_answer
from tests.peers.postgresql import PostgreSQL
from tests.peers.redis import Redis

# A shared machine is faster and slower from one second to the next: many short rounds tell more than few long ones.
FULL = Pace(rounds=20, seconds=1.5, warm_up=4.0)
# What takes long, as a sign-in does, has longer ones.
LONG = Pace(rounds=9, seconds=3.0, warm_up=4.0)
# What grows is measured over several pairs of processes.
PAIR = Pace(rounds=5, seconds=1.5, warm_up=3.0)
QUICK = Pace(rounds=3, seconds=1.5, warm_up=2.0)
STARTS = 5
MOST_MEGABYTES, MOST_SECONDS, LEAST_OF_HASHES, MOST_GROWTH = 100, 0.8, 0.85, 1.15


def main() -> None:
    # Whoever ends a run early ends its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    is_quick = os.environ.get("QUICK", "0") not in {"", "0"}
    pace, slow = (QUICK, QUICK) if is_quick else (FULL, LONG)
    chosen = [each for each in ENDPOINTS if each.name in sys.argv[1:] or not sys.argv[1:]]
    rows: list[Row] = []
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="authserver-bench-") as folder:
        with _sqlite(Path(folder) / SQLITE) as sides:
            rows += [_row(each, SQLITE, sides, pace) for each in chosen]
            figures += _figures(Path(folder) / SQLITE, sides[0], slow)
        with _postgresql(Path(folder) / POSTGRESQL) as sides:
            rows += [_row(each, POSTGRESQL, sides, pace) for each in chosen if POSTGRESQL in each.targets]
        report = Report(rows=rows, figures=figures, is_quick=is_quick)
        report.write()  # what follows takes as long again
        if not is_quick and not sys.argv[1:]:
            figures += _grown(Path(folder) / "growth")
            figures += _scaled(Path(folder) / "scaling")
            report.write()
    print(report.text())


@contextmanager
def _sqlite(folder: Path) -> Iterator[Sequence[Side]]:
    folder.mkdir()
    with ours(folder) as own, peer(folder) as other:
        yield own, other


@contextmanager
def _postgresql(folder: Path) -> Iterator[Sequence[Side]]:
    folder.mkdir()
    with ExitStack() as stack:
        with processes.on(processes.SERVER):
            server, redis, theirs = PostgreSQL.install(), Redis.install(), Redis.install()
        for started in (server, redis, theirs):
            stack.callback(started.close)
        own = stack.enter_context(ours(folder, server, redis))
        yield own, stack.enter_context(peer(folder, theirs))


def _row(endpoint: Endpoint, store: str, sides: Sequence[Side], pace: Pace) -> Row:
    own, other = alternate(endpoint, sides, pace)
    pairs = zip(own.loads, other.loads, strict=True)
    row = Row(
        endpoint=endpoint.name,
        title=endpoint.title,
        store=store,
        ratio=median(ours.rate / theirs.rate for ours, theirs in pairs),
        target=endpoint.targets.get(store),
        rate=own.rate,
        peer_rate=other.rate,
        p50_ms=own.milliseconds(0.5),
        p99_ms=own.milliseconds(0.99),
        peer_p50_ms=other.milliseconds(0.5),
        peer_p99_ms=other.milliseconds(0.99),
        cpu_us=own.cpu_microseconds,
        peer_cpu_us=other.cpu_microseconds,
        megabytes=own.megabytes,
        peer_megabytes=other.megabytes,
        client_share=max(own.client_share, other.client_share),
    )
    print(
        f"{store:11}{endpoint.title:22} {row.rate:6.0f}/s beside {row.peer_rate:6.0f}/s: {row.ratio:.2f}",
        file=sys.stderr,
        flush=True,
    )
    return row


def _figures(folder: Path, own: Side, pace: Pace) -> list[Figure]:
    megabytes = own.megabytes()
    signed = signing_in.measure(own, signing_in.by_password(own), pace)
    asked = signing_in.measure(own, signing_in.by_app(own), pace)
    stepped = signing_in.measure(own, second_step.flows(own, folder / "data"), pace)
    start = median(seconds_to_first_answer(folder) for _ in range(STARTS))
    return [
        Figure(
            name="memory",
            title="memory of a worker after the load",
            value=megabytes,
            unit="MB",
            target=f"≤ {MOST_MEGABYTES} MB",
            met=megabytes <= MOST_MEGABYTES,
        ),
        Figure(
            name="first_answer",
            title="start to first answer",
            value=start,
            unit="s",
            target=f"≤ {MOST_SECONDS} s",
            met=start <= MOST_SECONDS,
        ),
        _signing_in("app_sign_in", "password sign-ins by an app itself, in JSON,", asked),
        _signing_in(
            "sign_in", "password sign-ins in new browsers, by the pages and back to the app,", signed
        ),
        Figure(
            name="totp_sign_in",
            title=f"sign-ins by password and authenticator app beside the hash alone ({stepped.rate:.1f} a second)",
            value=stepped.ratio,
            unit="",
            target="",
            met=True,
        ),
    ]


def _signing_in(name: str, title: str, found: signing_in.SignIns) -> Figure:
    return Figure(
        name=name,
        title=f"{title} beside the hash alone ({found.rate:.1f} and {found.hash_rate:.1f} a second)",
        value=found.ratio,
        unit="",
        target=f"≥ {LEAST_OF_HASHES}",
        met=found.ratio >= LEAST_OF_HASHES,
    )


def _grown(folder: Path) -> list[Figure]:
    found = growth.measured(folder, PAIR)
    about = f"among {growth.MANY:,} beside among {growth.FEW:,}: core time"
    return [
        Figure(
            name=f"growth_{name}",
            title=f"{title} {about}, {len(pairs)} pairs of processes from {min(pairs):.2f} to {max(pairs):.2f}",
            value=median(pairs),
            unit="",
            target=f"≤ {MOST_GROWTH}",
            met=median(pairs) <= MOST_GROWTH,
        )
        for name, title, pairs in (
            ("refresh", "refresh", found.refresh),
            ("sign_in", "sign-in without its hash", found.sign_in),
        )
    ]


def _scaled(folder: Path) -> list[Figure]:
    return [
        Figure(
            name=each.name,
            title=each.title,
            value=each.rate,
            unit="",
            target="",
            met=True,
        )
        for each in scaling.measured(folder, LONG)
    ]


if __name__ == "__main__":
    main()
