"""Interoperation needs Node's packages, a browser for the app that runs in one, and a directory with people in it."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import chromium, open_page
from tests.flow.conftest import make_world, store_server, template, world
from tests.interop.tree import planted
from tests.peers.ldap import Ldap

__all__ = ["chromium", "make_world", "open_page", "store_server", "template", "world"]


@pytest.fixture(scope="session")
def directory() -> Iterator[Ldap]:
    """An OpenLDAP server of this run."""
    server = planted()
    yield server
    server.close()
