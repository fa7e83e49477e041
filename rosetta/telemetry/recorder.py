"""The observer that listens: every request becomes metrics and a line of the log, some become traces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits
from time import perf_counter
from typing import Literal

import httpx
from opentelemetry.trace import Span, SpanContext

from rosetta.config.schema import Config, Key
from rosetta.converters.converter import StreamDecoder, StreamEncoder, WireEvent
from rosetta.ir.errors import Failure
from rosetta.ir.loss import FIELD_CLASS, Loss
from rosetta.ir.parts import Format
from rosetta.ir.request import Request
from rosetta.ir.response import Response
from rosetta.ir.usage import NO_USAGE, Usage
from rosetta.providers.catalog import GENERIC
from rosetta.telemetry import logs, names
from rosetta.telemetry.classify import error_type, request_error, request_outcome, status_class
from rosetta.telemetry.metrics import Exemplar, Metrics
from rosetta.telemetry.names import NONE, OTHER
from rosetta.telemetry.observer import Answer, AttemptObserver, Direction, Observer, Outcome, RequestObserver, Sending
from rosetta.telemetry.spans import AttemptTrace, RequestTrace
from rosetta.telemetry.tracing import Tracing
from rosetta.telemetry.transport import Transports

_WORDS = {True: "true", False: "false"}
_CIRCUITS = names.CIRCUIT_STATES


class Recorder(Observer):
    """Counts and measures for one gateway, and traces where ``tracing`` is given."""

    def __init__(self, metrics: Metrics | None = None, tracing: Tracing | None = None) -> None:
        self.metrics = Metrics() if metrics is None else metrics
        self.tracing = tracing
        self.transports = Transports(tracing.provider) if tracing is not None else None
        self._folded: dict[tuple[str, str], float] = {}

    def configured(self, config: Config) -> None:
        """The names of the config are the labels from now on."""
        self.metrics.configure(config, config_hash(config))

    def request(
        self,
        format: Format,
        operation: str,
        request_id: str,
        *,
        stream: bool | None = None,
        method: str = "",
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> RequestRecorder:
        """A request begins."""
        recorded = RequestRecorder(self, format, operation, request_id)
        if self.tracing is not None and self.transports is not None:
            span = self.tracing.server_span(format, operation, request_id, stream=stream, method=method, path=path, headers=headers)
            recorded.follow(span, self.tracing, self.transports)
        return recorded

    def circuit(self, provider: str, model: str, state: Literal["closed", "half_open", "open"]) -> None:
        """A target's circuit changed. Targets whose model only a glob names share a series, which shows the worst of them."""
        metrics, value = self.metrics, float(_CIRCUITS[state])
        provider, known = metrics.providers(provider), metrics.target_models(model)
        if known == OTHER:
            if value:
                self._folded[provider, model] = value
            else:
                self._folded.pop((provider, model), None)
            value = max((worst for (name, _), worst in self._folded.items() if name == provider), default=0.0)
        metrics.circuit_state.child(provider, known).set(value)

    def limited(self, limit: str, decision: str, key_group: str) -> None:
        """A limit decided."""
        self.metrics.rate_limits.add(1, limit, decision, key_group)

    def store_degraded(self, degraded: bool) -> None:
        """The shared store of limits was lost, or came back."""
        self.metrics.store_degraded.child().set(int(degraded))

    def reloaded(self, outcome: Literal["success", "unchanged", "failure"]) -> None:
        """The config was read anew."""
        self.metrics.config_reloads.add(1, outcome)

    def draining(self) -> None:
        """The gateway begins to end."""
        self.metrics.draining.child().set(1)

    def close(self) -> None:
        """Writes the lines and sends the spans that wait."""
        logs.flush()
        if self.tracing is not None:
            self.tracing.close()


