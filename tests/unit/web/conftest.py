"""The ground of the web is tested in the app that stands on it."""

from tests.flow.conftest import make_world, nothing_slow_while_writing, store_server, template, world

__all__ = ["make_world", "nothing_slow_while_writing", "store_server", "template", "world"]
