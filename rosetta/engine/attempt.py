"""One try at one target: the client's request made ready for it, and the reader of its answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rosetta import relay
from rosetta.convert import StreamHop, located, new_id, whole
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import (
    Converter,
    Json,
    Malformed,
    Operation,
    Reply,
    StreamDecoder,
    StreamEncoder,
    Target,
    Ticket,
    Unsupported,
    UpstreamFailed,
    WireEvent,
    WireRequest,
)
from rosetta.converters.google_genai import ArrayFraming
from rosetta.engine.call import Call, Failed
from rosetta.engine.headers import upward
from rosetta.engine.plan import Step
from rosetta.fold import unfold
from rosetta.ir.errors import Failure
from rosetta.ir.loss import Loss
from rosetta.ir.request import Request
from rosetta.ir.response import Response
from rosetta.ir.usage import NO_USAGE, Usage
from rosetta.telemetry.observer import AttemptObserver, RequestObserver

BYTES_PER_TOKEN = 4
"""The estimate where a count is wanted before anybody counted."""


class Inbound:
    """The client's request, read as far as somebody needed it: decoded once, whatever the number of targets."""

    def __init__(self, call: Call, observed: RequestObserver) -> None:
        self.call = call
        self.observed = observed
        self.converter: Converter = CONVERTERS[call.format]
        self._request: Request | None = None
        self._losses: tuple[Loss, ...] = ()
        self._encoder: StreamEncoder | None = None
        self._array = ArrayFraming() if call.array else None
        self._created = int(time.time())
        self.decoded_at = 0.0

    @property
    def request(self) -> Request:
        """The request as IR. Raises Failed(bad_request) with the path of the fault."""
        if self._request is None:
            call = self.call
            began = perf_counter()
            try:
                body = jsontext.decode(call.body)
            except jsontext.InvalidJson as error:
                raise Failed(Failure("bad_request", f"the body is not valid JSON: {error}", ours=True)) from error
            try:
                coded = self.converter.decode_request(
                    WireRequest(body, call.headers, call.path_model, call.stream if call.path_model is not None else None)
                )
            except Malformed as error:
                raise Failed(malformed(error)) from error
            self._request, self._losses = coded.value, coded.losses
            self.decoded_at = perf_counter()
            self.observed.decoded(coded.value, coded.losses, began=began, ended=self.decoded_at, bytes_in=len(call.body))
        return self._request

    @property
    def known(self) -> Request | None:
        """The request where it was read already."""
        return self._request

    def looked_at(self) -> Request | None:
        """The request for somebody who only watches: None where it cannot be read."""
        if self._request is not None:
            return self._request
        call = self.call
        try:
            return self.converter.decode_request(WireRequest(jsontext.decode(call.body), call.headers, call.path_model)).value
        except (jsontext.InvalidJson, Malformed):
            return None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What decoding lost."""
        return self._losses

    @property
    def input_tokens(self) -> int:
        """An estimate of the prompt, from its bytes."""
        return len(self.call.body) // BYTES_PER_TOKEN

    def reply(self) -> Reply:
        """What the client's encoder must know."""
        return Reply(self.request, self.call.model, self._created, new_id, self.input_tokens)

    def frame(self, event: WireEvent) -> bytes:
        """An event as bytes of the client's stream."""
        return self.converter.frame(event) if self._array is None else self._array.frame(event)

    def tail(self) -> bytes:
        """What ends the body after the last event."""
        return b"" if self._array is None else self._array.end()

    @property
    def encoder(self) -> StreamEncoder:
        """The client's stream writer, one for all attempts: only one of them ever writes content."""
        if self._encoder is None:
            self._encoder = self.converter.stream_encoder(self.reply())
        return self._encoder


def malformed(error: Malformed) -> Failure:
    """The client's fault, with its path."""
    return Failure("bad_request", str(error), param=error.path or None, ours=True)


