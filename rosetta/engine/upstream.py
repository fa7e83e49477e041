"""The HTTP transport to one provider: httpx types over httpx-aiohttp, called directly, one pool per provider.

No redirect is followed, no cookie kept, no environment proxy read: a provider's proxy comes from the config.
"""

from __future__ import annotations

import functools
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from rosetta.ir.errors import Failure
from rosetta.telemetry.observer import NO_ATTEMPT, AttemptObserver

MAX_CONNECTIONS = 2000
KEEPALIVE_S = 60.0
REPLY_LIMIT_BYTES = 256 * 1024 * 1024
"""The largest unary answer that is read."""


class Unreachable(Exception):
    """No answer came, or it broke off. ``failure`` tells why; ``connected`` whether the request may have arrived."""

    def __init__(self, failure: Failure, *, connected: bool) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.connected = connected


@dataclass(slots=True)
class UpstreamReply:
    """An answer whose head has come. ``headers`` have lower-case names. It must be closed."""

    status: int
    headers: Mapping[str, str]
    response: httpx.Response
    name: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, decompressed. Raises Unreachable where the connection breaks."""
        encoded = "content-encoding" in self.headers
        source = self.response.aiter_bytes() if encoded else self.response.stream
        assert isinstance(source, AsyncIterator) or hasattr(source, "__aiter__")
        try:
            async for chunk in source:
                yield chunk
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(Failure("truncated", f"the connection to {self.name} broke off: {_reason(error)}"), connected=True) from error

    async def read(self, limit: int = REPLY_LIMIT_BYTES) -> bytes:
        """The whole body. Raises Unreachable where it breaks off or is larger than ``limit`` bytes."""
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            pieces.append(chunk)
            size += len(chunk)
            if size > limit:
                raise Unreachable(Failure("upstream_error", f"{self.name} sent more than {limit} bytes"), connected=True)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Gives the connection back, or closes it when the body was not read to its end."""
        try:
            await self.response.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            # The peer closed first; the connection is gone all the same and nobody waits for it.
            return


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


@functools.lru_cache(maxsize=64)
def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Reading the certificates takes 0.1 s, so providers share what they trust; a reload with another file reads that."""
    return ssl.create_default_context(cafile=ca_file)


def _session(verify: ssl.SSLContext, max_connections: int) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=max_connections, limit_per_host=0, keepalive_timeout=KEEPALIVE_S, ssl=verify, ttl_dns_cache=30)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )


class Upstream:
    """A provider's pool of connections. ``transport`` may be any httpx transport (``echo`` has its own)."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
        max_connections: int = MAX_CONNECTIONS,
        connect_timeout_s: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        split = urlsplit(self._base)
        self.address = split.hostname or ""
        self.port = split.port or (443 if split.scheme == "https" else 80)
        self._urls: dict[str, httpx.URL] = {}
        if transport is None:
            verify = _trust(ca_file)
            transport = AiohttpTransport(
                verify=verify, proxy=httpx.Proxy(proxy) if proxy else None, client=lambda: _session(verify, max_connections)
            )
        self._transport = transport
        self._timeout = {"connect": connect_timeout_s, "pool": connect_timeout_s + 10.0, "read": None, "write": None}

    def url(self, path: str) -> httpx.URL:
        """The address of ``path``; a version that ends the base URL and begins the path is not doubled."""
        url = self._urls.get(path)
        if url is None:
            if len(self._urls) > 1000:  # Google's paths hold the model's name
                self._urls.clear()
            url = self._urls[path] = httpx.URL(joined(self._base, path))
        return url

    async def send(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]],
        body: bytes = b"",
        *,
        connect_s: float | None = None,
        observed: AttemptObserver = NO_ATTEMPT,
    ) -> UpstreamReply:
        """Sends a request and waits for the head of the answer. ``connect_s`` is this request's own limit to connect. Raises Unreachable."""
        timeout = self._timeout if connect_s is None else {**self._timeout, "connect": connect_s}
        # With ``content`` httpx would read the headers twice more, for a length and a host that aiohttp writes itself.
        request = httpx.Request(
            method, self.url(path), headers=list(headers), stream=httpx.ByteStream(body), extensions={"timeout": timeout}
        )
        request.read()
        try:
            response = await observed.transport(self._transport).handle_async_request(request)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise _unanswered(self.name, error) from error
        head = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return UpstreamReply(response.status_code, head, response, self.name)

    async def aclose(self) -> None:
        """Closes the pool."""
        await self._transport.aclose()


def _unanswered(name: str, error: Exception) -> Unreachable:
    # httpx-aiohttp calls a connection that broke before the head a ConnectTimeout: what aiohttp said is the cause.
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ServerTimeoutError | TimeoutError):
        return Unreachable(Failure("timeout", f"{name} did not accept a connection in time; is it overloaded?"), connected=False)
    if isinstance(cause, aiohttp.ClientConnectorError | httpx.ConnectError):
        return Unreachable(
            Failure("upstream_error", f"{name} cannot be reached: {_reason(cause)}; check its base_url and that it runs"), connected=False
        )
    return Unreachable(
        Failure("upstream_error", f"the connection to {name} closed before an answer came: {_reason(cause)}"), connected=True
    )


def joined(base: str, path: str) -> str:
    """``https://host/v1`` + ``/v1/messages`` -> ``https://host/v1/messages``; other paths are appended as they are.

    A version that ends the base is the provider's own and stands in place of the path's. On OpenAI's wires a base holds the version by custom,
    wherever in it: ``https://host/v1beta/openai`` + ``/v1/chat/completions`` -> ``https://host/v1beta/openai/chat/completions``. Anthropic's and
    Google's clients add theirs to any base.
    """
    head, _, rest = path.lstrip("/").partition("/")
    if not rest or not _VERSION.fullmatch(head):
        return f"{base}/{head}/{rest}" if rest else f"{base}/{head}"
    segments = httpx.URL(base).path.split("/")
    openai = head == "v1" and not rest.startswith("messages")
    versioned = any(_VERSION.fullmatch(segment) for segment in (segments if openai else segments[-1:]))
    return f"{base}/{rest}" if versioned else f"{base}/{head}/{rest}"


_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
