"""The spans of one recorded request, by hand and with explicit parents: a stream's generator has no context to rely on.

    POST /v1/messages                      server span
    ├── convert request anthropic -> ir
    ├── route
    ├── chat llama3.2                      one per attempt, retries and fallbacks side by side
    │   ├── convert request ir -> openai_chat
    │   ├── POST                           OpenTelemetry's httpx instrumentation
    │   └── convert response openai_chat -> ir
    └── convert response ir -> anthropic

Hops are told when they are over, so their spans are made with the times at which they began and ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from rosetta.converters.converter import Json, StreamDecoder, StreamEncoder, WireEvent
from rosetta.fold import fold
from rosetta.ir.errors import Failure
from rosetta.ir.events import Event
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format
from rosetta.ir.request import Request
from rosetta.ir.response import Response
from rosetta.telemetry import content, names
from rosetta.telemetry.classify import error_type
from rosetta.telemetry.names import Attribute, SpanEvent
from rosetta.telemetry.observer import Answer, Outcome, Sending

if TYPE_CHECKING:
    import httpx

    from rosetta.telemetry.tracing import Tracing
    from rosetta.telemetry.transport import Transports

_ROOT = Context()


class RequestTrace:
    """A recorded request. ``finish`` must come."""

    def __init__(self, tracing: Tracing, transports: Transports, span: Span, format: Format) -> None:
        self.tracing = tracing
        self.transports = transports
        self.span = span
        self.format = format
        self.context = trace.set_span_in_context(span, _ROOT)
        self.decoded_losses = 0
        self._offset_ns = time_ns() - perf_counter_ns()
        self._pending: AttemptTrace | None = None

    def at(self, seconds: float) -> int:
        """A time of ``perf_counter`` in nanoseconds since 1970."""
        return int(seconds * 1e9) + self._offset_ns

    def hop(
        self,
        parent: Context,
        name: str,
        direction: str,
        source: str,
        target: str,
        *,
        began: float,
        ended: float,
        losses: Sequence[Loss] = (),
        numbers: Mapping[Attribute, float | None],
        failure: Failure | None = None,
    ) -> None:
        """One conversion, over and done. ``numbers`` are further attributes."""
        attributes: dict[str, Any] = {
            names.CONVERT_DIRECTION.name: direction,
            names.CONVERT_FROM.name: source,
            names.CONVERT_TO.name: target,
            names.CONVERT_LOSSES.name: len(losses),
        }
        attributes.update({attribute.name: number for attribute, number in numbers.items() if number is not None})
        name = name.replace("{from}", source).replace("{to}", target)
        span = self.tracing.tracer.start_span(name, parent, SpanKind.INTERNAL, attributes, start_time=self.at(began))
        if losses:
            tell_losses(span, losses, self.at(ended))
        if failure is not None:
            failed(span, error_type(failure))
        span.end(self.at(ended))

    def asked(self, model: str, *, stream: bool, key_name: str | None) -> None:
        """What it wants."""
        self.span.set_attributes({names.GEN_AI_REQUEST_MODEL.name: model, names.STREAM_ATTRIBUTE.name: stream})
        if key_name is not None:
            self.span.set_attribute(names.KEY_NAME.name, key_name)

    def routed(self, entry: str, candidates: Sequence[tuple[str, str]], strategy: str, *, began: float, ended: float) -> None:
        """Which targets may answer."""
        attributes = {
            names.ROUTE_ALIAS.name: entry,
            names.ROUTE_CANDIDATES.name: [f"{provider}/{model}" for provider, model in candidates],
            names.ROUTE_STRATEGY.name: strategy,
        }
        tracer = self.tracing.tracer
        span = tracer.start_span(names.ROUTE_SPAN.name, self.context, SpanKind.INTERNAL, attributes, start_time=self.at(began))
        span.end(self.at(ended))

    def decoded(self, request: Request, losses: Sequence[Loss], *, began: float, ended: float, bytes_in: int) -> None:
        """The client's body was read."""
        self.decoded_losses = len(losses)
        self.hop(
            self.context,
            names.CONVERT_REQUEST_SPAN.name,
            "request",
            self.format,
            "ir",
            began=began,
            ended=ended,
            losses=losses,
            numbers={
                names.CONVERT_BYTES_IN: bytes_in,
                names.CONVERT_MESSAGES: len(request.system) + len(request.turns),
                names.CONVERT_TOOLS: len(request.tools),
            },
        )

    def event(self, event: SpanEvent, attributes: Mapping[str, Any]) -> None:
        """Something happened to the request."""
        self.span.add_event(event.name, attributes)

    def retry(self, delay_s: float, failure: Failure) -> None:
        """The last attempt's target will be asked again."""
        if self._pending is not None:
            attributes: dict[str, Any] = {names.RETRY_DELAY_ATTRIBUTE.name: delay_s, names.ERROR.name: error_type(failure)}
            if failure.retry_after_s is not None:
                attributes[names.RETRY_AFTER_ATTRIBUTE.name] = failure.retry_after_s
            self._pending.span.add_event(names.RETRY_EVENT.name, attributes, self._pending.ended_ns)

    def attempt(self, sending: Sending, operation: str, vendor: str, resends: int) -> AttemptTrace:
        """An attempt begins."""
        self.flush()
        self._pending = AttemptTrace(self, sending, operation, vendor, resends)
        return self._pending

    def flush(self) -> None:
        """Nothing more is told of the last attempt."""
        if self._pending is not None:
            self._pending.end()
            self._pending = None

    def finish(self, outcome: Outcome, status: int, reason: str | None, overhead_s: float | None) -> None:
        """The request is over. ``reason`` is its error type, None where it went well."""
        self.flush()
        span = self.span
        attributes: dict[str, Any] = {names.ATTEMPTS.name: outcome.attempts}
        if status:
            attributes[names.HTTP_STATUS.name] = status
        if outcome.attempts:
            attributes[names.PROVIDER_ATTRIBUTE.name] = outcome.provider
            attributes[names.PASSTHROUGH.name] = outcome.relayed
        if overhead_s is not None:
            attributes[names.OVERHEAD_ATTRIBUTE.name] = overhead_s * 1000
        if reason is not None:
            attributes[names.ERROR.name] = reason
            if not outcome.client_gone and not 400 <= status < 500:
                span.set_status(StatusCode.ERROR)
        span.set_attributes(attributes)
        span.end()


