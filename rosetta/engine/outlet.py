"""The client's side of a call: the head, the body, pings while nothing comes, and the stream's own last word."""

from __future__ import annotations

from time import perf_counter

from rosetta.engine.attempt import Inbound
from rosetta.engine.call import Call, Writer
from rosetta.engine.watchdog import Watchdog
from rosetta.ir import events
from rosetta.ir.errors import Failure


class Outlet:
    """Writes to one client. ``headers`` go with the head. ``started``: the head is out; ``opened``: the encoder has opened the stream; ``ended``: nothing
    follows. ``relays``: the attempt under way passes the upstream's bytes as they are. ``watch`` is the call's clock: it opens the head of a stream
    that waits for its first content, and pings one that is silent."""

    __slots__ = ("_call", "_inbound", "_writer", "ended", "headers", "opened", "relays", "started", "watch")

    def __init__(self, call: Call, inbound: Inbound, writer: Writer, total_s: float) -> None:
        self._call = call
        self._inbound = inbound
        self._writer = writer
        self.headers: list[tuple[str, str]] = []
        self.started = False
        self.opened = False
        self.ended = False
        self.relays = True
        self.watch = Watchdog(
            total_s=total_s,
            open_head=self._open_head if call.stream else None,
            ping=self._ping if call.stream and inbound.converter.ping is not None else None,
        )

    async def unary(self, headers: list[tuple[str, str]], body: bytes) -> None:
        """A whole answer."""
        self.started = True
        began = perf_counter()
        try:
            await self._writer.unary(200, headers, body)
        finally:
            self.watch.waited_s += perf_counter() - began

    async def write(self, data: bytes) -> None:
        """A piece of the stream; waits while the client is slow."""
        if not data:
            return
        watch = self.watch
        began = watch.arrived()
        try:
            if not self.started:
                self.started, watch.head_at = True, None
                await self._writer.start(200, self._head())
            await self._writer.write(data)
        finally:
            watch.waited_s += perf_counter() - began
        watch.written()

    async def end(self) -> None:
        """Nothing follows: the client's body is complete."""
        await self.write(self._inbound.tail())
        self.ended = True
        self.watch.arrived()
        await self._writer.write(b"")

    async def fail(self, failure: Failure) -> None:
        """The head is out and nobody answers: the stream itself says why it ends."""
        encoder = self._inbound.encoder
        await self.write(b"".join(self._inbound.frame(wire) for wire in encoder.feed(events.Failed(failure))))
        await self.end()

    def _head(self) -> list[tuple[str, str]]:
        kind = "application/json" if self._call.array else "text/event-stream; charset=utf-8"
        return [*self.headers, ("content-type", kind), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]

    async def _open_head(self) -> None:
        """The first content lets on waiting: the client gets the head, so that it and its proxies know that somebody works."""
        if self.started:
            return
        self.started = True
        if not self.relays:
            self.opened = True
            opening = b"".join(self._inbound.frame(wire) for wire in self._inbound.encoder.open())
        else:
            opening = b": open\n\n" if self._inbound.converter.ping is not None else b""
        await self._writer.start(200, self._head())
        if opening:
            await self._writer.write(opening)
        self.watch.written()

    async def _ping(self) -> None:
        ping = self._inbound.converter.ping
        assert ping is not None
        await self._writer.write(b": ping\n\n" if self.relays and not self.watch.committed else ping)
