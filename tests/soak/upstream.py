"""An upstream for load, on connections that stay open: it answers with the marker it was asked for, and misbehaves when the marker says so.

The last message is ``HOW MARKER``: plain; slow (past the first-token limit); cut (breaks off in the answer); hold (a stream that never ends).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

SLOW_S = 1.5


class MarkerUpstream:
    """``connections`` counts those open now, ``served`` the answers that were begun."""

    def __init__(self) -> None:
        self.connections = 0
        self.served = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                await self._answer(json.loads(await reader.readexactly(length)), reader, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the caller hung up, which many here do
        finally:
            self.connections -= 1
            writer.close()

    async def _answer(self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served += 1
        how, _, marker = str(request["messages"][-1]["content"]).partition(" ")
        if how == "slow":
            await asyncio.sleep(SLOW_S)
        if not request.get("stream"):
            data = _whole(marker)
            writer.write(data[:-30] if how == "cut" else data)
        else:
            writer.write(HEAD + _chunk("you "))
            if how == "hold":
                await reader.read()
                raise ConnectionResetError
            if how != "cut":
                await writer.drain()
                writer.write(_chunk(f"said {marker}") + _chunk("", "stop") + DONE)
        if how == "cut":
            await writer.drain()
            raise ConnectionResetError


@asynccontextmanager
async def marker_upstream() -> AsyncIterator[MarkerUpstream]:
    """Runs one in this loop."""
    upstream = MarkerUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=1024)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()


def _whole(marker: str) -> bytes:
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": f"you said {marker}"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
    }
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data) + data


def _chunk(text: str, finish: str | None = None) -> bytes:
    delta: dict[str, Any] = {"role": "assistant", "content": text} if text else {}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
