"""Two converters make one hop: a request, an answer, a stream or an error from one wire to another.

The functions without a hop object (``convert_request`` and its kin) are the public face for tools; the engine uses the classes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

from rosetta.call_ids import CallIds
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import (
    Converter,
    Json,
    Malformed,
    Reply,
    StreamDecoder,
    StreamEncoder,
    Target,
    Ticket,
    UpstreamFailed,
    WireRequest,
)
from rosetta.converters.sse import EventTooLarge, SseParser
from rosetta.ir.errors import Failure
from rosetta.ir.events import CONTENT_EVENTS, BlockStart, ChoiceEnd, End, Event, Failed, Start, TextDelta, UsageUpdate
from rosetta.ir.loss import Loss
from rosetta.ir.parts import NO_EXTRAS, Format, ToolCall
from rosetta.ir.request import Request
from rosetta.ir.response import Finish, Response
from rosetta.ir.usage import NO_USAGE, Usage, latest
from rosetta.providers import catalog, models

T = TypeVar("T")

ALIASES: dict[str, Format] = {
    "google": "google_genai",
    "gemini": "google_genai",
    "openai": "openai_chat",
    "chat": "openai_chat",
    "responses": "openai_responses",
}


class Converted(msgspec.Struct, Generic[T], frozen=True):
    """A converted body and what was lost, each loss with its ``path`` in the words of the source."""

    value: T
    losses: tuple[Loss, ...] = ()


def converter(name: str) -> Converter:
    """The converter of a format, by its name or alias. Raises ValueError that names the formats."""
    found = CONVERTERS.get(cast(Format, ALIASES.get(name, name)))
    if found is None:
        raise ValueError(f"unknown format {name!r}: one of {', '.join(CONVERTERS)}")
    return found


def new_id(prefix: str) -> str:
    """A fresh id: ``prefix`` and 24 hexadecimal digits."""
    return prefix + os.urandom(12).hex()


def located(losses: Iterable[Loss], words: Mapping[str, str], own: Mapping[str, str] = NO_EXTRAS) -> tuple[Loss, ...]:
    """The losses with their paths filled in: the node's own, then the field in the source wire's word. ``own`` are the words of the very request
    (``Request.words``), where its wire has several for one thing."""
    if own:
        whole = {**words, **own}
        return tuple(_located(loss, words if loss.at else whole) for loss in losses)
    return tuple(_located(loss, words) for loss in losses)


# A whole node went: its own path says enough.
_WHOLE_NODES = frozenset(
    {
        "part",
        "text",
        "image",
        "audio",
        "video",
        "document",
        "refusal",
        "tool",
        "tool_call",
        "tool_result",
        "system",
        "seal",
        "reasoning_text",
        "hosted_tool",
        "prefill",
        "order",
    }
)


SIBLING = "../"
"""Begins a word for a field that does not stand in its node, but beside the content of which the node is a part: chat's ``annotations``."""


def _located(loss: Loss, words: Mapping[str, str]) -> Loss:
    if loss.path:
        return loss
    if loss.at and loss.field in _WHOLE_NODES and not (loss.field == "seal" and _beside(loss.at, words)):
        return msgspec.structs.replace(loss, path=loss.at)
    word = words.get(loss.field, loss.field)
    if word.startswith(SIBLING):  # of the content that holds the node
        return msgspec.structs.replace(loss, path=f"{loss.at.rpartition('.content')[0] or loss.at}.{word.removeprefix(SIBLING)}")
    return msgspec.structs.replace(loss, path=f"{loss.at}.{word}" if loss.at else word)


def _beside(at: str, words: Mapping[str, str]) -> bool:
    """Whether a seal is a field of a part that is there without it: a call's signature on chat, any part's on Google. Where thoughts are nodes of
    their own, a lost seal takes the node with it."""
    return "seal" in words and ".reasoning" not in at


MALFORMED_CALL = Failure("upstream_error", "the model made a call that cannot be read, and nothing else: try again")


