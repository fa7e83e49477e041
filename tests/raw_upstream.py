"""An upstream whose bytes a test decides: it sends what it is told, when it is told, and knows when its caller hangs up."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType

Behaviour = Callable[["Caller"], Awaitable[None]]
START_TIMEOUT_S = 10.0


class Caller:
    """One connection: ``request`` is the head that came and ``body`` what followed, ``send`` writes, ``gone`` waits until the caller hangs up."""

    def __init__(
        self, request: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hung_up: threading.Event
    ) -> None:
        self.request = request
        self.body = body
        self._reader = reader
        self._writer = writer
        self._hung_up = hung_up

    @property
    def streams(self) -> bool:
        """Whether the request asks for a stream, on the wires that say so in the body."""
        return json.loads(self.body).get("stream") is True

    def abort(self) -> None:
        """Resets the connection."""
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def stream_head(self) -> None:
        await self.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")

    async def gone(self) -> None:
        while await self._reader.read(65536):
            continue
        self._hung_up.set()


class RawUpstream:
    """Runs ``behaviour`` for each connection, in a thread of its own. ``hung_up`` is set when a waiting caller leaves; ``calls`` counts requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.hung_up = threading.Event()
        self.calls = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            self.calls += 1
            await self._behaviour(Caller(head, body, reader, writer, self.hung_up))
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()

    def __enter__(self) -> "RawUpstream":
        self._thread.start()
        assert self._started.wait(START_TIMEOUT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async def close() -> None:
            self._server.close()
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(close(), self._loop)
        self._thread.join(START_TIMEOUT_S)
