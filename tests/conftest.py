"""What every test may ask for. A peer that is missing fails the run: nothing is skipped."""

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import outlived, seeds
from tests.agent import Browser
from tests.peers import smtp
from tests.peers.postgresql import PostgreSQL
from tests.peers.process import wait_until
from tests.peers.redis import Redis
from tests.serve import Deployment, Seed, Store, deployed

# Machines differ; a slow example is no failure, and a run is the same each time.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

Deploy = Callable[..., Deployment]
STORES: tuple[Store, ...] = ("sqlite", "postgresql")
SHAPES = ("sqlite-2-workers", "postgresql-2-nodes")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this run."""
    server = PostgreSQL.install()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis server of this run."""
    server = Redis.install()
    yield server
    server.close()


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[smtp.MailServer]:
    """A mail server of this test, to which `mail_server.settings()` lead."""
    with smtp.running(tmp_path / "mail-server") as server:
        yield server


@pytest.fixture(scope="session")
def seed_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Store], Seed]:
    """The prepared data folder and database of a store, made at the first use."""

    @cache
    def made(store: Store) -> Seed:
        server = request.getfixturevalue("postgresql") if store == "postgresql" else None
        return seeds.build(store, tmp_path_factory.mktemp(f"seed-{store}") / "data", server)

    return made


@pytest.fixture(scope="session")
def run_as(
    request: pytest.FixtureRequest, seed_of: Callable[[Store], Seed], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Deployment]]:
    """The product in one of its two SHAPES, started at the first use of this name."""
    with ExitStack() as stack:

        @cache
        def running(name: str, shape: str) -> Deployment:
            folder = tmp_path_factory.mktemp(f"{name}-{shape}")
            if shape == "sqlite-2-workers":
                started = deployed(seed_of("sqlite"), folder, workers=2)
            else:
                redis = request.getfixturevalue("redis_server").url
                started = deployed(seed_of("postgresql"), folder, nodes=2, workers=2, redis=redis)
            return stack.enter_context(started)

        yield running


@pytest.fixture(scope="session", params=SHAPES)
def deployment(
    request: pytest.FixtureRequest, run_as: Callable[[str, str], Deployment]
) -> Iterator[Deployment]:
    """The product as people run it, shared by the tests of this run, which leave its clock and keys alone."""
    running = run_as("shared", request.param)
    yield running
    outlived.check(running.rows)


@pytest.fixture(params=SHAPES)
def playground(
    request: pytest.FixtureRequest, run_as: Callable[[str, str], Deployment]
) -> Iterator[Deployment]:
    """The same, for tests that move its clock, change its settings and take its nodes away."""
    running = run_as("playground", request.param)
    yield running
    wait_until(lambda: all(node.is_ready() for node in running.nodes), "all nodes are left ready")
    outlived.check(running.rows)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """Each database that we run on."""
    chosen: Store = request.param
    return chosen


@pytest.fixture
def deploy(
    request: pytest.FixtureRequest, seed_of: Callable[[Store], Seed], tmp_path: Path
) -> Iterator[Deploy]:
    """Starts a deployment of this test alone: `deploy("postgresql", nodes=2, workers=2)`."""
    with ExitStack() as stack:
        made: list[Deployment] = []

        def start(store: Store = "sqlite", **options: Any) -> Deployment:
            folder = tmp_path / f"deployment-{len(made) + 1}"
            made.append(stack.enter_context(deployed(seed_of(store), folder, **options)))
            request.node.stash.setdefault(DEPLOYMENTS, []).append(made[-1])
            return made[-1]

        yield start


@pytest.fixture
def browser(deployment: Deployment) -> Browser:
    """A new browser before the shared deployment."""
    return seeds.browser(deployment)


DEPLOYMENTS: pytest.StashKey[list[Deployment]] = pytest.StashKey()


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so the collector no longer looks through it: that took a third of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the servers wrote meanwhile."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        shared = [item.funcargs.get(name) for name in ("deployment", "playground")]
        mine = item.stash.get(DEPLOYMENTS, [])
        for running in [*mine, *(made for made in shared if isinstance(made, Deployment))]:
            report.sections.append((f"authserver at {running.issuer}", running.said()[-8000:]))
    return report
