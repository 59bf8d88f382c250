"""Alternating rounds: ours, the peer, ours, … so that whatever else the machine does falls on both."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import processes
from bench.endpoints import Endpoint, fields, flows
from bench.sides import Side
from bench.wire import Flow, Load, asking, drive, once


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long is measured."""

    rounds: int
    seconds: float
    warm_up: float


@dataclass(slots=True)
class Measured:
    """All rounds of one side."""

    loads: list[Load] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    @property
    def rate(self) -> float:
        return median(load.rate for load in self.loads)

    @property
    def each_cpu_microseconds(self) -> list[float]:
        """The core's time for one operation, server and store together, in each round."""
        pairs = zip(self.cpu_seconds, self.loads, strict=True)
        return [spent / len(load.latencies) * 1e6 for spent, load in pairs]

    @property
    def cpu_microseconds(self) -> float:
        return median(self.each_cpu_microseconds)

    def milliseconds(self, share: float) -> float:
        return median(load.percentile(share) for load in self.loads) * 1e3

    @property
    def client_share(self) -> float:
        """How busy the load client was; near 1 it measures itself."""
        return median(load.client_seconds / load.seconds for load in self.loads)


def alternate(endpoint: Endpoint, sides: Sequence[Side], pace: Pace) -> list[Measured]:
    """Measure the sides in turns; the answers hold the same fields, and each is a success."""
    prepared = [flows(endpoint, side) for side in sides]
    found = [
        fields(once(asking(side.port), of_side[0]())) for side, of_side in zip(sides, prepared, strict=True)
    ]
    if endpoint.compared and any(each != found[0] for each in found):
        raise AssertionError(
            f"{endpoint.name}: the sides answer different fields: {[sorted(f) for f in found]}"
        )
    return measure(sides, prepared, pace)


def measure(sides: Sequence[Side], prepared: Sequence[Sequence[Flow]], pace: Pace) -> list[Measured]:
    """Drive the sides in turns, each with its flows."""
    measured = [Measured() for _ in sides]
    os.sched_setaffinity(0, processes.CLIENT)
    for side, of_side in zip(sides, prepared, strict=True):
        drive(side.port, of_side, pace.warm_up)
    for _ in range(pace.rounds):
        for side, of_side, result in zip(sides, prepared, measured, strict=True):
            before = side.cpu_seconds()
            result.loads.append(drive(side.port, of_side, pace.seconds))
            result.cpu_seconds.append(side.cpu_seconds() - before)
    for side, result in zip(sides, measured, strict=True):
        result.megabytes = side.megabytes()
    os.sched_setaffinity(0, processes.CORES)
    return measured
