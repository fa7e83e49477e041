"""The process's own client, for calls without one: ``rosetta.completion`` and its kin. Each has a twin for asynchronous programs, on any loop:
``acompletion``, ``messages.acreate``, ``responses.acreate``, ``agenerate_content``.

It reads the config that ``rosetta serve`` would find, else the environment, at the first call; ``rosetta.configure`` gives it another.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, overload

from rosetta.client.background import BACKGROUND
from rosetta.client.client import AsyncClient, Client, Messages, Responses
from rosetta.client.core import ConfigSource, Core, configured
from rosetta.client.shapes import Reply
from rosetta.client.stream import AsyncStream, Stream
from rosetta.telemetry.observer import NO_OBSERVER, Observer


class Crossing(AsyncClient):
    """An asynchronous client whose work is done on the background loop: it may be used from any loop, and from many, one after the other."""

    def __init__(self, client: Client) -> None:
        super().__init__(client._config, observer=client._observer)
        self._client = client
        self._across = BACKGROUND.across

    def _core(self) -> Core:
        return self._client._core()


AsyncCreate = Callable[..., Awaitable[Any]]

_lock = threading.Lock()
_clients: tuple[Client, Crossing] | None = None


def configure(config: ConfigSource = None, *, observer: Observer = NO_OBSERVER) -> None:
    """The config for calls without a client from now on; arguments as for ``Client``. Raises ConfigError with every fault."""
    global _clients
    client = Client(configured(config), observer=observer)
    with _lock:
        old, _clients = _clients, (client, Crossing(client))
    if old is not None:
        old[0].close()


def _default() -> tuple[Client, Crossing]:
    global _clients
    with _lock:
        if _clients is None:
            client = Client()
            _clients = (client, Crossing(client))
        return _clients


@overload
def completion(model: str, messages: Sequence[Any], *, stream: Literal[False] = False, **fields: Any) -> Reply: ...
@overload
def completion(model: str, messages: Sequence[Any], *, stream: Literal[True], **fields: Any) -> Stream: ...
@overload
def completion(model: str, messages: Sequence[Any], *, stream: bool, **fields: Any) -> Reply | Stream: ...
def completion(model: str, messages: Sequence[Any], *, stream: bool = False, **fields: Any) -> Reply | Stream:
    """One call, OpenAI's chat completions in and out, to any provider: ``Client.completion`` on the process's own client."""
    return _default()[0].completion(model=model, messages=messages, stream=stream, **fields)


@overload
async def acompletion(model: str, messages: Sequence[Any], *, stream: Literal[False] = False, **fields: Any) -> Reply: ...
@overload
async def acompletion(model: str, messages: Sequence[Any], *, stream: Literal[True], **fields: Any) -> AsyncStream: ...
@overload
async def acompletion(model: str, messages: Sequence[Any], *, stream: bool, **fields: Any) -> Reply | AsyncStream: ...
async def acompletion(model: str, messages: Sequence[Any], *, stream: bool = False, **fields: Any) -> Reply | AsyncStream:
    """``completion`` for asynchronous programs, on any loop."""
    return await _default()[1].completion(model=model, messages=messages, stream=stream, **fields)


@overload
def generate_content(model: str, contents: Any, *, stream: Literal[False] = False, **fields: Any) -> Reply: ...
@overload
def generate_content(model: str, contents: Any, *, stream: Literal[True], **fields: Any) -> Stream: ...
@overload
def generate_content(model: str, contents: Any, *, stream: bool, **fields: Any) -> Reply | Stream: ...
def generate_content(model: str, contents: Any, *, stream: bool = False, **fields: Any) -> Reply | Stream:
    """Google's generateContent in and out, to any provider: ``Client.generate_content``."""
    return _default()[0].generate_content(model=model, contents=contents, stream=stream, **fields)


@overload
async def agenerate_content(model: str, contents: Any, *, stream: Literal[False] = False, **fields: Any) -> Reply: ...
@overload
async def agenerate_content(model: str, contents: Any, *, stream: Literal[True], **fields: Any) -> AsyncStream: ...
@overload
async def agenerate_content(model: str, contents: Any, *, stream: bool, **fields: Any) -> Reply | AsyncStream: ...
async def agenerate_content(model: str, contents: Any, *, stream: bool = False, **fields: Any) -> Reply | AsyncStream:
    """``generate_content`` for asynchronous programs, on any loop."""
    return await _default()[1].generate_content(model=model, contents=contents, stream=stream, **fields)


class ProcessMessages(Messages):
    """``rosetta.messages``: Anthropic's messages in and out, to any provider."""

    @property
    def acreate(self) -> AsyncCreate:
        """``create`` for asynchronous programs, on any loop."""
        return _default()[1].messages.create


class ProcessResponses(Responses):
    """``rosetta.responses``: OpenAI's responses in and out, to any provider."""

    @property
    def acreate(self) -> AsyncCreate:
        """``create`` for asynchronous programs, on any loop."""
        return _default()[1].responses.create


messages = ProcessMessages(lambda: _default()[0])
responses = ProcessResponses(lambda: _default()[0])