@dataclass(slots=True)
class Attempt:
    """A request ready to be sent, and how its answer will be read. ``response`` is the answer where it came whole, decoded at ``decoded_at`` of
    ``perf_counter``."""

    step: Step
    inbound: Inbound
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    ticket: Ticket
    losses: tuple[Loss, ...]
    relayed: bool
    strip_usage: bool
    response: Response | None = None
    decoded_at: float = 0.0

    @property
    def converter(self) -> Converter:
        """The target's converter."""
        return CONVERTERS[self.step.format]

    def hop(self, *, opened: bool, observed: AttemptObserver) -> StreamHop:
        """The reader of a streamed answer. ``opened``: the client's stream was opened by its encoder already, so nothing can be relayed."""

        def reader() -> StreamDecoder:
            return observed.decoder(self.converter.stream_decoder(self.ticket))

        client = self.inbound.converter
        if self.relays_reply and not opened:
            return relay.StreamRelay(reader, self.inbound.encoder, client.frame, strip_usage=self.strip_usage)
        return StreamHop(reader(), observed.encoder(self.inbound.encoder), observed.frame(self.frame))

    @property
    def relays_reply(self) -> bool:
        """Whether the answer's bytes may pass as they are."""
        return self.step.format == self.inbound.call.format and not self.ticket.names and not self.inbound.call.array

    def frame(self, event: WireEvent) -> bytes:
        """An event as bytes of the client's stream."""
        return self.inbound.frame(event)

    def unary(self, body: bytes) -> tuple[bytes, tuple[Loss, ...], Usage]:
        """The client's body for a whole answer, what it lost, and its usage. Raises UpstreamFailed or Malformed (the upstream's fault)."""
        value = self._object(body)
        if self.relays_reply:
            try:
                self.response = self.converter.decode_response(value, self.ticket).value
                return body, (), self.response.usage
            except Malformed:  # odd, but the client's own format: what it makes of it is its business
                return body, (), NO_USAGE
        coded = self.converter.decode_response(value, self.ticket)
        self.response, self.decoded_at = coded.value, perf_counter()
        losses = list(coded.losses)
        out = self.inbound.converter.encode_response(whole(coded.value, losses), self.inbound.reply())
        return jsontext.encode(out.value), located((*losses, *out.losses), self.converter.words), coded.value.usage

    def events_of(self, body: bytes) -> tuple[bytes, tuple[Loss, ...]]:
        """The client's stream for an answer that came whole although a stream was asked for, and what it lost."""
        coded = self.converter.decode_response(self._object(body), self.ticket)
        self.response, self.decoded_at = coded.value, perf_counter()
        encoder = self.inbound.encoder
        losses = list(coded.losses)
        out = b"".join([self.frame(wire) for event in unfold(whole(coded.value, losses)) for wire in encoder.feed(event)])
        return out, located((*losses, *encoder.losses), self.converter.words)

    def _object(self, body: bytes) -> Json:
        try:
            value: Any = jsontext.decode(body)
        except jsontext.InvalidJson as error:
            raise Malformed("", f"the answer of {self.step.provider.name} is not JSON: {error}") from error
        if type(value) is not dict:
            raise Malformed("", f"the answer of {self.step.provider.name} is no JSON object")
        return value


def prepare(inbound: Inbound, step: Step) -> Attempt:
    """The request as ``step`` wants it. Raises Failed where the request is at fault or the target can never answer it."""
    call = inbound.call
    target = CONVERTERS[step.format]
    operation: Operation = "stream" if call.stream else "generate"
    provider = step.provider
    headers = [("content-type", "application/json"), ("accept-encoding", "identity"), *provider.credentials(step.format, call.headers)]
    if step.format == call.format and relay.passes(call.body, step.dialect):
        try:
            changes, strip_usage = relay.changes_for(
                call.format, call.body, step.model, stream=call.stream, stream_usage=getattr(step.dialect, "stream_usage", False)
            )
            body = call.body if not changes else relay.request_body(call.body, changes)
        except Malformed as error:
            raise Failed(malformed(error)) from error
        ticket = Ticket(provider.seal_group, step.model, new_id, stream=call.stream, dialect=step.dialect)
        headers = _merged(headers, [("user-agent", _USER_AGENT)], upward(call.format, call.headers), provider.extra_headers)
        return Attempt(step, inbound, provider.query(target.endpoint(operation, step.model)), headers, body, ticket, (), True, strip_usage)
    request = inbound.request
    try:
        sent = target.encode_request(request, Target(provider.seal_group, step.model, step.dialect, new_id))
    except Unsupported as error:
        raise Failed(
            Failure("unsupported", str(error), code=error.code or "unsupported_parameter", param=error.path or None, ours=True)
        ) from error
    losses = located((*inbound.losses, *sent.losses), inbound.converter.words, request.words)
    passed = upward(call.format, call.headers) if step.format == call.format else []
    headers = _merged(headers, [("user-agent", _USER_AGENT)], passed, list(sent.wire.headers.items()), provider.extra_headers)
    return Attempt(
        step, inbound, provider.query(sent.wire.path), headers, jsontext.encode(sent.wire.body), sent.ticket, losses, False, False
    )


_USER_AGENT = "rosetta"


def _merged(*groups: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """All headers, a later one replacing an earlier one of the same name."""
    merged: dict[str, str] = {}
    for group in groups:
        merged.update(group)
    return list(merged.items())


def answer_failure(error: Exception, provider: str) -> Failure:
    """The failure for an answer that could not be read."""
    if isinstance(error, UpstreamFailed):
        return error.failure
    return Failure("upstream_error", f"{provider} sent an answer that cannot be read: {error}")


__all__ = ["Attempt", "Inbound", "answer_failure", "malformed", "prepare"]
