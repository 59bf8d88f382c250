"""An installation that the tests of this folder share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.conftest import chromium, open_page
from tests.deploy.house import MARA, House, running

__all__ = ["chromium", "open_page"]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server with one person, who owns it."""
    with ExitStack() as stack:
        made = stack.enter_context(running(tmp_path_factory.mktemp("house")))
        made.shell(
            f'echo "$PASSWORD" | authserver users add {MARA.email} --name "{MARA.name}" --owner --password-stdin',
            PASSWORD=MARA.password,
        )
        yield made


@pytest.fixture(scope="session")
def project(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath
