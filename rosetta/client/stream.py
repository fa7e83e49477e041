"""The events of a streamed answer, for readers on any thread and any loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from rosetta.client.errors import raised
from rosetta.client.pipe import Pipe
from rosetta.client.shapes import Shape, shaped
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.sse import SseParser
from rosetta.engine.call import Call, Failed, Outcome
from rosetta.engine.engine import Engine
from rosetta.ir.errors import Failure
from rosetta.ir.loss import Loss
from rosetta.ir.usage import Usage

Result = TypeVar("Result")


class Events:
    """One answer as it comes, on the engine's own loop."""

    def __init__(self, engine: Engine, call: Call) -> None:
        self.outcome = Outcome()
        self._call = call
        self._pipe = Pipe()
        self._parser = SseParser()
        self._broken: Exception | None = None
        self._task = asyncio.ensure_future(_respond(engine, call, self._pipe, self.outcome))

    @classmethod
    async def begun(cls, engine: Engine, call: Call) -> Events:
        """A stream whose head has come. Raises APIError where nobody answered."""
        events = cls(engine, call)
        try:
            await events._pipe.head.wait()
            if events._task.done():
                events._task.result()
        except Failed as failed:
            raise raised(failed.failure, events.outcome.provider, call.model) from None
        except BaseException:
            await events.aclose()
            raise
        return events

    async def batch(self) -> list[Shape]:
        """The events that are there, at least one; none at the end. Raises APIError where the answer breaks off."""
        while True:
            if self._broken is not None:
                raise self._broken
            try:
                piece = await self._pipe.read()
            except Failed as failed:
                raise self._raised(failed.failure) from None
            if not piece:
                if self.outcome.failure is not None:
                    raise self._raised(self.outcome.failure)
                return []
            events: list[Shape] = []
            for name, data in self._parser.feed(piece):
                if data == b"[DONE]":
                    continue
                value = jsontext.decode(data)
                failure = self._failure(name, value)
                if failure is not None:
                    self._broken = self._raised(failure)  # after the events before it
                    break
                events.append(shaped(value))
            if events:
                return events

    def _raised(self, failure: Failure) -> Exception:
        return raised(failure, self.outcome.provider, self._call.model)

    def _failure(self, name: str | None, value: Any) -> Failure | None:
        """What an error event of the client's own format tells; the engine's own failure where it made the event. A response that failed is an event
        like others: it holds what came until then."""
        if type(value) is not dict or not (
            name == "error" or value.get("type") == "error" or (value.get("error") is not None and self._call.format in _PLAIN_ERRORS)
        ):
            return None
        if self.outcome.failure is not None:
            return self.outcome.failure
        return CONVERTERS[self._call.format].decode_failure(200, {}, jsontext.encode(value))

    async def aclose(self) -> None:
        """Ends the call; the upstream's connection is closed with it."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # whoever reads no more need not hear of it

    def abandon(self) -> None:
        """``aclose`` from anywhere, without waiting."""
        if not self._task.done():
            with contextlib.suppress(RuntimeError):  # the loop is closed, and everything on it
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)


_PLAIN_ERRORS = ("openai_chat", "google_genai")
"""Formats whose in-stream error is an ``error`` field without a type."""


async def _respond(engine: Engine, call: Call, pipe: Pipe, outcome: Outcome) -> None:
    observed = engine.observer.request(call.format, "generate", call.request_id, stream=True)
    error: BaseException | None = None
    try:
        await engine.respond(call, pipe, outcome, observed)
    except BaseException as caught:
        error = caught
        if isinstance(caught, Failed):
            outcome.failure = caught.failure
        else:
            outcome.client_gone = isinstance(caught, asyncio.CancelledError)
        raise
    finally:
        observed.finish(outcome)
        pipe.end(error)


class _Told:
    """What is known of a stream besides its events."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._ready: deque[Shape] = deque()
        self._ended = False

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the request lost, and at the end of the stream also what the answer lost."""
        return (*self._events.outcome.losses, *self._events.outcome.reply_losses)

    @property
    def provider(self) -> str:
        """Who answers."""
        return self._events.outcome.provider

    @property
    def attempts(self) -> int:
        """At which try."""
        return self._events.outcome.attempts

    @property
    def tokens(self) -> Usage:
        """Its usage so far, in one arithmetic whatever the provider's."""
        return self._events.outcome.usage

    def __del__(self) -> None:
        self._events.abandon()


class AsyncStream(_Told):
    """The events of an answer as they come: ``async for``, ``async with``, ``close()``. Raises APIError where it breaks off."""

    def __init__(self, events: Events, across: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]) -> None:
        super().__init__(events)
        self._across = across

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Shape:
        if not self._ready:
            if not self._ended:
                self._ready.extend(await self._across(self._events.batch()))
            if not self._ready:
                self._ended = True
                raise StopAsyncIteration
        return self._ready.popleft()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the call, and the upstream's work with it."""
        self._ended = True
        self._ready.clear()
        await self._across(self._events.aclose())

    aclose = close


class Stream(_Told):
    """The events of an answer as they come: ``for``, ``with``, ``close()``. Raises APIError where it breaks off."""

    def __init__(self, events: Events, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        super().__init__(events)
        self._run = run

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Shape:
        if not self._ready:
            if not self._ended:
                self._ready.extend(self._run(self._events.batch()))
            if not self._ready:
                self._ended = True
                raise StopIteration
        return self._ready.popleft()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the call, and the upstream's work with it."""
        self._ended = True
        self._ready.clear()
        self._run(self._events.aclose())
