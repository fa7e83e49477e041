"""How the gateway ends.

    SIGTERM    /readyz says 503 at once, while everything is still served for NOTICE_S: the balancer looks elsewhere. Then the listener closes; what runs may
               take server.drain_timeout seconds; what is left then is ended with an error in its format
    again      ends what is left now
    SIGINT     the same without the notice: somebody sits at the keyboard
    SIGHUP     reads the config anew

The exit code is 0: it was asked to end, and did.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator

import uvicorn

from rosetta.gateway.gateway import Gateway
from rosetta.ir.errors import Failure

NOTICE_S = 2.0
LAST_WORDS_S = 5.0
"""How long an interrupted request may take to tell its client; who reads no more is cut."""

logger = logging.getLogger("rosetta.gateway")

ENDING = Failure("overloaded", "the gateway is shutting down and could not finish this answer: send the request again", ours=True)


class DrainingServer(uvicorn.Server):
    """uvicorn's server with this gateway's way to end. ``reload`` is what SIGHUP does."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, reload: Callable[[], object] | None = None) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._reload = reload
        self._hurry = asyncio.Event()
        self._drain: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours instead of uvicorn's, which would end the process by the signal's own effect."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        handlers: dict[signal.Signals, Callable[[], object]] = {
            signal.SIGTERM: lambda: self.end(NOTICE_S),
            signal.SIGINT: lambda: self.end(0.0),
        }
        if self._reload is not None:
            handlers[signal.SIGHUP] = self._reload
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def end(self, notice_s: float) -> None:
        """Begins to end, or hurries where it had begun."""
        if self._drain is None:
            self._gateway.draining = True
            self._gateway.observer.draining()
            logger.info("draining: %d requests under way", self._gateway.active)
            self._drain = asyncio.get_running_loop().create_task(self._end(notice_s))
        else:
            self._hurry.set()

    async def _end(self, notice_s: float) -> None:
        await self._unless_hurried(notice_s)
        self.should_exit = True
        patience = asyncio.get_running_loop().time() + self._gateway.config.server.drain_timeout
        while self._gateway.active and not self._hurry.is_set() and (left := patience - asyncio.get_running_loop().time()) > 0:
            await self._unless_hurried(min(left, 0.1))
        if self._gateway.active:
            logger.warning("draining: %d requests are ended before their time", self._gateway.active)
            self._gateway.interrupt(ENDING)
        await asyncio.sleep(LAST_WORDS_S)
        self.force_exit = True  # connections that nobody reads from hold up the end no longer

    async def _unless_hurried(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
