"""Same format in and out: the bytes pass, and only what the gateway owns changes.

A request body is split at its top level; ``model`` and the named fields are replaced, every other value keeps its bytes. A stream is read on the side
by its own format's decoder (for commit, usage, failure and the end mark) and written on event by event as it came, with two exceptions: the usage chunk that
rosetta asked for and the client did not is left out, and a truncated stream gets the in-format error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rosetta.convert import StreamHop
from rosetta.converters import seals
from rosetta.converters.converter import Malformed, StreamDecoder, StreamEncoder
from rosetta.converters.dialect import Dialect
from rosetta.converters.fields import type_name
from rosetta.converters.sse import EventTooLarge
from rosetta.ir.errors import Failure
from rosetta.ir.events import CONTENT_EVENTS, BlockStart, End, Event, Failed
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()

_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_COMMITTING = (*CONTENT_EVENTS, End)
_ENVELOPE = seals.PREFIX.encode()
_ENVELOPE_BASE64 = seals.PREFIX_BASE64.encode()


def holds_envelope(body: bytes) -> bool:
    """Whether a reasoning state of another wire lies somewhere in the body: then it must be opened, and the body cannot pass as it is."""
    return _ENVELOPE in body or _ENVELOPE_BASE64 in body


def passes(body: bytes, dialect: Dialect) -> bool:
    """Whether a body goes as it is to a server of its own wire."""
    return dialect.takes(body) and not holds_envelope(body)


def split(body: bytes) -> dict[str, msgspec.Raw]:
    """The top level of a JSON object, every value as its own bytes. Raises Malformed."""
    try:
        return _raw_object.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("", f"the body is not a JSON object: {error}") from None


class _Error(msgspec.Struct):
    message: str


class _Envelope(msgspec.Struct):
    error: _Error


_envelope = msgspec.json.Decoder(_Envelope)


def holds_error(body: bytes) -> bool:
    """Whether the body is an error as all four wires write it: an object with an ``error`` object that has a message. Compatible servers also write a
    string, a list or a page of HTML, which the wire's own clients cannot read."""
    try:
        _envelope.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def request_body(body: bytes, changes: Mapping[str, Any]) -> bytes:
    """``body`` with these top-level fields set (None: taken out); nothing else changes but the blanks between top-level fields."""
    fields = split(body)
    for name, value in changes.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = msgspec.Raw(_encoder.encode(value))
    return _encoder.encode(fields)


def changes_for(format: Format, body: bytes, model: str, *, stream: bool, stream_usage: bool) -> tuple[dict[str, Any], bool]:
    """What the gateway owns in a relayed request, and whether the reply's usage chunk must be left out again.

    Chat streams are asked for usage, as clients that do not ask still spend tokens.
    """
    changes: dict[str, Any] = {} if format == "google_genai" else {"model": model}
    if format != "openai_chat" or not stream or not stream_usage:
        return changes, False
    raw = split(body).get("stream_options")
    options = msgspec.json.decode(raw) if raw is not None else None
    if options is None:
        options = {}
    if type(options) is not dict:
        raise Malformed("stream_options", f"expected object, got {type_name(options)}")
    if options.get("include_usage") is True:
        return changes, False
    return {**changes, "stream_options": {**options, "include_usage": True}}, True


class StreamRelay(StreamHop):
    """A StreamHop that writes the upstream's own bytes. ``strip_usage`` leaves the usage chunk of a chat stream out.

    ``reader`` makes the decoder that watches. A newer kind of event, which it cannot read, passes as any other, and a fresh one watches what follows.
    """

    __slots__ = ("_blind", "_pending", "_reader", "_strip_usage")

    converts = False

    def __init__(
        self, reader: Callable[[], StreamDecoder], encoder: StreamEncoder, frame: Callable[[Any], bytes], *, strip_usage: bool = False
    ) -> None:
        super().__init__(reader(), encoder, frame)
        self._reader = reader
        self._blind = False  # something was not understood, and nothing since that tells how far the answer is
        self._strip_usage = strip_usage
        self._pending = b""  # bytes not yet written: an unfinished event, or all until the commit

    @property
    def losses(self) -> tuple[Loss, ...]:
        """A relayed reply loses nothing."""
        return ()

    def feed(self, chunk: bytes) -> bytes:
        """The same bytes, up to the last whole event."""
        if self.done and self.failure is not None:
            return b""
        self._pending += chunk
        try:
            parsed = self._parser.feed(chunk)
        except EventTooLarge as error:
            failure = Failure("upstream_error", str(error))
            self._watch([Failed(failure)])
            return self.fail(failure) if self.committed else b""
        for name, data in parsed:
            self._watch(self._decode(name, data))
        return self._release() if self.garbled is None else self._cut(self.garbled)

    def finish(self) -> bytes:
        """What is left; a cut stream gets the error of its own format."""
        for name, data in self._parser.finish():
            self._watch(self._decode(name, data))
        if self.garbled is not None:
            return self._cut(self.garbled)
        if not self.done and not self._blind:
            self._watch(self._decoder.finish())
        out = self._release(everything=self.failure is None)
        if self.failure is not None and self.failure.kind == "truncated" and self.committed:
            self._pending = b""
            return out + b"".join(self._frame(wire) for wire in self._encoder.feed(Failed(self.failure)))
        return out

    def fail(self, failure: Failure) -> bytes:
        """The in-format error where the engine ends the stream."""
        self.committed, self.done, self.failure = True, True, failure
        self._pending = b""
        return b"".join(self._frame(wire) for wire in self._encoder.feed(Failed(failure)))

    def _cut(self, garbled: bytes) -> bytes:
        """The whole events before one that nobody can read, and the error of the client's own format in its place."""
        if not self.committed:
            return b""
        position = self._pending.find(garbled)
        self._pending = self._pending[: max(position, 0)]
        out = self._release()
        assert self.failure is not None
        return out + self.fail(self.failure)

    def _watch(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is Failed:
                if event.unreadable:
                    self._decoder, self._blind, self.committed = self._reader(), True, True
                    return
                if self._blind and event.failure.kind == "truncated":  # to who has not understood the end
                    self.done = True
                    return
                if not self.committed:
                    self.failure, self.done = event.failure, True
                    return
            elif isinstance(event, _COMMITTING) or (type(event) is BlockStart and event.kind == "tool_call"):
                self.committed, self._blind = True, False
            self._count(type(event), 1)
            self._note(event)

    def _release(self, *, everything: bool = False) -> bytes:
        if not self.committed:
            return b""
        if everything:
            whole, self._pending = self._pending, b""
        else:
            ends = [self._pending.rfind(mark) + len(mark) for mark in _EVENT_ENDS if mark in self._pending]
            if not ends:
                return b""
            end = max(ends)
            whole, self._pending = self._pending[:end], self._pending[end:]
        return _without_usage(whole) if self._strip_usage and b'"usage"' in whole else whole


def _without_usage(data: bytes) -> bytes:
    """The events without the one that has usage and no choices."""
    separator = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
    kept = []
    for event in data.split(separator):
        line = event.strip()
        if line.startswith(b"data:") and b'"usage"' in line:
            try:
                chunk = msgspec.json.decode(line[5:])
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                chunk = None
            if type(chunk) is dict and chunk.get("choices") == [] and chunk.get("usage"):
                continue
        kept.append(event)
    return separator.join(kept)