def whole(answer: Response, losses: list[Loss]) -> Response:
    """The answer, if it is one, its calls each with an id of its own. Raises UpstreamFailed where a call that nobody can read is all there is (Gemini's
    MALFORMED_FUNCTION_CALL): told to a client as a plain end it would look like an empty answer."""
    if answer.choices and all(
        not choice.parts and choice.finish is not None and choice.finish.reason == "malformed_tool_call" for choice in answer.choices
    ):
        raise UpstreamFailed(MALFORMED_CALL)
    calls = [part.id for choice in answer.choices for part in choice.parts if isinstance(part, ToolCall)]
    if len(calls) == len(set(calls)):
        return answer
    ids = CallIds()
    choices = [
        msgspec.structs.replace(
            choice,
            parts=tuple(
                [
                    msgspec.structs.replace(part, id=ids.distinct(part.id, part.at)) if isinstance(part, ToolCall) else part
                    for part in choice.parts
                ]
            ),
        )
        for choice in answer.choices
    ]
    losses.extend(ids.losses)
    return msgspec.structs.replace(answer, choices=tuple(choices))


class StreamHop:
    """Bytes of an upstream's stream in, bytes of the client's stream out; synchronous and without a clock.

    Nothing is written before the answer is committed by its first content: until then ``feed`` gives ``b""`` and another attempt may take over the
    same ``encoder``. A failure before the commit is kept in ``failure`` and not written either. ``usage``, ``finish_reasons``, ``response_id`` and
    ``response_model`` are what the answer told, ``called`` whether it called a tool. ``events`` and ``events_out`` count wire events. Of the IR's
    events ``text`` were text deltas, which made ``text_out`` wire events; ``counts`` has the same pair for the other kinds.
    """

    __slots__ = (
        "_decoder",
        "_encoder",
        "_frame",
        "_held",
        "_ids",
        "_parser",
        "called",
        "committed",
        "counts",
        "done",
        "events",
        "events_out",
        "failure",
        "finish_reasons",
        "garbled",
        "response_id",
        "response_model",
        "text",
        "text_out",
        "usage",
    )

    converts = True
    """Whether what is written is made anew, not the upstream's own bytes."""

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder, frame: Callable[[Any], bytes]) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self._frame = frame
        self._parser = SseParser()
        self._held: list[Event] = []
        self._ids: CallIds | None = None
        self.called = False
        self.committed = False
        self.done = False
        self.failure: Failure | None = None
        self.usage: Usage = NO_USAGE
        self.finish_reasons: list[Finish] = []
        self.response_id = ""
        self.response_model = ""
        self.events = self.events_out = 0
        self.text = self.text_out = 0
        self.counts: dict[type[Event], list[int]] = {}
        self.garbled: bytes | None = None  # the data of an event that is no JSON

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the reply lost so far, on both sides."""
        return (*self._decoder.losses, *(self._ids.losses if self._ids is not None else ()), *self._encoder.losses)

    def feed(self, chunk: bytes) -> bytes:
        """The client's bytes for these upstream bytes."""
        if self.done:
            return b""
        try:
            parsed = self._parser.feed(chunk)
        except EventTooLarge as error:
            return self._take([Failed(Failure("upstream_error", str(error)))])
        if len(parsed) == 1:
            return self._take(self._decode(*parsed[0]))
        return b"".join([self._take(self._decode(name, data)) for name, data in parsed])

    def finish(self) -> bytes:
        """The upstream closed: what is still to be said. A stream without its end mark fails as ``truncated``."""
        if self.done:
            return b""
        out = [self._take(self._decode(name, data)) for name, data in self._parser.finish()]
        if not self.done:
            out.append(self._take(self._decoder.finish()))
        if not self.done:
            out.append(self._take([Failed(Failure("truncated", "the upstream ended the stream in the middle of the answer"))]))
        return b"".join(out)

    def fail(self, failure: Failure) -> bytes:
        """The client's own in-stream error, where the engine ends the stream (timeout, lost connection, drain)."""
        if self.done and self.committed:
            return b""
        self.committed = True
        self.done = False
        return self._take([Failed(failure)])

    def _decode(self, name: str | None, data: bytes) -> list[Event]:
        if self.done:
            return []
        self.events += 1
        if data == b"[DONE]":
            return self._decoder.feed(name, None)
        try:
            value = jsontext.decode(data)
        except jsontext.InvalidJson as error:
            self.garbled = data
            return [Failed(Failure("upstream_error", f"the upstream sent an event that is no JSON: {error}"))]
        return self._decoder.feed(name, value)

    def _take(self, events: Sequence[Event]) -> bytes:
        if not self.committed:
            for event in events:
                if type(event) is ChoiceEnd and event.finish.reason == "malformed_tool_call":
                    event = Failed(MALFORMED_CALL)  # nothing was written yet: another attempt may do better
                if type(event) is Failed:
                    self.failure = event.failure
                    self.done = True
                    return b""
                if isinstance(event, CONTENT_EVENTS) or (type(event) is BlockStart and event.kind == "tool_call"):
                    self.committed = True
                    break
            self._held.extend(events)
            if not self.committed:
                if events and type(events[-1]) is End:  # the answer is empty, and that is an answer
                    self.committed = True
                else:
                    return b""
            events, self._held = self._held, []
        encode, frame = self._encoder.feed, self._frame
        out = []
        for event in events:
            if type(event) is BlockStart and event.kind == "tool_call":
                event = self._numbered(event)
            wires = encode(event)
            if type(event) is TextDelta:
                self.text += 1
                self.text_out += len(wires)
            else:
                self._note(event)
                self._count(type(event), len(wires))
            for wire in wires:
                out.append(frame(wire))  # noqa: PERF401 - the hot loop: two comprehensions cost more
        self.events_out += len(out)
        return b"".join(out)

    def _numbered(self, call: BlockStart) -> BlockStart:
        """A call with an id that no other of the answer has."""
        if self._ids is None:
            self._ids = CallIds()
        identity = self._ids.distinct(call.id or "")
        return call if identity == call.id else msgspec.structs.replace(call, id=identity)

    def _count(self, kind: type[Event], written: int) -> None:
        pair = self.counts.get(kind)
        if pair is None:
            pair = self.counts[kind] = [0, 0]
        pair[0] += 1
        pair[1] += written

    def _note(self, event: Event) -> None:
        match event:
            case UsageUpdate():
                self.usage = latest(self.usage, event.usage)
            case Start():
                self.response_id, self.response_model = event.id or self.response_id, event.model or self.response_model
            case BlockStart():
                self.called = self.called or event.kind == "tool_call"
            case ChoiceEnd():
                self.finish_reasons.append(event.finish)
            case End():
                self.done = True
            case Failed():
                self.failure = event.failure
                self.done = True
            case _:
                pass