class AttemptTrace:
    """One attempt's span and those beneath it."""

    def __init__(self, parent: RequestTrace, sending: Sending, operation: str, vendor: str, resends: int) -> None:
        self.parent = parent
        self.ended_ns: int | None = None
        self._sending = sending
        self._decoding_began = 0.0
        self._encode_s = 0.0
        self._events: list[Event] | None = [] if parent.tracing.captures and sending.stream else None
        attributes: dict[str, Any] = {
            names.GEN_AI_OPERATION_ATTRIBUTE.name: operation,
            names.GEN_AI_PROVIDER_ATTRIBUTE.name: vendor,
            names.GEN_AI_REQUEST_MODEL.name: sending.model,
            names.SERVER_ADDRESS.name: sending.address,
            names.SERVER_PORT.name: sending.port,
            names.PROVIDER_ATTRIBUTE.name: sending.provider,
            names.UPSTREAM_FORMAT_ATTRIBUTE.name: sending.format,
            names.ATTEMPT.name: sending.number,
            names.ATTEMPT_REASON.name: sending.reason,
        }
        if sending.stream:
            attributes[names.GEN_AI_STREAM.name] = True
        if resends:
            attributes[names.HTTP_RESEND.name] = resends
        tracing = parent.tracing
        request = sending.request
        if request is None and tracing.captures:
            request = sending.read()
        if request is not None:
            attributes.update(content.settings(request))
            if tracing.captures:
                attributes.update(content.conversation(request))
        self.span = tracing.tracer.start_span(
            f"{operation} {sending.model}", parent.context, SpanKind.CLIENT, attributes, start_time=parent.at(sending.began)
        )
        self.context = trace.set_span_in_context(self.span, _ROOT)
        self._sent_at = perf_counter()
        if sending.encoding is not None:
            began, ended = sending.encoding
            parent.hop(
                self.context,
                names.CONVERT_REQUEST_SPAN.name,
                "request",
                "ir",
                sending.format,
                began=began,
                ended=ended,
                losses=sending.losses[parent.decoded_losses :],
                numbers={names.CONVERT_BYTES_OUT: sending.bytes_out},
            )

    def transport(self, plain: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """The transport with a span of its own."""
        return self.parent.transports.over(plain, self.context, trusted=self._sending.trusted)

    def decoder(self, decoder: StreamDecoder) -> StreamDecoder:
        """The upstream's reader; where content is captured its events are kept."""
        self._decoding_began = perf_counter()
        return decoder if self._events is None else KeptDecoder(decoder, self._events)

    def encoder(self, encoder: StreamEncoder) -> StreamEncoder:
        """The client's writer with its time taken."""
        return TimedEncoder(encoder, self._encoded)

    def frame(self, frame: Callable[[WireEvent], bytes]) -> Callable[[WireEvent], bytes]:
        """Its framing with its time taken."""

        def timed(event: WireEvent) -> bytes:
            began = perf_counter()
            framed = frame(event)
            self._encode_s += perf_counter() - began
            return framed

        return timed

    def _encoded(self, seconds: float) -> None:
        self._encode_s += seconds

    def first_chunk(self, waited_s: float) -> None:
        """The first content came."""
        self.span.add_event(names.FIRST_CHUNK_EVENT.name)
        self.span.set_attribute(names.GEN_AI_FIRST_CHUNK.name, waited_s)

    def answered(
        self, response: Response, *, began: float, decoded: float, ended: float, bytes_in: int, bytes_out: int, losses: Sequence[Loss]
    ) -> None:
        """A whole answer: two hops where it was converted (``decoded`` is not 0)."""
        if self.parent.tracing.captures:
            self.span.set_attributes(content.answer(response))
        if not decoded:
            return
        parent, source, name = self.parent, self._sending.format, names.CONVERT_RESPONSE_SPAN.name
        parent.hop(
            self.context,
            name,
            "response",
            source,
            "ir",
            began=began,
            ended=decoded,
            numbers={names.CONVERT_BYTES_IN: bytes_in, names.CONVERT_CPU: (decoded - began) * 1000},
        )
        parent.hop(
            parent.context,
            name,
            "response",
            "ir",
            parent.format,
            began=decoded,
            ended=ended,
            losses=losses,
            numbers={names.CONVERT_BYTES_OUT: bytes_out, names.CONVERT_CPU: (ended - decoded) * 1000},
        )

    def finish(self, answer: Answer, usage: Sequence[tuple[str, int]], reason: str, ended: float) -> None:
        """The attempt is over; ``reason`` is its error type, empty where it went well. Its span waits for word of a retry."""
        span, sending = self.span, self._sending
        self.ended_ns = self.parent.at(ended)
        attributes: dict[str, Any] = {_TOKENS[kind]: count for kind, count in usage}
        if answer.response_id:
            attributes[names.GEN_AI_RESPONSE_ID.name] = answer.response_id
        if answer.response_model:
            attributes[names.GEN_AI_RESPONSE_MODEL.name] = answer.response_model
        if answer.finish:
            attributes[names.GEN_AI_FINISH.name] = [finish.reason for finish in answer.finish]
        if sending.stream:
            attributes[names.STREAM_EVENTS_IN.name] = answer.events_in
            attributes[names.STREAM_BYTES.name] = answer.bytes_in
            if answer.converted_s is not None and self._decoding_began:
                self._stream_hops(answer, answer.converted_s, ended)
            if self._events and answer.failure is None and not answer.gone:
                attributes.update(content.answer(fold(self._events, sending.format)))
        span.set_attributes(attributes)
        if reason:
            failed(span, reason)

    def _stream_hops(self, answer: Answer, converted_s: float, ended: float) -> None:
        parent, source, name = self.parent, self._sending.format, names.CONVERT_RESPONSE_SPAN.name
        decoded, encoded = sum(answer.counts_in.values()), sum(answer.counts_out.values())
        decode_s = max(converted_s - self._encode_s, 0.0)
        parent.hop(
            self.context,
            name,
            "stream",
            source,
            "ir",
            began=self._decoding_began,
            ended=ended,
            numbers={
                names.CONVERT_BYTES_IN: answer.bytes_in,
                names.CONVERT_EVENTS_IN: answer.events_in,
                names.CONVERT_EVENTS_OUT: decoded,
                names.CONVERT_CPU: decode_s * 1000,
            },
            failure=answer.failure,
        )
        parent.hop(
            parent.context,
            name,
            "stream",
            "ir",
            parent.format,
            began=self._decoding_began,
            ended=ended,
            losses=answer.losses,
            numbers={
                names.CONVERT_EVENTS_IN: decoded,
                names.CONVERT_EVENTS_OUT: encoded,
                names.CONVERT_CPU: self._encode_s * 1000,
            },
        )

    def end(self) -> None:
        """No word of a retry can come any more."""
        self.span.end(self.ended_ns)


_TOKENS = {
    "input": names.GEN_AI_INPUT_TOKENS.name,
    "output": names.GEN_AI_OUTPUT_TOKENS.name,
    "cached_input": names.GEN_AI_CACHE_READ.name,
    "cache_creation_input": names.GEN_AI_CACHE_CREATION.name,
    "reasoning": names.GEN_AI_REASONING.name,
}


class TimedEncoder:
    """A StreamEncoder that tells how long it worked."""

    def __init__(self, encoder: StreamEncoder, worked: Callable[[float], None]) -> None:
        self._encoder = encoder
        self._worked = worked

    @property
    def losses(self) -> Sequence[Loss]:
        """What it lost."""
        return self._encoder.losses

    def open(self) -> list[WireEvent]:
        """What opens the stream."""
        return self._encoder.open()

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        began = perf_counter()
        out = self._encoder.feed(event)
        self._worked(perf_counter() - began)
        return out

    def finish(self) -> list[WireEvent]:
        """No more events come."""
        return self._encoder.finish()


class KeptDecoder:
    """A StreamDecoder whose events are kept, for content that is captured."""

    def __init__(self, decoder: StreamDecoder, kept: list[Event]) -> None:
        self._decoder = decoder
        self._kept = kept

    @property
    def losses(self) -> Sequence[Loss]:
        """What it lost."""
        return self._decoder.losses

    def feed(self, event: str | None, data: Json | None) -> list[Event]:
        """One wire event."""
        out = self._decoder.feed(event, data)
        self._kept.extend(out)
        return out

    def finish(self) -> list[Event]:
        """The upstream closed the stream."""
        out = self._decoder.finish()
        self._kept.extend(out)
        return out


def failed(span: Span, reason: str) -> None:
    """Marks a span as failed; ``reason`` is a closed word, never an exception's text."""
    span.set_attribute(names.ERROR.name, reason)
    span.set_status(StatusCode.ERROR)


def tell_losses(span: Span, losses: Sequence[Loss], at: int) -> None:
    """Each loss as an event, the first ``LOSS_EVENTS_MAX`` of them."""
    for loss in losses[: names.LOSS_EVENTS_MAX]:
        place = loss.path or (f"{loss.at}.{loss.field}" if loss.at else loss.field)
        attributes = {names.LOSS_FIELD.name: place, names.LOSS_KIND.name: loss.kind, names.LOSS_CLASS.name: loss.category}
        span.add_event(names.LOSS_EVENT.name, attributes, at)
    left_out = len(losses) - names.LOSS_EVENTS_MAX
    if left_out > 0:
        span.add_event(names.LOSSES_TRUNCATED.name, {names.LOSSES_LEFT_OUT.name: left_out}, at)