class RequestRecorder(RequestObserver):
    """One request's numbers."""

    __slots__ = (
        "_began",
        "_decode_s",
        "_finished",
        "_generates",
        "_last",
        "_model",
        "_operation",
        "_request_id",
        "context",
        "entry",
        "exemplar",
        "format",
        "key",
        "metrics",
        "recorded",
        "resends",
        "stream",
        "trace",
        "trace_id",
    )

    def __init__(self, recorder: Recorder, format: Format, operation: str, request_id: str) -> None:
        self._began = perf_counter()
        self._decode_s = 0.0
        self._finished = False
        self._generates = operation == "generate"
        self._operation = operation
        self._request_id = request_id
        self._model: str | None = None
        self.metrics = recorder.metrics
        self.format = format
        self.entry = NONE
        self.exemplar: Exemplar = None
        self.key: Key | None = None
        self.stream: str | None = None
        self.recorded = False
        self.trace: RequestTrace | None = None
        self.trace_id = ""
        self.context: SpanContext | int | None = None
        self._last: tuple[str, str] | None = None
        self.resends = 0

    def follow(self, span: Span | int, tracing: Tracing, transports: Transports) -> None:
        """The request has a span, or a trace id alone; most are not recorded."""
        if isinstance(span, int):
            self.context = span
            return
        context = self.context = span.get_span_context()
        if span.is_recording():
            self.recorded = True
            self.trace = RequestTrace(tracing, transports, span, self.format)
            self.trace_id = f"{context.trace_id:032x}"
            self.exemplar = {"trace_id": self.trace_id}

    def asked(self, model: str, *, stream: bool, key: Key | None) -> None:
        """From now on it is under way."""
        self.key = key
        self._model = model
        self.entry = OTHER  # until a route is found
        if self._generates:
            self.stream = _WORDS[stream]
            self.metrics.inflight.child(self.format, self.stream).inc()
        if self.trace is not None:
            self.trace.asked(model, stream=stream, key_name=None if key is None else key.name)

    def planned(self, entry: str) -> None:
        """The config's entry is the model's label."""
        self.entry = self.metrics.models(entry)

    def routed(self, candidates: Sequence[tuple[str, str]], strategy: str, *, began: float, ended: float) -> None:
        """Which targets may answer."""
        if self.trace is not None:
            self.trace.routed(self.entry, candidates, strategy, began=began, ended=ended)

    def denied(self, limit: str) -> None:
        """A limit refused it."""
        if self.trace is not None:
            self.trace.event(names.DENIED_EVENT, {names.DENIED_LIMIT.name: limit})

    def decoded(self, request: Request, losses: Sequence[Loss], *, began: float, ended: float, bytes_in: int) -> None:
        """Half of the conversion; the other half is made for each target."""
        self._decode_s = ended - began
        if self.trace is not None:
            self.trace.decoded(request, losses, began=began, ended=ended, bytes_in=bytes_in)

    def encoded(self, target: Format, seconds: float, losses: Sequence[Loss]) -> None:
        """The other half. Decoding is counted once, with the first target."""
        self.converted("request", self.format, target, seconds + self._decode_s, losses)
        self._decode_s = 0.0

    def unconverted(self, direction: Direction, source: Format, target: Format) -> None:
        """A conversion failed."""
        self.metrics.conversions.add(1, source, target, direction, "error")

    def retry(self, delay_s: float, failure: Failure) -> None:
        """The wait before the next try."""
        if self._last is not None:
            self.metrics.retry_delay.observe(delay_s, self.metrics.providers(self._last[0]), exemplar=self.exemplar)
        if self.trace is not None:
            self.trace.retry(delay_s, failure)

    def fallback(self, source: str, target: str, failure: Failure | None) -> None:
        """The chain goes on."""
        metrics = self.metrics
        reason = "circuit_open" if failure is None else error_type(failure)
        metrics.fallbacks.add(1, metrics.providers(source), metrics.providers(target), reason)
        if self.trace is not None:
            attributes = {
                names.FALLBACK_FROM.name: source,
                names.FALLBACK_TO.name: target,
                names.FALLBACK_REASON_ATTRIBUTE.name: reason,
            }
            self.trace.flush()
            self.trace.event(names.FALLBACK_EVENT, attributes)

    def attempt(self, sending: Sending) -> AttemptRecorder:
        """An attempt begins."""
        self.resends = self.resends + 1 if sending.reason == "retry" else 0
        self._last = (sending.provider, sending.model)
        return AttemptRecorder(self, sending)

    def converted(self, direction: Direction, source: Format, target: Format, seconds: float, losses: Sequence[Loss]) -> None:
        """A conversion was made."""
        metrics = self.metrics
        metrics.conversions.add(1, source, target, direction, "ok")
        metrics.conversion_duration.observe(seconds, source, target, direction, exemplar=self.exemplar)
        for loss in losses:
            field = loss.field if loss.field in FIELD_CLASS else OTHER
            metrics.conversion_losses.add(1, source, target, field, loss.kind)

    def finish(self, outcome: Outcome) -> None:
        """The last numbers."""
        if self._finished:
            return
        self._finished = True
        duration_s = perf_counter() - self._began
        overhead_s = max(duration_s - outcome.waited_s, 0.0)
        try:
            self._count(outcome, duration_s, overhead_s)
            if logs.listening():
                self._log(outcome, duration_s, overhead_s)
        finally:
            if self.trace is not None:
                self.trace.finish(outcome, outcome.status, request_error(outcome), overhead_s if self._generates else None)

    def _log(self, outcome: Outcome, duration_s: float, overhead_s: float) -> None:
        failure = outcome.failure
        line = logs.RequestLine(
            time=logs.now(),
            level="info",
            logger=logs.requests.name,
            event="request",
            request_id=self._request_id,
            trace_id=self.trace_id or None,
            key=None if self.key is None else self.key.name,
            operation=self._operation,
            client_format=self.format,
            model=None if self._model is None else self._model[: logs.NAME_SHOWN],
            stream=None if self.stream is None else self.stream == "true",
            status=outcome.status,
            outcome=request_outcome(outcome),
            error_type=request_error(outcome),
            error=failure.message if failure is not None and failure.ours else None,
            duration_s=round(duration_s, 6),
        )
        if outcome.attempts:
            line.provider, line.upstream_format = outcome.provider, outcome.target_format
            line.upstream_model, line.attempts, line.relayed = outcome.model[: logs.NAME_SHOWN], outcome.attempts, outcome.relayed
            line.first_token_s = None if outcome.first_token_s is None else round(outcome.first_token_s, 6)
            line.overhead_s = round(overhead_s, 6)
            if outcome.losses or outcome.reply_losses:
                line.losses = logs.lost((*outcome.losses, *outcome.reply_losses))
            for kind, count in token_counts(outcome.usage):
                setattr(line, f"{kind}_tokens", count)
        logs.tell(line)

    def _count(self, outcome: Outcome, duration_s: float, overhead_s: float) -> None:
        metrics, stream, exemplar = self.metrics, self.stream or "false", self.exemplar
        provider = metrics.providers(outcome.provider) if outcome.attempts else NONE
        metrics.requests.add(
            1, self.format, provider, self.entry, status_class(outcome), request_outcome(outcome), stream, exemplar=exemplar
        )
        if not self._generates:
            return
        if self.stream is not None:
            metrics.inflight.child(self.format, self.stream).dec()
        metrics.request_duration.observe(duration_s, self.format, provider, stream, exemplar=exemplar)
        target = outcome.target_format if outcome.attempts and outcome.target_format is not None else NONE
        metrics.overhead.observe(overhead_s, self.format, target, exemplar=exemplar)
        if outcome.seal_lost:
            metrics.seals_lost.add(1, provider)
        if outcome.usage is not NO_USAGE and self.key is not None and self.key.metrics:
            key = metrics.keys(self.key.name)
            for kind, count in token_counts(outcome.usage):
                metrics.key_tokens.add(count, key, kind)


