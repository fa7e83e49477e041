"""The official SDKs without a server: a transport for httpx and httpx2 which hands their requests to the gateway in the same process.

    anthropic.Anthropic(api_key="-", http_client=httpx2.Client(transport=rosetta.transport("rosetta.yaml")))

What the SDK sends and hears is what it would over HTTP: the same routes, engine, headers and errors; only the sockets are missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any

from rosetta.client.background import BACKGROUND
from rosetta.client.core import ConfigSource, configured
from rosetta.client.exchange import Exchange
from rosetta.config import Config
from rosetta.gateway.gateway import Gateway
from rosetta.telemetry.observer import NO_OBSERVER, Observer

LEAVING_S = 1.0
"""How long a request that is under way may take to end when its transport is closed."""


def transport(config: ConfigSource = None, *, observer: Observer = NO_OBSERVER) -> Any:
    """One object for ``httpx.Client``, ``httpx.AsyncClient``, ``httpx2.Client`` and ``httpx2.AsyncClient``, of which several may share it.

    ``config`` is a path, a mapping or a ``Config``; None: what ``rosetta serve`` would find, else the providers whose keys are in the environment.
    ``observer`` hears what happens, as with ``rosetta.Client``. A request's path says what is asked, so that every SDK keeps the base URL it has; scheme
    and host are of no account. A key is asked for only where the config has ``keys``. The client's ``read`` timeout holds for the head of an answer and
    between two pieces of it; the config's own timeouts hold as well.

    The engine runs on rosetta's own loop, in a thread which the end of the process stops: thus the same transport serves any number of threads and
    loops. Closing a client closes its transport, whoever else uses it; a closed one raises RuntimeError. Raises ConfigError with every fault.
    """
    return Transport(configured(config), observer)


class Transport:
    """See ``transport``."""

    def __init__(self, config: Config, observer: Observer = NO_OBSERVER) -> None:
        self._config = config
        self._observer = observer
        self._gateway: Gateway | None = None
        self._forget: Callable[[], None] | None = None
        self._under_way: set[Exchange] = set()
        self._closed = False

    def handle_request(self, request: Any) -> Any:
        """For ``httpx.Client`` and ``httpx2.Client``."""
        package = _package(request)
        exchange = Exchange(_scope(request), request.read(), _patience(request))
        try:
            BACKGROUND.run(self._begin(exchange))
        except TimeoutError as error:
            raise package.ReadTimeout(f"no answer within {exchange.patience:g} s", request=request) from error
        return _response(package, request, exchange)

    async def handle_async_request(self, request: Any) -> Any:
        """For ``httpx.AsyncClient`` and ``httpx2.AsyncClient``."""
        package = _package(request)
        exchange = Exchange(_scope(request), await request.aread(), _patience(request))
        try:
            await BACKGROUND.across(self._begin(exchange))
        except TimeoutError as error:
            raise package.ReadTimeout(f"no answer within {exchange.patience:g} s", request=request) from error
        return _response(package, request, exchange)

    async def _begin(self, exchange: Exchange) -> None:
        """On the background loop."""
        if self._closed:
            raise RuntimeError("this transport is closed")
        if self._gateway is None:
            self._gateway = Gateway(self._config, observer=self._observer)
            self._forget = BACKGROUND.close_with(self._gateway.aclose)
        self._under_way.add(exchange)
        await exchange.begin(self._gateway.handle, self._under_way.discard)

    async def _end(self) -> None:
        self._closed = True
        await asyncio.gather(*(exchange.ended(LEAVING_S) for exchange in self._under_way))
        if self._gateway is not None and self._forget is not None:
            self._forget()
            await self._gateway.aclose()

    def close(self) -> None:
        """Ends what is under way and closes every connection."""
        if not self._closed:
            BACKGROUND.run(self._end())

    async def aclose(self) -> None:
        """The same, from any loop."""
        if not self._closed:
            await BACKGROUND.across(self._end())

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _package(request: Any) -> ModuleType:
    """httpx or httpx2: whichever made the request gets an answer of its own classes."""
    for kind in type(request).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return import_module(name)
    raise TypeError(f"expected a request of httpx or httpx2, got {type(request).__module__}.{type(request).__qualname__}")


def _scope(request: Any) -> dict[str, Any]:
    raw_path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }


def _patience(request: Any) -> float | None:
    """The seconds of the client's ``read`` timeout."""
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


def _response(package: ModuleType, request: Any, exchange: Exchange) -> Any:
    stream = _stream_class(package)(exchange, package, request)
    return package.Response(exchange.status, headers=exchange.headers, stream=stream, request=request)


@cache
def _stream_class(package: ModuleType) -> type[Any]:
    """The body of an answer, as this package's clients demand it by type."""
    return type("GatewayStream", (_Stream, package.SyncByteStream, package.AsyncByteStream), {})


class _Stream:
    """What the exchange still brings, for readers on any thread and any loop."""

    def __init__(self, exchange: Exchange, package: ModuleType, request: Any) -> None:
        self._exchange = exchange
        self._package = package
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        if self._exchange.first:
            yield self._exchange.first
        while not self._exchange.over:
            try:
                piece = BACKGROUND.run(self._exchange.read())
            except Exception as error:
                raise self._translated(error) from error
            if piece:
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._exchange.first:
            yield self._exchange.first
        while not self._exchange.over:
            try:
                piece = await BACKGROUND.across(self._exchange.read())
            except Exception as error:
                raise self._translated(error) from error
            if piece:
                yield piece

    def _translated(self, error: Exception) -> Exception:
        """What the package's own transport would raise."""
        kind = self._package.ReadTimeout if isinstance(error, TimeoutError) else self._package.RemoteProtocolError
        told: Exception = kind(str(error) or type(error).__name__, request=self._request)
        return told

    def close(self) -> None:
        self._exchange.leave()

    async def aclose(self) -> None:
        self._exchange.leave()

    def __del__(self) -> None:
        self._exchange.leave()
