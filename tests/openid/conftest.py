"""One house for all that is shown here: two nodes with PostgreSQL and Redis, and the providers."""

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import chromium, open_page, page
from tests.openid.house import House
from tests.serve import Deployment

__all__ = ["chromium", "open_page", "page"]


@pytest.fixture(scope="session")
def house(run_as: Callable[[str, str], Deployment]) -> Iterator[House]:
    with House.built(run_as("openid", "postgresql-2-nodes")) as made:
        yield made
