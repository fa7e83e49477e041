"""An Anthropic upstream's events -> IR events: https://docs.claude.com/en/docs/build-with-claude/streaming.

stream := message_start block* message_delta message_stop        ping anywhere, error instead of the rest
block  := content_block_start content_block_delta* content_block_stop
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters import custom, jsontext
from rosetta.converters.anthropic.errors import failure_of
from rosetta.converters.anthropic.finish import decode_finish, decode_reply_tier, decode_usage
from rosetta.converters.anthropic.parts import FORMAT, TEXT, decode_citation, decode_opaque
from rosetta.converters.anthropic.reasoning import REDACTED, THINKING, sealed
from rosetta.converters.anthropic.response import CALL
from rosetta.converters.anthropic.tools import decode_reply_input, restored
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.ir.errors import Failure
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockData,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    End,
    Event,
    Failed,
    OpaqueEvent,
    ReasoningDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import NO_EXTRAS, Opaque

_MESSAGE = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"})
_DELTA = frozenset({"stop_reason", "stop_sequence", "stop_details"})
_FIELDS: dict[str, frozenset[str]] = {"text": TEXT, "thinking": THINKING, "redacted_thinking": REDACTED, "tool_use": CALL}
"""The fields that a block has in a stream; the IR's events have no place for others."""
_PIECES = {
    kind: frozenset({"type", field})
    for kind, field in (
        ("text_delta", "text"),
        ("thinking_delta", "thinking"),
        ("signature_delta", "signature"),
        ("input_json_delta", "partial_json"),
        ("citations_delta", "citation"),
    )
}
"""And those of a piece."""


class _Block:
    """A block that is open: the IR's number of it, and what is put together until its end."""

    __slots__ = ("data", "kind", "number", "pieces", "signature", "unwrapper")

    def __init__(self, number: int, kind: str, data: Json) -> None:
        self.number = number
        self.kind = kind
        self.data = data
        self.pieces: list[str] = []
        self.signature = ""
        self.unwrapper: custom.InputUnwrapper | None = None


