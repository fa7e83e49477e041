"""One request to an ASGI application in the same process, and its answer as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from rosetta.client.pipe import Pipe

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Exchange:
    """``scope`` and ``body`` go in; ``status``, ``headers``, ``first`` (what came of the body with the head) and what ``read`` brings come out.
    ``patience``: the seconds that the head and each piece may take, None for ever. ``begin`` and ``read`` belong on the application's loop.
    """

    def __init__(self, scope: dict[str, Any], body: bytes, patience: float | None) -> None:
        self.patience = patience
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.first = b""
        self.over = False
        """Nothing is left to read."""
        self._scope = scope
        self._body: bytes | None = body
        self._pipe = Pipe()
        self._left = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self, application: Application, done: Callable[[Exchange], None]) -> None:
        """Returns with the head of the answer. Raises TimeoutError, or what the application failed with. ``done`` is called when the application has
        nothing left to do."""
        self._task = asyncio.get_running_loop().create_task(self._run(application, done))
        try:
            async with asyncio.timeout(self.patience):
                await self._pipe.head.wait()
            if self.status == 0:  # it ended without an answer: this raises why
                await self._pipe.read()
                raise RuntimeError("the application ended without an answer")
        except BaseException:
            self._left.set()
            raise
        self.first = self._pipe.at_hand()
        self.over = self._pipe.ended

    async def _run(self, application: Application, done: Callable[[Exchange], None]) -> None:
        try:
            await application(self._scope, self._receive, self._send)
            self._pipe.end(None)
        except asyncio.CancelledError:
            self._pipe.end(ConnectionError("the transport was closed"))
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is read
            self._pipe.end(error)
        finally:
            done(self)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
            self._pipe.head.set()
            return
        await self._pipe.write(message["body"])
        if not message["more_body"]:
            self._pipe.end(None)

    async def read(self) -> bytes:
        """What came next, ``b""`` at the end. Raises TimeoutError, or what the application failed with."""
        async with asyncio.timeout(self.patience):
            piece = await self._pipe.read()
        piece += self._pipe.at_hand()
        self.over = self._pipe.ended
        return piece

    def leave(self) -> None:
        """The client hangs up: what the application still does for it ends soon. From any thread."""
        self.over = True
        if self._task is not None and not self._task.done():
            with contextlib.suppress(RuntimeError):  # the loop is closed, and everything on it
                self._task.get_loop().call_soon_threadsafe(self._left.set)

    async def ended(self, within_s: float) -> None:
        """``leave``, and the application has nothing left to do; after ``within_s`` it is cancelled."""
        self._left.set()
        self.over = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=within_s)
            self._task.cancel()
            await asyncio.wait({self._task})
