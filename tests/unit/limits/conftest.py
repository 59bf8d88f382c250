"""Limits are counted in a real database, and in a real Redis."""

from tests.flow.conftest import make_world, nothing_slow_while_writing, store_server, template, world

__all__ = ["make_world", "nothing_slow_while_writing", "store_server", "template", "world"]