class StreamDecoder:
    """One stream of one upstream. Tolerates blocks that overlap, begin unannounced or never end, and a missing message_stop."""

    __slots__ = (
        "_blocks",
        "_called",
        "_details",
        "_done",
        "_extras",
        "_losses",
        "_next",
        "_sequence",
        "_started",
        "_stop",
        "_ticket",
        "_tier",
        "losses",
    )

    def __init__(self, ticket: Ticket) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._ticket = ticket
        self._blocks: dict[Any, _Block] = {}
        self._next = 0
        self._started = False
        self._done = False
        self._called = False
        self._stop: str | None = None
        self._sequence: Any = None
        self._details: Any = None
        self._extras: Json = {}
        self._tier: str | None = None

    def feed(self, event: str | None, data: Json | None) -> list[Event]:
        """One wire event."""
        if self._done:
            return []
        try:
            if data is None:
                return self._end() if self._started else []
            kind = data.get("type")
            if kind == "content_block_delta":
                block = self._blocks.get(data["index"])
                delta = data["delta"]
                if block is not None and delta["type"] == "text_delta" and block.kind == "text" and len(delta) == 2:
                    text = delta["text"]
                    if type(text) is str:
                        return [TextDelta(block.number, text)] if text else []
                return self._delta(data["index"], block, delta)
            return self._event(kind if type(kind) is str else event, data)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = error.path if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
            failure = Failure("upstream_error", f"the upstream sent an event that cannot be read ({what})")
            return self._fail(failure, unreadable=True)

    def finish(self) -> list[Event]:
        """The upstream closed. A stop reason without message_stop is an end all the same."""
        if self._done:
            return []
        if self._stop is not None:
            return self._end()
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    def _fail(self, failure: Failure, *, unreadable: bool = False) -> list[Event]:
        self._done = True
        self._blocks.clear()
        return [Failed(failure, unreadable)]

    def _event(self, kind: str | None, data: Json) -> list[Event]:
        match kind:
            case "content_block_start":
                return self._block_start(data.get("index"), data["content_block"])
            case "content_block_stop":
                block = self._blocks.pop(data.get("index"), None)
                return [] if block is None else self._block_end(block)
            case "ping":
                return []
            case "message_start":
                return self._message_start(data["message"])
            case "message_delta":
                return self._message_delta(data)
            case "message_stop":
                return self._end()
            case "error":
                return self._fail(failure_of(data, None))
            case _:
                if data.get("error"):
                    return self._fail(failure_of(data, None))
                if kind is None:
                    return self._fail(Failure("upstream_error", "the upstream sent an event without a type"), unreadable=True)
                return [*self._begin(), OpaqueEvent(Opaque(FORMAT, kind, data))]

    def _begin(self) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [Start(format=FORMAT)]

    def _message_start(self, message: Json) -> list[Event]:
        if self._started:
            return []
        self._started = True
        identity, model, usage = message.get("id"), message.get("model"), message.get("usage")
        events: list[Event] = [
            Start(
                id=identity if type(identity) is str else "",
                model=model if type(model) is str else "",
                format=FORMAT,
                service_tier=decode_reply_tier(usage.get("service_tier")) if type(usage) is dict else None,
                extras={key: value for key, value in message.items() if key not in _MESSAGE and value is not None} or NO_EXTRAS,
            )
        ]
        if type(usage) is dict:
            events.append(UsageUpdate(decode_usage(usage)))
        for index, wire in enumerate(message.get("content") or ()):  # a whole message in one event, as some proxies send it
            events.extend(self._block_start(("whole", index), wire))
            events.extend(self._block_end(self._blocks.pop(("whole", index))))
        self._stopped(message)
        return events

    def _stopped(self, told: Json) -> None:
        if type(told.get("stop_reason")) is str:
            self._stop = told["stop_reason"]
            self._sequence = told.get("stop_sequence")
            self._details = told.get("stop_details")

    def _block_start(self, index: Any, wire: Json) -> list[Event]:
        events = self._begin()
        before = self._blocks.pop(index, None)
        if before is not None:
            events.extend(self._block_end(before))
        kind = wire["type"]
        if type(kind) is not str:
            raise TypeError("the type of a block is no string")
        block = _Block(self._next, kind, wire)
        self._next += 1
        self._blocks[index] = block
        number = block.number
        if kind in _FIELDS:
            self._losses.extras(unknown(wire, _FIELDS[kind]), f"content.{number}")
        if kind == "text":
            events.append(BlockStart(number, "text"))
            text = wire.get("text")
            if type(text) is str and text:
                events.append(TextDelta(number, text))
            for raw in wire.get("citations") or ():
                events.append(CitationDelta(number, decode_citation(raw, "citations")))
        elif kind == "thinking":
            events.append(BlockStart(number, "reasoning"))
            text, signature = wire.get("thinking"), wire.get("signature")
            if type(text) is str and text:
                block.pieces.append(text)
                events.append(ReasoningDelta(number, text))
            block.signature = signature if type(signature) is str else ""
        elif kind == "redacted_thinking":
            events.append(BlockStart(number, "reasoning"))
            data = wire.get("data")
            if type(data) is str and data:
                events.append(SealDelta(number, sealed("redacted", data, self._ticket)))
        elif kind == "tool_use":
            name, identity = wire["name"], wire.get("id")
            if type(name) is not str:
                raise TypeError("the name of a call is no string")
            tool = restored(name, self._ticket)
            self._called = True
            if tool.kind == "custom":
                block.unwrapper = custom.InputUnwrapper()
            events.append(
                BlockStart(
                    number,
                    "tool_call",
                    id=identity if type(identity) is str and identity else self._ticket.new_id("toolu_"),
                    name=tool.name,
                    tool_kind=tool.kind,
                    namespace=tool.namespace,
                )
            )
        else:
            block.data = dict(wire)
            events.append(BlockStart(number, "data"))
        return events

    def _delta(self, index: Any, block: _Block | None, delta: Json) -> list[Event]:
        kind = delta["type"]
        events: list[Event] = []
        if block is None:
            shell = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}.get(kind)
            if shell is None:
                self._losses.dropped("part", f"content.{index}", f"a {kind} of a block that did not begin")
                return []
            events = self._block_start(index, {"type": shell})
            block = self._blocks[index]
        if len(delta) > 2 and kind in _PIECES:
            self._losses.stray(unknown(delta, _PIECES[kind]), f"content.{block.number}")
        if block.kind == "tool_use" and kind == "input_json_delta":
            piece = delta["partial_json"]
            if type(piece) is not str:
                raise TypeError("partial_json is no string")
            if piece:
                block.pieces.append(piece)
                text = piece if block.unwrapper is None else block.unwrapper.feed(piece)
                if text:
                    events.append(ArgumentsDelta(block.number, text))
        elif block.kind == "thinking" and kind == "thinking_delta":
            text = delta.get("thinking") or ""
            if type(text) is not str:
                raise TypeError("thinking is no string")
            if text:
                block.pieces.append(text)
                events.append(ReasoningDelta(block.number, text))
        elif block.kind == "thinking" and kind == "signature_delta":
            block.signature += delta["signature"]
        elif block.kind == "text" and kind == "text_delta":
            text = delta["text"]
            if type(text) is not str:
                raise TypeError("text is no string")
            if text:
                events.append(TextDelta(block.number, text))
        elif block.kind == "text" and kind == "citations_delta":
            events.append(CitationDelta(block.number, decode_citation(delta["citation"], "citation")))
        elif block.kind not in {"text", "thinking", "redacted_thinking", "tool_use"}:
            self._grow(block, kind, delta)
        else:
            self._losses.dropped("part", f"content.{block.number}", f"a {kind} in a block of {block.kind}")
        return events

    @staticmethod
    def _grow(block: _Block, kind: Any, delta: Json) -> None:
        """A delta of a block that we do not know: strings grow, all else is replaced."""
        if kind == "input_json_delta":
            block.pieces.append(delta["partial_json"])
            return
        for key, value in delta.items():
            if key == "type" or value is None:
                continue
            known = block.data.get(key)
            block.data[key] = known + value if type(known) is str and type(value) is str else value

    def _block_end(self, block: _Block) -> list[Event]:
        events: list[Event] = []
        if block.kind == "thinking":
            if block.signature:
                events.append(SealDelta(block.number, sealed("signature", block.signature, self._ticket, "".join(block.pieces))))
        elif block.kind == "tool_use":
            if not block.pieces:  # the arguments came whole in the start, or there are none
                text = decode_reply_input(block.data.get("input"), "content_block") or "{}"
                text = text if block.unwrapper is None else custom.unwrap(text)
            else:
                text = "" if block.unwrapper is None else block.unwrapper.finish()
            if text:
                events.append(ArgumentsDelta(block.number, text))
        elif block.kind not in {"text", "redacted_thinking"}:
            if block.pieces:
                try:
                    block.data["input"] = jsontext.decode("".join(block.pieces))
                except jsontext.InvalidJson:
                    self._losses.approximated("arguments", detail=f"the input of a {block.kind} is no JSON")
            events.append(BlockData(block.number, decode_opaque(block.data, block.kind)))
        events.append(BlockEnd(block.number))
        return events

    def _message_delta(self, data: Json) -> list[Event]:
        events = self._begin()
        delta = data.get("delta") or {}
        self._stopped(delta)
        self._extras.update({key: value for key, value in delta.items() if key not in _DELTA and value is not None})
        self._extras.update({key: value for key, value in data.items() if key not in {"type", "delta", "usage"} and value is not None})
        usage = data.get("usage")
        if type(usage) is dict:
            events.append(UsageUpdate(decode_usage(usage)))
            self._tier = decode_reply_tier(usage.get("service_tier"))  # rosetta says it here, where an upstream tells it last
        return events

    def _end(self) -> list[Event]:
        events = self._begin()
        for block in self._blocks.values():
            events.extend(self._block_end(block))
        self._blocks.clear()
        self._done = True
        events.append(ChoiceEnd(0, decode_finish(self._stop, self._sequence, self._details, called=self._called)))
        events.append(End(self._extras or NO_EXTRAS, self._tier))
        return events
