"""A load balancer for tests: each request goes to the next node, and a node can be dropped."""

import asyncio
import contextlib
import re
import ssl
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK = 65_536
CONNECTION = re.compile(rb"\r\n(?i:connection|keep-alive):[^\r\n]*")
NO_NODE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Proxy:
    """Listens on loopback; `served` counts the requests that each node's port was given.

    A connection carries one request: the proxy asks for its end, so that even a client that keeps connections
    meets another node with every request.
    """

    tls: ssl.SSLContext | None = None
    port: int = 0
    nodes: list[int] = field(default_factory=list)
    served: Counter[int] = field(default_factory=Counter)
    _next: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], int] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen on a free port, or on the one that was given."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._await(
            asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls, limit=CHUNK)
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def add(self, node: int) -> None:
        """Send requests to this port, too."""
        if node not in self.nodes:
            self.nodes = [*self.nodes, node]

    def drop(self, node: int) -> None:
        """Send no further request to this port, and cut those under way."""
        self.nodes = [other for other in self.nodes if other != node]
        self._await(self._cut(node))

    def close(self) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut(*self._open.values())
        # The transports say goodbye in the loop's next rounds.
        await asyncio.sleep(0.01)

    async def _cut(self, *nodes: int) -> None:
        tasks = [task for task, node in self._open.items() if node in nodes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(client, answer))
        self._open[task] = 0

        def ended(_: asyncio.Task[None]) -> None:
            del self._open[task]
            answer.close()

        task.add_done_callback(ended)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if first := await self._head(client, answer.get_extra_info("peername")[0]):
                await self._pass_on(first, client, answer)

    async def _pass_on(
        self,
        first: bytes,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
    ) -> None:
        connected = await self._connect()
        task = asyncio.current_task()
        if connected is None or task is None:
            answer.write(NO_NODE)
            return
        self._open[task], node, writer = connected
        writer.write(first)
        upward = asyncio.create_task(copy(client, writer))
        try:
            await copy(node, answer)
        finally:
            writer.close()
            upward.cancel()
            await asyncio.gather(upward, return_exceptions=True)

    async def _connect(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The next node that takes a connection, as a balancer with passive health checks finds it."""
        for _ in range(len(self.nodes)):
            self._next += 1
            node = self.nodes[self._next % len(self.nodes)]
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", node, limit=CHUNK)
                self.served[node] += 1
                return node, reader, writer
        return None

    async def _head(self, client: asyncio.StreamReader, peer: str) -> bytes:
        """What came first, with our headers after the client's own, as a balancer adds them."""
        read = b""
        while b"\r\n\r\n" not in read and len(read) < CHUNK and (more := await client.read(CHUNK)):
            read += more
        head, end, rest = read.partition(b"\r\n\r\n")
        head = CONNECTION.sub(b"", head)
        scheme = "https" if self.tls else "http"
        ours = f"\r\nConnection: close\r\nX-Forwarded-For: {peer}\r\nX-Forwarded-Proto: {scheme}"
        return head + ours.encode() + end + rest if end else read


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
