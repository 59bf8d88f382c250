"""`authserver serve` as a process: what it prints, how it starts and ends."""

import http.client
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from authserver import cores
from authserver.cli import serve
from tests.serve import Node, cli, wait_until

LINK = re.compile(r"(http://localhost:\d+/setup/\S+)")
FORM = "application/x-www-form-urlencoded"
MakeNode = Callable[..., Node]


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    """Makes a server on an empty data folder: `make_node(workers="2")`."""
    with ExitStack() as stack:

        def make(**settings: str) -> Node:
            given = {f"AUTHSERVER_{name.upper()}": value for name, value in settings.items()}
            node = Node(data=tmp_path / "data", log=tmp_path / "log", settings=given)
            stack.callback(node.kill)
            return node

        yield make


def links(node: Node) -> list[str]:
    return LINK.findall(node.said())


def is_listening(node: Node) -> bool:
    try:
        socket.create_connection(("127.0.0.1", node.port), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_first_start_makes_everything_and_shows_a_link(make_node: MakeNode, tmp_path: Path) -> None:
    node = make_node()
    node.start()
    wait_until(lambda: bool(links(node)), "the link")
    assert f"runs on http://localhost:{node.port}" in node.said()
    assert {"authserver.db", "master.key", "issuer.url"} <= {path.name for path in node.data.iterdir()}
    assert node.get(links(node)[0].partition(str(node.port))[2])[0] == 200

    # A command beside it needs the data folder alone, and sees the same issuer.
    told = {found["about"]: found for found in cli(node.data, "doctor", "--json")}
    assert told["issuer"]["what"] == f"http://localhost:{node.port} answers"
    assert node.stop() == 0


def test_a_second_start_finds_what_the_first_made_and_makes_the_link_anew(make_node: MakeNode) -> None:
    node = make_node()
    node.start()
    keys = node.get("/.well-known/jwks.json")
    wait_until(lambda: len(links(node)) == 1, "the first link")
    node.stop()
    node.start()
    wait_until(lambda: len(links(node)) == 2, "the second link")
    first, second = (link.partition(str(node.port))[2] for link in links(node))
    assert node.get("/.well-known/jwks.json") == keys
    assert node.get(first)[0] != 200
    assert node.get(second)[0] == 200


def test_with_an_owner_there_is_no_link(make_node: MakeNode) -> None:
    node = make_node()
    cli(node.data, "init")
    cli(
        node.data,
        "users",
        "add",
        "ada@example.org",
        "--owner",
        "--password-stdin",
        typed="Analytical engines\n",
    )
    node.start()
    wait_until(lambda: "runs on" in node.said(), "the announcement")
    assert not links(node)


def test_the_link_is_for_a_terminal_alone_in_production(make_node: MakeNode) -> None:
    node = make_node(environment="production", issuer="https://login.example.org", trusted_proxies="1")
    cli(node.data, "init")
    node.start()
    wait_until(lambda: "runs on" in node.said(), "the announcement")
    assert "/setup/" not in node.said()
    assert "users add" in node.said()


def test_production_does_not_start_with_what_is_fine_on_a_laptop(make_node: MakeNode) -> None:
    """OPS-1."""
    node = make_node(environment="production")
    node.launch()
    assert node.process is not None
    assert node.process.wait(30) == 2
    assert "The issuer is not an https URL." in node.said()
    assert "There is no master key" in node.said()
    assert "Traceback" not in node.said()


def test_a_request_under_way_is_finished_and_readiness_drops_first(make_node: MakeNode) -> None:
    """OPS-2: readiness drops before shutdown, which finishes requests."""
    node = make_node(drain_seconds="1")
    node.start()
    ended: list[int] = []
    form = b"grant_type=client_credentials"
    head = f"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: {len(form)}"
    with closing(socket.create_connection(("127.0.0.1", node.port))) as slow:
        slow.sendall(f"{head}\r\n\r\n".encode() + form[:10])
        stopping = threading.Thread(target=lambda: ended.append(node.stop()))
        stopping.start()
        wait_until(lambda: node.get("/readyz") == (503, b'{"status":"ending"}'), "readiness to drop")
        wait_until(lambda: not is_listening(node), "nobody to listen any more")
        slow.sendall(form[10:])
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        assert b"invalid_client" in answer.read()
        answer.close()
    stopping.join(35)
    assert ended == [0]


def test_a_worker_that_dies_is_replaced(make_node: MakeNode) -> None:
    node = make_node(workers="2")
    node.start()
    wait_until(lambda: len(node.workers()) == 2, "two workers")
    before = set(node.workers())
    node.kill_worker()
    wait_until(lambda: len(set(node.workers()) - before) == 1 and len(node.workers()) == 2, "a new worker")
    wait_until(node.is_ready, "the new worker")


def test_the_environment_of_requests_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """KEY-8: WSGI hands the environment of the process to every request."""
    monkeypatch.setenv("AUTHSERVER_MASTER_KEY", "canary")
    serve._forget_environment()
    assert "canary" not in os.environ.values()


def test_metrics_are_served_apart_and_over_all_workers(make_node: MakeNode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    node = make_node(workers="2", metrics_bind=f"127.0.0.1:{port}")
    node.start()
    asked = 20
    for _ in range(asked):
        node.get("/healthz")

    def counted() -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        found = re.search(r'authserver_requests_total\{endpoint="healthz",status="200"\} (\d+)', text)
        return int(found[1]) if found else 0

    wait_until(lambda: counted() >= asked, "the workers have added up what they counted")
    assert node.get("/metrics")[0] == 404
    assert node.stop() == 0


def test_a_stop_is_quick_when_nothing_is_under_way(make_node: MakeNode) -> None:
    node = make_node()
    node.start()
    assert node.process is not None
    began = time.monotonic()
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(10) == 0
    assert time.monotonic() - began < 10


def test_each_worker_keeps_to_a_core_if_told_so(make_node: MakeNode) -> None:
    """All its threads do; and whoever follows a worker that died has the core of that one."""
    here = cores.in_turn(os.sched_getaffinity(0))
    node = make_node(workers="2", pin_workers="true")
    node.start()

    def theirs() -> list[set[int]]:
        return [_cores_of(pid) for pid in node.workers()]

    wanted = sorted([[here[0]], [here[1 % len(here)]]])
    wait_until(lambda: sorted(sorted(each) for each in theirs()) == wanted, "a core for each")
    before = set(node.workers())
    node.kill_worker()
    wait_until(lambda: len(set(node.workers()) - before) == 1 and len(node.workers()) == 2, "a new worker")
    wait_until(lambda: sorted(sorted(each) for each in theirs()) == wanted, "the same cores")


def _cores_of(pid: int) -> set[int]:
    """The cores that any thread of a process may run on; none of one that is gone."""
    try:
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
        return {core for each in threads for core in os.sched_getaffinity(each)}
    except (FileNotFoundError, ProcessLookupError):
        return set()
