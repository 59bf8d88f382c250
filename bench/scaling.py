"""A worker that roams all cores, one that keeps to the first, and two, while the load client is on the last."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.endpoints import client_credentials, refresh
from bench.rounds import Measured, Pace, measure
from bench.sides import PEOPLE, ours
from bench.wire import asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    name: str
    workers: int
    pinned: bool


ROAMS = Shape(name="one that roams", workers=1, pinned=False)
KEPT = Shape(name="one worker that keeps to a core", workers=1, pinned=True)
TWO = Shape(name="two workers, a core for each", workers=2, pinned=True)
SHAPES = (ROAMS, KEPT, TWO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Requests a second of one shape as a multiple of another's, and what one request costs the cores there."""

    name: str
    title: str
    rate: float


def measured(folder: Path, pace: Pace) -> list[Scaling]:
    """Each in turns, in what all cores give."""
    folder.mkdir()
    found = []
    with ExitStack() as stack:
        sides = []
        for number, shape in enumerate(SHAPES):
            place = folder / str(number)
            place.mkdir()
            sides.append(
                stack.enter_context(
                    ours(place, workers=shape.workers, pinned=shape.pinned, cores=processes.CORES)
                )
            )
        for title, prepare in (("client credentials", client_credentials), ("refresh", refresh)):
            flows = [[prepare(side, person, asking(side.port)) for person in PEOPLE] for side in sides]
            loads = dict(zip(SHAPES, measure(sides, flows, pace), strict=True))
            found += [_beside(title, loads, KEPT, ROAMS), _beside(title, loads, TWO, KEPT)]
    return found


def _beside(title: str, loads: dict[Shape, Measured], one: Shape, other: Shape) -> Scaling:
    of_one, of_other = loads[one], loads[other]
    cost = of_one.cpu_microseconds / of_other.cpu_microseconds
    return Scaling(
        name=f"scaling_{title}_{one.workers}".replace(" ", "_"),
        title=f"{one.name} beside {other.name}, {title} ({of_one.rate:.0f} and {of_other.rate:.0f} a second, "
        f"the client on the last core; a request costs {cost:.2f} of what it does there)",
        rate=of_one.rate / of_other.rate,
    )