class AttemptRecorder(AttemptObserver):
    """One attempt's numbers."""

    __slots__ = ("_began", "_first", "_gen_ai", "_parent", "_provider", "_sending", "_trace", "recorded")

    def __init__(self, parent: RequestRecorder, sending: Sending) -> None:
        self._began = perf_counter()
        self._first: float | None = None
        self._parent = parent
        self._sending = sending
        metrics = parent.metrics
        self._provider = metrics.providers(sending.provider)
        self._gen_ai = (operation(sending.format), gen_ai_provider(sending, self._provider), parent.entry)
        if sending.encoding is not None:
            began, ended = sending.encoding
            parent.encoded(sending.format, ended - began, sending.losses)
        self._trace: AttemptTrace | None = None
        self.recorded = parent.recorded
        if parent.trace is not None:
            self._trace = parent.trace.attempt(sending, self._gen_ai[0], self._gen_ai[1], parent.resends)
        self._began = perf_counter()

    def transport(self, plain: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """An observed one where the attempt is recorded."""
        return plain if self._trace is None else self._trace.transport(plain)

    def headers(self) -> Sequence[tuple[str, str]]:
        """An unrecorded request's ids, for trusted providers; the transport of a recorded one writes its own."""
        context = self._parent.context
        if not self._sending.trusted or context is None or self._trace is not None:
            return ()
        if isinstance(context, int):
            return [("traceparent", f"00-{context:032x}-{getrandbits(64) or 1:016x}-00")]
        headers = [("traceparent", f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}")]
        if context.trace_state:
            headers.append(("tracestate", context.trace_state.to_header()))
        return headers

    def decoder(self, decoder: StreamDecoder) -> StreamDecoder:
        """A watched one where the attempt is recorded."""
        return decoder if self._trace is None else self._trace.decoder(decoder)

    def encoder(self, encoder: StreamEncoder) -> StreamEncoder:
        """A timed one where the attempt is recorded."""
        return encoder if self._trace is None else self._trace.encoder(encoder)

    def frame(self, frame: Callable[[WireEvent], bytes]) -> Callable[[WireEvent], bytes]:
        """A timed one where the attempt is recorded."""
        return frame if self._trace is None else self._trace.frame(frame)

    def first_chunk(self) -> None:
        """The first content of a stream came."""
        self._first = perf_counter()
        waited_s = self._first - self._began
        self._parent.metrics.first_chunk.observe(waited_s, *self._gen_ai, exemplar=self._parent.exemplar)
        if self._trace is not None:
            self._trace.first_chunk(waited_s)

    def answered(
        self, response: Response, *, began: float, decoded: float, ended: float, bytes_in: int, bytes_out: int, losses: Sequence[Loss]
    ) -> None:
        """For the spans; the numbers come with the end."""
        if self._trace is not None:
            self._trace.answered(response, began=began, decoded=decoded, ended=ended, bytes_in=bytes_in, bytes_out=bytes_out, losses=losses)

    def finish(self, answer: Answer) -> None:
        """The last numbers."""
        ended = perf_counter() if answer.ended is None else answer.ended
        parent, sending, gen_ai = self._parent, self._sending, self._gen_ai
        metrics, exemplar = parent.metrics, parent.exemplar
        if answer.gone:
            outcome, reason = "client_disconnect", "client_disconnect"
        elif answer.failure is not None:
            outcome, reason = "error", error_type(answer.failure)
        else:
            outcome, reason = "ok", ""
        metrics.upstream_attempts.add(1, self._provider, sending.format, outcome, reason, sending.reason, exemplar=exemplar)
        metrics.operation_duration.observe(ended - self._began, *gen_ai, reason, exemplar=exemplar)
        direction: Direction = "stream" if sending.stream else "response"
        if answer.converted_s is not None:
            parent.converted(direction, sending.format, parent.format, answer.converted_s, answer.losses)
        counts = [] if answer.usage is NO_USAGE else token_counts(answer.usage)
        if self._trace is not None:
            self._trace.finish(answer, counts, reason, ended)
        if counts:
            for kind, count in counts:
                metrics.token_usage.observe(count, *gen_ai, kind, exemplar=exemplar)
            made = answer.usage.output_total or 0
            if self._first is not None and made > 1:
                metrics.time_per_output_token.observe((ended - self._first) / (made - 1), *gen_ai, exemplar=exemplar)
        if answer.gap_s is not None:
            metrics.stream_gap.observe(answer.gap_s, self._provider, exemplar=exemplar)
        for kind, count in answer.counts_in.items():
            metrics.stream_events.add(count, sending.format, "in", kind)
        for kind, count in answer.counts_out.items():
            metrics.stream_events.add(count, parent.format, "out", kind)


def operation(format: Format) -> str:
    """The GenAI operation of an upstream's format."""
    return "generate_content" if format == "google_genai" else "chat"


def gen_ai_provider(sending: Sending, provider: str) -> str:
    """The vendor in the conventions' words; ``provider`` is the guarded name of the config."""
    return provider if sending.vendor == GENERIC else names.GEN_AI_PROVIDERS.get(sending.vendor, sending.vendor)


def token_counts(usage: Usage) -> list[tuple[str, int]]:
    """What the upstream counted, by token type: cached and written tokens are part of the input, reasoning of the output. A count nobody gave is left out."""
    counts = []
    if not (usage.input_uncached is usage.cache_read is usage.cache_write is usage.tool_prompt is None):
        counts.append(("input", usage.input_total))
    for kind, count in (
        ("output", usage.output_total),
        ("cached_input", usage.cache_read),
        ("cache_creation_input", usage.cache_write),
        ("reasoning", usage.reasoning),
    ):
        if count is not None:
            counts.append((kind, count))
    return counts


def config_hash(config: Config) -> str:
    """12 hexadecimal digits that tell one config from another; secrets print as ``***`` and do not count."""
    return hashlib.sha256(repr(config).encode()).hexdigest()[:12]
