"""The short form of `make faults`: each fault for a moment, and some thousand racing attempts."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import STORES
from tests.faults import trouble
from tests.faults.__main__ import contend, made
from tests.faults.ground import Ground
from tests.faults.harness import endure, faults_of
from tests.faults.report import races, table
from tests.serve import Store

SECONDS, PACE = 0.7, 0.05
RACING, OVER_HTTP = 4_800, 320


@pytest.fixture(params=STORES)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """Databases of its own: other tests would miss what is stopped here."""
    store: Store = request.param
    with ExitStack() as stack:
        yield stack.enter_context(made(store, tmp_path / store))


def test_nothing_is_lost_whatever_dies(ground: Ground) -> None:
    """T-1, OPS-4: nothing is issued twice, nothing answered is forgotten, nobody is signed out; one request is lost."""
    rows = [endure(ground, name, SECONDS, pace=PACE) for name in faults_of(ground)]
    results = contend(ground, RACING, OVER_HTTP)
    print(table(rows) + races(results))
    assert [sentence for row in rows for sentence in row.violations] == []
    assert [result for result in results if result.violations] == []
    calm = {"nothing", "a clock moves by 3 s", "schema changes", trouble.ROLLING}
    assert [row for row in rows if row.fault in calm and (row.errors or row.unanswered)] == []
