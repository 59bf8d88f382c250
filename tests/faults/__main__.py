"""`python -m tests.faults`: every fault at length, 10⁶ racing attempts on each database, and docs/proof/faults.md."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests import seeds
from tests.faults import attempts
from tests.faults.attempts import ATTEMPTS, Result, race
from tests.faults.ground import Ground
from tests.faults.harness import Row, endure, faults_of, prepared
from tests.faults.over_http import race_over_http
from tests.faults.report import PAGE, PROOF, page, races, summary, table
from tests.peers.postgresql import PostgreSQL
from tests.peers.redis import Redis
from tests.races.volley import THREADS
from tests.serve import Store
from tests.written import put

STORES: tuple[Store, ...] = ("sqlite", "postgresql")
# Of the attempts at each kind of thing, one in so many goes over HTTP.
HTTP_SHARE = 150


def main() -> int:
    given = argparse.ArgumentParser(prog="python -m tests.faults")
    given.add_argument("--seconds", type=float, default=30.0, help="how long each fault goes on")
    given.add_argument("--attempts", type=int, default=1_000_000, help="racing attempts on each database")
    given.add_argument("--store", action="append", choices=STORES)
    given.add_argument("--fault", action="append", help="only faults whose name holds this")
    chosen = given.parse_args()
    rows: list[Row] = []
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="authserver-faults-") as folder:
        for store in chosen.store or STORES:
            with made(store, Path(folder) / store) as ground:
                rows += suffer(ground, chosen.seconds, chosen.fault or [""])
                results += contend(ground, chosen.attempts, chosen.attempts // HTTP_SHARE)
    if not chosen.store and not chosen.fault:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(rows, results, threads=attempts.THREADS, volley=THREADS), encoding="utf-8")
        put(PROOF, "faults: written by make faults", summary(rows, results))
    return any(row.violations for row in rows) or any(result.violations for result in results)


@contextmanager
def made(store: Store, folder: Path) -> Iterator[Ground]:
    """The product on a store of its own, which nobody else needs."""
    with ExitStack() as stack:
        server = redis = None
        if store == "postgresql":
            server = PostgreSQL.install()
            stack.callback(server.close)
            redis = Redis.install()
            stack.callback(redis.close)
        seed = seeds.build(store, folder / "seed", server)
        yield stack.enter_context(prepared(seed, folder / "ground", redis))


def suffer(ground: Ground, seconds: float, wanted: list[str]) -> list[Row]:
    rows = []
    for name in faults_of(ground):
        if any(word in name for word in wanted):
            rows.append(endure(ground, name, seconds))
            print(table(rows[-1:]), end="", flush=True)
            for sentence in rows[-1].violations[:20]:
                print("  !", sentence, flush=True)
    return rows


def contend(ground: Ground, many: int, over_http: int) -> list[Result]:
    """A third of the attempts for each kind of thing; so many of them over HTTP."""
    each = many // len(ATTEMPTS)
    results = race(ground.deployment, each - over_http) if each else []
    if over_http:
        results += [race_over_http(ground, what, over_http) for what in ATTEMPTS]
    print(races(results), end="", flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
