"""Prometheus metrics over all workers, on a listener of its own that the parent process keeps.

A request only notes what is to be counted; a thread of each worker adds it up twice a second, in files that all share.
"""

import os
import shutil
import tempfile
import threading
from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict, deque
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
    start_http_server,
    values,
)

from authserver.errors import Misconfigured
from authserver.metrics import COUNTERS

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
EVERY = 0.5


class Prometheus:
    """Counters in files that all workers share. Made in the parent, before the first worker is forked."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="authserver-metrics-"))
        os.environ[FOLDER_VARIABLE] = str(self.folder)
        # The library looks at its variable when it is imported; so that nobody has to know, we say it again.
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._counters = {
            name: Counter(f"authserver_{name}", counted.sentence, counted.labels, registry=registry)
            for name, counted in COUNTERS.items()
        }
        self._seconds = Histogram(
            "authserver_request_seconds",
            "Seconds from a request's arrival to its answer.",
            ("endpoint",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._counts: deque[tuple[str, Mapping[str, str]]] = deque()
        self._answers: deque[tuple[str, int, float]] = deque()
        self._adding = threading.Lock()

    def count(self, name: str, labels: Mapping[str, str]) -> None:
        self._counts.append((name, labels))

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        self._answers.append((endpoint, status, seconds))

    def keep_adding(self) -> None:
        """Add up what was noted for as long as this process lives: called in each worker, after the fork."""

        def run() -> None:
            pause = threading.Event()
            while not pause.wait(EVERY):
                self.add_up()

        threading.Thread(target=run, name="metrics", daemon=True).start()

    def add_up(self) -> None:
        """Bring what was noted since the last time into the shared files."""
        with self._adding:
            counts: Tally[tuple[str, ...]] = Tally()
            buckets: Tally[tuple[str, int]] = Tally()
            sums: defaultdict[str, float] = defaultdict(float)
            for _ in range(len(self._counts)):
                name, labels = self._counts.popleft()
                counts[name, *(labels[label] for label in COUNTERS[name].labels)] += 1
            for _ in range(len(self._answers)):
                endpoint, status, seconds = self._answers.popleft()
                counts["requests", endpoint, str(status)] += 1
                buckets[endpoint, bisect_left(BUCKETS, seconds)] += 1
                sums[endpoint] += seconds
            for (name, *said), amount in counts.items():
                self._counters[name].labels(*said).inc(amount)
            # The library observes one at a time, and each costs what a whole bucket does here.
            for (endpoint, place), amount in buckets.items():
                self._seconds.labels(endpoint)._buckets[place].inc(amount)  # noqa: SLF001
            for endpoint, seconds in sums.items():
                self._seconds.labels(endpoint)._sum.inc(seconds)  # noqa: SLF001

    def exposition(self) -> bytes:
        """Give the metrics of all workers, as a scraper reads them."""
        self.add_up()
        return generate_latest(self._all())

    def listen(self, host: str, port: int) -> None:
        """Serve /metrics of all workers, also of those that have ended."""
        try:
            start_http_server(port, addr=host, registry=self._all())
        except OSError as error:
            raise Misconfigured(
                f"Metrics cannot be served on {host}:{port}: {error}", "Give metrics_bind another address."
            ) from error

    def _all(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=str(self.folder))  # type: ignore[no-untyped-call]
        return registry

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
