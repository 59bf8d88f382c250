"""Prometheus metrics over all workers, on a listener of its own that the parent process keeps."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
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
        self._counts: dict[tuple[str, ...], Callable[[], None]] = {}
        self._times: dict[str, Callable[[float], None]] = {}

    def count(self, name: str, labels: Mapping[str, str]) -> None:
        key = (name, *labels.values())
        found = self._counts.get(key)
        if found is None:
            # Labels cost as much as counting; each set of them is looked up once.
            found = self._counts[key] = self._counters[name].labels(**labels).inc
        found()

    def observe(self, endpoint: str, seconds: float) -> None:
        found = self._times.get(endpoint)
        if found is None:
            found = self._times[endpoint] = self._seconds.labels(endpoint=endpoint).observe
        found(seconds)

    def exposition(self) -> bytes:
        """Give the metrics of all workers, as a scraper reads them."""
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
