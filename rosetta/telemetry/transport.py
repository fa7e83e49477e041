"""OpenTelemetry's own httpx instrumentation around a provider's transport, for attempts that are recorded.

It writes the text of every exception onto its span and the trace's ids onto every request. A text may hold an address with a password, and only trusted
providers are to see the ids: so what is underneath hides the one and takes off the other.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import httpx
from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.instrumentation.httpx import AsyncOpenTelemetryTransport
from opentelemetry.trace import TracerProvider

PROPAGATED = frozenset(
    {
        b"traceparent",
        b"tracestate",
        b"baggage",
        b"b3",
        b"x-b3-traceid",
        b"x-b3-spanid",
        b"x-b3-sampled",
        b"x-b3-flags",
        b"uber-trace-id",
        b"x-amzn-trace-id",
    }
)
"""What the propagators of OTEL_PROPAGATORS write."""

_CAUSE = "rosetta.cause"


class Discreet(httpx.AsyncBaseTransport):
    """Lets no exception's text out, and no trace's ids to a provider that is not trusted."""

    def __init__(self, plain: httpx.AsyncBaseTransport, *, trusted: bool) -> None:
        self._plain = plain
        self._trusted = trusted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it. Raises an exception of the same name without words; the real one is in the request's extensions."""
        if not self._trusted:
            request.headers = httpx.Headers([(name, value) for name, value in request.headers.raw if name.lower() not in PROPAGATED])
        try:
            return await self._plain.handle_async_request(request)
        except Exception as error:  # noqa: BLE001 - raised again outside of the span
            request.extensions[_CAUSE] = error
            raise type(type(error).__name__, (Exception,), {})() from None


class Observed(httpx.AsyncBaseTransport):
    """One attempt's transport: its span is the parent."""

    def __init__(self, instrumented: AsyncOpenTelemetryTransport, parent: Context) -> None:
        self._instrumented = instrumented
        self._parent = parent

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it. Raises what the plain transport raises."""
        token = contexts.attach(self._parent)
        try:
            return await self._instrumented.handle_async_request(request)
        except Exception as error:
            cause = request.extensions.get(_CAUSE)
            if cause is None:
                raise
            raise cause from error.__cause__
        finally:
            contexts.detach(token)


class Transports:
    """The instrumented transports, made once for each plain one."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._known: WeakKeyDictionary[httpx.AsyncBaseTransport, dict[bool, AsyncOpenTelemetryTransport]] = WeakKeyDictionary()

    def over(self, plain: httpx.AsyncBaseTransport, parent: Context, *, trusted: bool) -> Observed:
        """``plain`` with a span beneath ``parent``'s."""
        known = self._known.setdefault(plain, {})
        instrumented = known.get(trusted)
        if instrumented is None:
            instrumented = known[trusted] = AsyncOpenTelemetryTransport(Discreet(plain, trusted=trusted), tracer_provider=self._provider)
        return Observed(instrumented, parent)