# ---------------------------------------------------------------- the public face


def _target(target: Converter, provider: str | None, model: str) -> Target:
    vendor = catalog.vendor(provider, None, target.format)
    return Target(provider or "", model, models.dialect(target.format, vendor.name, model, {}), new_id)


def _object(body: Mapping[str, Any] | bytes | str) -> Json:
    value = jsontext.decode(body) if isinstance(body, bytes | str) else body
    if not isinstance(value, dict):
        raise Malformed("", "expected a JSON object")
    return value


def decoded_request(
    body: Mapping[str, Any] | bytes | str, source: str, *, headers: Mapping[str, str] | None = None, model: str | None = None
) -> Converted[Request]:
    """The IR of a request body in the ``source`` format."""
    origin = converter(source)
    coded = origin.decode_request(WireRequest(_object(body), headers or {}, model))
    return Converted(coded.value, located(coded.losses, origin.words, coded.value.words))


def convert_request(
    body: Mapping[str, Any] | bytes | str,
    source: str,
    target: str,
    *,
    model: str | None = None,
    provider: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Converted[Json]:
    """A request body from ``source`` to ``target``. ``model`` is the target's model (else the one in the body), ``provider`` a catalog vendor's name,
    which chooses the dialect and whose own reasoning state is restored. Where nobody names a model, as Google's bodies do not, the result has none either:
    it is the caller's to fill in. Raises Malformed or Unsupported, each with a path. Never changes ``body``."""
    origin, goal = converter(source), converter(target)
    coded = origin.decode_request(WireRequest(_object(body), headers or {}, model))
    name = model or coded.value.model
    sent = goal.encode_request(coded.value, _target(goal, provider, name))
    wire = sent.wire.body if name else {key: value for key, value in sent.wire.body.items() if key != "model"}
    return Converted(wire, located((*coded.losses, *sent.losses), origin.words, coded.value.words))


def _reply(origin: Converter, request: Mapping[str, Any] | bytes | str | None, model: str | None) -> tuple[Reply, bool]:
    if request is None:
        known = Request(format=origin.format, model=model or "", turns=())
    else:
        known = origin.decode_request(WireRequest(_object(request), {}, model)).value
    return Reply(known, model or known.model, int(time.time()), new_id), request is not None


_UNKNOWN_TOOLS = Loss("tool_name", "approximated", "setting", detail="without the request, custom and namespaced tools cannot be restored")


def _ticket(goal: Converter, reply: Reply, known: bool, provider: str | None, *, stream: bool) -> Ticket:
    """The ticket which the request would have got; without the request the answer's custom tools are plain functions."""
    target = _target(goal, provider, reply.model)
    if not known:
        return Ticket(target.provider, target.model, new_id, stream=stream, dialect=target.dialect)
    ticket = goal.encode_request(reply.request, target).ticket
    return msgspec.structs.replace(ticket, stream=stream)


def convert_response(
    body: Mapping[str, Any] | bytes | str,
    source: str,
    target: str,
    *,
    request: Mapping[str, Any] | bytes | str | None = None,
    model: str | None = None,
    provider: str | None = None,
) -> Converted[Json]:
    """An answer of a ``source`` upstream as a ``target`` client reads it. ``request`` is that client's request: without it custom and namespaced tools
    cannot be restored. Raises UpstreamFailed where the body is an error."""
    upstream, client = converter(source), converter(target)
    reply, known = _reply(client, request, model)
    coded = upstream.decode_response(_object(body), _ticket(upstream, reply, known, provider, stream=False))
    losses = list(coded.losses)
    out = client.encode_response(whole(coded.value, losses), reply)
    losses += out.losses
    if not known and any(isinstance(part, ToolCall) for choice in coded.value.choices for part in choice.parts):
        losses.append(_UNKNOWN_TOOLS)
    return Converted(out.value, located(losses, upstream.words))


def convert_error(
    body: Mapping[str, Any] | bytes | str, source: str, target: str, *, status: int = 500, headers: Mapping[str, str] | None = None
) -> Converted[Json]:
    """A ``source`` upstream's error body in the ``target`` format's envelope."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else jsontext.encode(body)
    failure = converter(source).decode_failure(status, headers or {}, data)
    return Converted(converter(target).encode_failure(failure, new_id("req_")).body)


class StreamConverter:
    """A stream of a ``source`` upstream as a ``target`` client reads it: SSE bytes in, SSE bytes out, cut anywhere.

    ``request`` as in ``convert_response``. Whatever comes in, what comes out is a valid stream of the target, or one that says why it ends.
    """

    def __init__(
        self,
        source: str,
        target: str,
        *,
        request: Mapping[str, Any] | bytes | str | None = None,
        model: str | None = None,
        provider: str | None = None,
    ) -> None:
        upstream, client = converter(source), converter(target)
        reply, self._known = _reply(client, request, model)
        self._words = upstream.words
        self._hop = StreamHop(
            upstream.stream_decoder(_ticket(upstream, reply, self._known, provider, stream=True)),
            client.stream_encoder(reply),
            client.frame,
        )

    def feed(self, chunk: bytes) -> bytes:
        """The client's bytes for these upstream bytes."""
        out = self._hop.feed(chunk)
        return out if self._hop.committed or self._hop.failure is None else self._hop.fail(self._hop.failure)

    def finish(self) -> bytes:
        """The upstream closed: the rest of the client's stream."""
        out = self._hop.finish()
        return out if self._hop.committed or self._hop.failure is None else self._hop.fail(self._hop.failure)

    @property
    def usage(self) -> Usage:
        """Token counts so far."""
        return self._hop.usage

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the reply lost so far."""
        untold = (_UNKNOWN_TOOLS,) if self._hop.called and not self._known else ()
        return located((*self._hop.losses, *untold), self._words)


__all__ = [
    "Converted",
    "StreamConverter",
    "StreamHop",
    "convert_error",
    "convert_request",
    "convert_response",
    "converter",
    "decoded_request",
    "located",
    "new_id",
    "whole",
]
