"""The keys are tried in a whole installation: they live in its database."""

from tests.flow.conftest import make_world, store_server, template, world

__all__ = ["make_world", "store_server", "template", "world"]
