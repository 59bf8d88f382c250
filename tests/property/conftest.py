"""Property tests live in the same worlds as the flow tests."""

from tests.flow.conftest import store_server, template

__all__ = ["store_server", "template"]
