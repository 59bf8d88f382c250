"""A way to PostgreSQL that can be made long: what a client sends arrives later by so many seconds."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field

CHUNK = 65_536


@dataclass(slots=True)
class SlowWay:
    """Listens on loopback and passes on; `delay` holds for whatever is sent from then on."""

    to: int
    port: int = 0
    delay: float = 0.0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow way", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._pass_on, "127.0.0.1", 0, limit=CHUNK), self._loop
        ).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The transports say goodbye in the loop's next rounds.
        await asyncio.sleep(0.01)

    async def _pass_on(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(back):
            server, forth = await asyncio.open_connection("127.0.0.1", self.to, limit=CHUNK)
            with contextlib.closing(forth):
                ways = [asyncio.create_task(self._copy(client, forth, later=True))]
                ways.append(asyncio.create_task(self._copy(server, back, later=False)))
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, later: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if later and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
