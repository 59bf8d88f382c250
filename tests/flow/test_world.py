"""The world that the flow tests live in keeps its word."""

import socket

import pytest

from authserver.store import Hot
from tests.flow.conftest import MakeWorld
from tests.flow.world import World

COUNT = Hot("SELECT count(*) FROM users")


def users(world: World) -> int:
    with world.reading() as db:
        row = db.one(COUNT, {})
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_nobody(world: World, turn: int) -> None:
    assert users(world) == 0
    world.add_user()
    assert users(world) == 1


def test_a_browser_reaches_the_app_without_a_socket(world: World) -> None:
    visit = world.browser().open("/robots.txt")
    assert visit.status == 200
    assert visit.reply.header("X-Request-Id")


def test_a_world_may_have_its_own_configuration(make_world: MakeWorld) -> None:
    assert make_world(issuer="https://id.example").browser().open("/robots.txt").status == 200


def test_statements_are_counted_on_both_paths(world: World) -> None:
    with world.statements(2) as asked:
        users(world)
        world.events()
    assert len(asked) == 2
    with pytest.raises(AssertionError, match="1 statements, 0 allowed"), world.statements(0):
        users(world)


def test_opening_a_socket_while_writing_is_an_error(
    world: World, nothing_slow_while_writing: list[str]
) -> None:
    with pytest.raises(AssertionError, match="inside writing"), world.writing():
        socket.create_connection(("127.0.0.1", 9))
    assert nothing_slow_while_writing == ["socket.getaddrinfo"]
    nothing_slow_while_writing.clear()
