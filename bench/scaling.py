"""What a second worker on a second core adds, while the load client shares the two cores with them."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.endpoints import client_credentials, refresh
from bench.rounds import Pace, measure
from bench.sides import PEOPLE, ours
from bench.wire import asking

WORKERS = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Requests a second of two workers, as a multiple of one's; and what one request costs then."""

    title: str
    rates: tuple[float, ...]
    microseconds: tuple[float, ...]

    @property
    def cost(self) -> float:
        """What the same request costs the cores beside another worker."""
        return self.microseconds[1] / self.microseconds[0]

    @property
    def rate(self) -> float:
        return self.rates[1] / self.rates[0]


def measured(folder: Path, pace: Pace) -> list[Scaling]:
    """One worker and two in turns, all on all cores."""
    folder.mkdir()
    found = []
    with ExitStack() as stack:
        sides = []
        for workers in WORKERS:
            place = folder / str(workers)
            place.mkdir()
            sides.append(stack.enter_context(ours(place, workers=workers, cores=processes.CORES)))
        for title, prepare in (("client credentials", client_credentials), ("refresh", refresh)):
            flows = [[prepare(side, person, asking(side.port)) for person in PEOPLE] for side in sides]
            loads = measure(sides, flows, pace)
            found.append(
                Scaling(
                    title=title,
                    rates=tuple(each.rate for each in loads),
                    microseconds=tuple(each.cpu_microseconds for each in loads),
                )
            )
    return found
