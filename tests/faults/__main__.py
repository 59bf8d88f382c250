"""`python -m tests.faults`: every fault at length, and a table of what it cost."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests import seeds
from tests.faults.harness import Row, endure, faults_of, prepared
from tests.peers.postgresql import PostgreSQL
from tests.peers.redis import Redis


def main() -> int:
    given = argparse.ArgumentParser(prog="python -m tests.faults")
    given.add_argument("--seconds", type=float, default=20.0, help="how long each fault goes on")
    given.add_argument("--store", action="append", choices=["sqlite", "postgresql"])
    given.add_argument("--fault", action="append", help="only faults whose name holds this")
    chosen = given.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="authserver-faults-") as folder:
        for store in chosen.store or ["sqlite", "postgresql"]:
            rows += run(store, Path(folder) / store, chosen.seconds, chosen.fault or [""])
    return any(row.violations for row in rows)


def run(store: str, folder: Path, seconds: float, wanted: list[str]) -> list[Row]:
    rows = []
    with ExitStack() as stack:
        server = redis = None
        if store == "postgresql":
            server, redis = PostgreSQL.install(), Redis.install()
            stack.callback(redis.close)
            stack.callback(server.close)
        seed = seeds.build("postgresql" if server else "sqlite", folder / "seed", server)
        ground = stack.enter_context(prepared(seed, folder / "ground", redis))
        for name in faults_of(ground):
            if any(word in name for word in wanted):
                rows.append(endure(ground, name, seconds))
                show(rows[-1])
    return rows


def show(row: Row) -> None:
    print(
        f"{row.store:28} {row.fault:38} {row.requests:6} requests {row.errors:5} errors"
        f" {row.unanswered:4} unanswered {row.slowest:5.1f} s slowest {row.sign_ins} {row.codes} {row.rotations}"
        f" {len(row.violations)} violations",
        flush=True,
    )
    for sentence in row.violations[:20]:
        print("   !", sentence)
    for sentence in row.said[:10]:
        print("   -", sentence)


if __name__ == "__main__":
    sys.exit(main())
