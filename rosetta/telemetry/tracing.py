"""Where spans go, and which requests have any.

Configured by ``telemetry`` in the config or, where that names no endpoint, by the standard OTEL_* variables:

    telemetry.otlp_endpoint           OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT; none of them: no spans at all
    telemetry.otlp_protocol           OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL
    telemetry.sample_ratio            OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, which win when they are set

A request that comes with a W3C ``traceparent`` is recorded where its caller says so, any other one by its trace id. One that is not recorded costs that id
and nothing more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rosetta import __version__
from rosetta.config.faults import ConfigError, Fault
from rosetta.config.schema import Telemetry
from rosetta.ir.parts import Format
from rosetta.telemetry import names
from rosetta.telemetry.routes import template

SERVICE = "rosetta"
TRACES_PATH = "/v1/traces"
CAPTURING = frozenset({"SPAN_ONLY", "SPAN_AND_EVENT", "TRUE"})
"""Values of OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT that put conversations on spans."""

_ROOT = Context()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


class DrawnIds(RandomIdGenerator):
    """Trace ids that are known before their span: what is not sampled then needs no span at all, which costs more than a trace id."""

    def __init__(self) -> None:
        self._drawn = 0

    def draw(self) -> int:
        """The trace id of the next root span."""
        self._drawn = super().generate_trace_id()
        return self._drawn

    def generate_trace_id(self) -> int:
        """The one that was drawn, else a fresh one."""
        drawn, self._drawn = self._drawn, 0
        return drawn or super().generate_trace_id()


class Tracing:
    """The tracer of one gateway. ``captures``: conversations go onto the spans. ``ratio``: how many of the requests that bring no trace are recorded;
    None leaves it to the provider's sampler."""

    def __init__(self, provider: TracerProvider, *, captures: bool = False, ratio: float | None = None) -> None:
        self.provider = provider
        self._ids = provider.id_generator if isinstance(provider.id_generator, DrawnIds) else None
        self._bound = None if ratio is None else TraceIdRatioBased.get_bound_for_rate(ratio)
        self.tracer = provider.get_tracer("rosetta", __version__)
        self.captures = captures
        self._propagator = TraceContextTextMapPropagator()

    def server_span(
        self,
        format: Format,
        operation: str,
        request_id: str,
        *,
        stream: bool | None,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
    ) -> Span | int:
        """The span of a request, started; its attributes are set only where it is recorded. The trace id alone where it is known to be not recorded."""
        context = _ROOT
        if headers is not None and "traceparent" in headers:
            context = self._propagator.extract(headers, _ROOT)
        elif self._bound is not None and self._ids is not None:
            trace_id = self._ids.draw()
            if trace_id & TraceIdRatioBased.TRACE_ID_LIMIT >= self._bound:
                return trace_id
        route = template(format, operation, stream=stream)
        method = method or "POST"
        span = self.tracer.start_span(f"{method if method in _METHODS else 'HTTP'} {route}", context, SpanKind.SERVER)
        if span.is_recording():
            span.set_attributes(
                {
                    names.HTTP_METHOD.name: method if method in _METHODS else "_OTHER",
                    names.HTTP_ROUTE.name: route,
                    names.CLIENT_FORMAT_ATTRIBUTE.name: format,
                    names.REQUEST_ID.name: request_id,
                }
            )
            if operation != "none":  # an unknown path is the client's own text
                span.set_attribute(names.URL_PATH.name, path)
        return span

    def close(self) -> None:
        """Sends what is not sent yet."""
        self.provider.shutdown()


def tracing(settings: Telemetry, environ: Mapping[str, str] = os.environ, *, processor: SpanProcessor | None = None) -> Tracing | None:
    """The tracing that config and environment ask for, None where they name no place to send spans to. ``processor`` may be given instead of one.
    Raises ConfigError where the exporter that is asked for is not installed."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if processor is None:
        exporter = _exporter(settings, environ)
        if exporter is None:
            return None
        processor = BatchSpanProcessor(exporter)
    # What OpenTelemetry's own httpx instrumentation reads: today's names, and no header that may hold a key.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    os.environ.setdefault(
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", ".*key.*,.*token.*,.*secret.*,authorization,.*cookie.*"
    )
    # Without a sampler the SDK reads the standard variables.
    ratio = None if environ.get("OTEL_TRACES_SAMPLER") else settings.sample_ratio
    sampler = None if ratio is None else ParentBasedTraceIdRatio(ratio)
    provider = TracerProvider(sampler=sampler, resource=_resource(environ), id_generator=DrawnIds(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Tracing(provider, captures=captures(environ), ratio=ratio)


def captures(environ: Mapping[str, str]) -> bool:
    """Whether conversations go onto the spans."""
    return environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().upper() in CAPTURING


class Hashed(Resource):
    """A resource whose hash is kept: the exporter asks for it with every span, and the library writes JSON each time."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        """The same as the resource's."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """As resources compare."""
        return self is other or super().__eq__(other)


def _resource(environ: Mapping[str, str]) -> Resource:
    given = {"service.version": __version__}
    if not environ.get("OTEL_SERVICE_NAME") and "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        given["service.name"] = SERVICE
    return Hashed(Resource.create(given))


def _exporter(settings: Telemetry, environ: Mapping[str, str]) -> SpanExporter | None:
    endpoint = settings.otlp_endpoint
    protocol: str = settings.otlp_protocol
    if not endpoint:
        asked = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
        named = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        if asked == "none" or not (named or asked == "otlp"):
            return None
        protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or protocol
    if protocol == "grpc":
        return _grpc(endpoint)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    if not endpoint:
        return OTLPSpanExporter()
    bare = urlsplit(endpoint).path in ("", "/")
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES_PATH if bare else endpoint)


def _grpc(endpoint: str) -> SpanExporter:
    try:
        module = import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    except ImportError as error:
        message = "grpc needs another package: pip install 'rosetta-gateway[otlp-grpc]', or use http"
        raise ConfigError([Fault("telemetry.otlp_protocol", message)]) from error
    exporter: SpanExporter = module.OTLPSpanExporter(endpoint=endpoint) if endpoint else module.OTLPSpanExporter()
    return exporter
