"""Refusals are tested in an app that refuses."""

from tests.flow.conftest import make_world, nothing_slow_while_writing, store_server, template, world

__all__ = ["make_world", "nothing_slow_while_writing", "store_server", "template", "world"]
