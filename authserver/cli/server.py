"""Granian as we run it: one listening socket for all workers, and an end that is announced before it comes."""

import socket
import threading
from contextlib import ExitStack
from functools import partial
from typing import Any

from granian import Granian
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from authserver.config import Config
from authserver.errors import Misconfigured

BACKLOG = 1024
SHUTDOWN_SECONDS = 30


def listen(config: Config) -> socket.socket:
    """The socket of this server, bound for us alone; an address where somebody listens is refused."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM
        )[0]
        with ExitStack() as undo:
            made = undo.enter_context(socket.socket(family, kind, number))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is accepted inherits it
            made.bind(address)
            made.listen(BACKLOG)
            undo.pop_all()
    except OSError as error:
        raise Misconfigured(
            f"Nothing can listen on {config.bind}: {error.strerror or error}.",
            "End what runs there, or give another address: PORT=8001 make run, or AUTHSERVER_BIND=127.0.0.1:8001.",
        ) from error
    return made


class Server(Granian):  # type: ignore[misc,valid-type]
    """Granian, with a socket that outlives its workers, and not ready for a while before it stops to listen.

    Granian would give each worker a socket of its own, and the kernel deals connections to them: those that were
    dealt to a worker that is killed die with it. From one queue, the workers that live take them all.
    """

    def __init__(self, config: Config, listening: socket.socket, *, ends: Any, log: dict[str, Any]) -> None:
        super().__init__(
            "authserver",
            address=config.host,
            port=config.port,
            interface=Interfaces.WSGI,
            workers=config.workers,
            blocking_threads=config.threads,
            backlog=BACKLOG,
            # Proxies speak HTTP/1.1 to us; one connection is one request at a time (web/bodies.py).
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=config.receive_seconds * 1000),
            websockets=False,
            log_level=LogLevels.error,
            log_dictconfig=log,
            respawn_failed_workers=True,
            workers_kill_timeout=SHUTDOWN_SECONDS - config.drain_seconds,
        )
        self._listening = listening
        self._ends = ends
        self._drain_seconds = config.drain_seconds

    def _init_shared_socket(self) -> None:
        self._ssp, self._sso = None, self._listening
        self._sfd = self._listening.fileno()
        self._shd = SocketHolder(self._sfd, False, BACKLOG)  # type: ignore[call-arg]  # noqa: FBT003  # no Unix socket

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        """A worker knows its place; one that follows another has the same."""
        return super()._spawn_worker(idx, target, partial(callback_loader, idx))

    def shutdown(self, exit_code: int = 0) -> None:
        self._ends.set()
        if self._drain_seconds:
            threading.Event().wait(self._drain_seconds)
        super().shutdown(exit_code)
