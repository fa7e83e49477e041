"""One event loop in one thread, for callers that have none: everything that is not asynchronous runs there."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

STOP_S = 5.0
"""How long the end of the process waits for it."""


class Background:
    """A loop in a daemon thread, started when it is first needed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing: set[Callable[[], Awaitable[None]]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="rosetta", daemon=True)
                self._thread.start()
                atexit.register(self.stop)
            return self._loop

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs ``work`` to its end there while this thread waits; an interrupt here cancels it there."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a synchronous call inside of rosetta's own event loop would wait for itself: use the asynchronous face")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def across(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs ``work`` to its end there while this task waits, on whatever loop it runs; its cancellation crosses over."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def close_with(self, close: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """``close`` is awaited when the loop stops, unless the callable that is returned was called before."""
        self._closing.add(close)
        return lambda: self._closing.discard(close)

    def stop(self) -> None:
        """Closes what is open, ends what runs, then the loop."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        ending = asyncio.run_coroutine_threadsafe(self._end(), loop)
        with contextlib.suppress(TimeoutError):  # the process ends all the same
            ending.result(STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        if not thread.is_alive():
            loop.close()

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._closing:
            await self._closing.pop()()


BACKGROUND = Background()
"""The process's own."""
