"""IR events -> an Anthropic client's stream: https://docs.claude.com/en/docs/build-with-claude/streaming.

One block is open at a time. What belongs to another block waits until its turn, in the order in which the blocks began: the chat wire keeps all calls
open until its end, and clients count on blocks that do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rosetta.converters import custom, names, seals
from rosetta.converters.anthropic.errors import error_object
from rosetta.converters.anthropic.finish import encode_finish, encode_reply_tier, encode_usage, finish_losses, usage_losses
from rosetta.converters.anthropic.parts import FORMAT, plain
from rosetta.converters.anthropic.reasoning import UNSIGNED, carrier
from rosetta.converters.anthropic.response import call_name, encode_data, omitted
from rosetta.converters.anthropic.tools import CALL_ID_LIMIT
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.jsontext import encode_text
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
    LogprobsDelta,
    OpaqueEvent,
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Seal
from rosetta.ir.response import Finish
from rosetta.ir.usage import NO_USAGE, Usage, latest

_BlockEvent = TextDelta | RefusalDelta | ReasoningDelta | SealDelta | ArgumentsDelta | CitationDelta | BlockData | BlockEnd

# Fields of the whole answer that belong into ``message_delta.delta``; others stand beside it.
_IN_DELTA = frozenset({"container"})


class _Block:
    """The block whose turn it is."""

    __slots__ = ("cited", "own_seals", "pieces", "raw", "seals", "start", "summary_part", "written")

    def __init__(self, start: BlockStart) -> None:
        self.start = start
        self.written = False  # its content_block_start went out, its content_block_stop did not
        self.seals: list[Seal] = []
        self.own_seals: list[Seal] = []
        self.pieces: list[str] = []
        self.raw = False
        self.summary_part: int | None = None
        self.cited = True


class StreamEncoder:
    """One client's stream."""

    __slots__ = (
        "_block",
        "_called",
        "_done",
        "_finish",
        "_held",
        "_ignored",
        "_index",
        "_late_tier",
        "_losses",
        "_omitted",
        "_opened",
        "_own",
        "_refused",
        "_reply",
        "_start",
        "_text_block",
        "_usage",
        "losses",
    )

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._omitted = omitted(reply)
        self._start = Start()
        self._own = False
        self._opened = False
        self._done = False
        self._index = -1
        self._block: _Block | None = None
        self._text_block = -1  # the IR number of the text block that is written: the hot path asks for nothing else
        self._held: dict[int, tuple[BlockStart, list[_BlockEvent]]] = {}
        self._ignored: set[int] = set()
        self._called = False
        self._refused = False
        self._finish: Finish | None = None
        self._late_tier: str | None = None  # what the upstream said when message_start had gone
        self._usage: Usage = NO_USAGE

    def open(self) -> list[WireEvent]:
        """``message_start``, with the counts known so far or an estimate."""
        if self._opened or self._done:
            return []
        self._opened = True
        start = self._start
        usage = encode_usage(self._usage, own=self._own, estimate=self._reply.input_tokens)
        tier = encode_reply_tier(start.service_tier, own=self._own)
        if tier is not None:
            usage["service_tier"] = tier
        message: Json = {
            "id": start.id if self._own and start.id else self._reply.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": self._reply.model or start.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        if self._own:
            message.update(start.extras)
        return [WireEvent("message_start", {"type": "message_start", "message": message})]

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        if type(event) is TextDelta and event.block == self._text_block:
            return [
                WireEvent(
                    "content_block_delta",
                    {"type": "content_block_delta", "index": self._index, "delta": {"type": "text_delta", "text": event.text}},
                )
            ]
        if self._done:
            return []
        match event:
            case Start():
                self._start = event
                self._own = event.format == FORMAT
                if not self._own or self._opened:
                    self._losses.extras(event.extras)
                if self._opened:
                    self._late_tier = event.service_tier
                return []
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
                return []
            case BlockStart():
                return self._block_start(event)
            case LogprobsDelta():
                self._losses.once("logprobs")
                return self.open()
            case OpaqueEvent():
                if event.part.format == FORMAT:
                    return [*self.open(), WireEvent(event.part.kind, event.part.data)]
                return []
            case ChoiceEnd():
                if event.choice != 0:
                    self._losses.once("choices")
                    return []
                self._finish = event.finish
                finish_losses(event.finish, self._losses, own=self._own)
                if not self._own:
                    self._losses.extras(event.extras, event.at)
                return self.open()
            case End():
                return self._end(event)
            case Failed():
                return self._fail(event.failure)
            case _:
                return self._block_event(event)

    def finish(self) -> list[WireEvent]:
        """The end of the events. A stream without End or Failed ends in an error."""
        if self._done:
            return []
        return self._fail(Failure("truncated", "the stream ended in the middle of the answer"))

    def _fail(self, failure: Failure) -> list[WireEvent]:
        self._done = True
        self._text_block = -1
        return [WireEvent("error", {"type": "error", "error": error_object(failure)})]

    def _end(self, event: End) -> list[WireEvent]:
        out = self.open()
        for number in [*([self._block.start.block] if self._block is not None else ()), *self._held]:
            out.extend(self._block_event(BlockEnd(number)))
        self._done = True
        delta: Json = encode_finish(self._finish, own=self._own, called=self._called, refused=self._refused)
        body: Json = {"type": "message_delta", "delta": delta, "usage": encode_usage(self._usage, own=self._own, final=True)}
        usage_losses(self._usage, self._losses, own=self._own)
        served = event.service_tier if event.service_tier is not None else self._late_tier
        tier = encode_reply_tier(served, own=self._own)
        if tier is not None:
            body["usage"]["service_tier"] = tier
        if self._own:
            for key, value in event.extras.items():
                (delta if key in _IN_DELTA else body)[key] = value
        else:
            self._losses.extras(event.extras)
        out.append(WireEvent("message_delta", body))
        out.append(WireEvent("message_stop", {"type": "message_stop"}))
        return out

    # ---------------------------------------------------------------- blocks, one after the other

    def _block_start(self, start: BlockStart) -> list[WireEvent]:
        if start.choice != 0:
            self._ignored.add(start.block)
            self._losses.once("choices")
            return []
        out = self.open()
        if self._block is None:
            out.extend(self._begin(_Block(start)))
        else:
            self._held[start.block] = (start, [])
        return out

    def _block_event(self, event: _BlockEvent) -> list[WireEvent]:
        out = self.open()
        number = event.block
        if self._block is None or number != self._block.start.block:
            if number in self._held:
                self._held[number][1].append(event)
            return out
        out.extend(self._tell(self._block, event))
        if type(event) is BlockEnd:
            out.extend(self._next())
        return out

    def _next(self) -> list[WireEvent]:
        """The turn of those that waited: each says what it has, until one is not at its end yet."""
        out: list[WireEvent] = []
        while self._block is None and self._held:
            start, events = self._held.pop(next(iter(self._held)))
            block = _Block(start)
            out.extend(self._begin(block))
            for event in _joined(events):
                out.extend(self._tell(block, event))
        return out

    def _begin(self, block: _Block) -> list[WireEvent]:
        start = block.start
        self._block = block
        if start.phase is not None:
            self._losses.once("phase")
        if start.kind != "tool_call":
            return []
        self._called = True
        out = self._carry([start.seal]) if start.seal is not None else []
        out.extend(
            self._write(
                block,
                {
                    "type": "tool_use",
                    "id": names.call_id(start.id or self._reply.new_id("toolu_"), CALL_ID_LIMIT),
                    "name": call_name(start.name or "", start.namespace),
                    "input": {},
                },
            )
        )
        return out

    def _write(self, block: _Block, content: Json) -> list[WireEvent]:
        """``content_block_start``. The block stays open."""
        self._index += 1
        block.written = True
        return [WireEvent("content_block_start", {"type": "content_block_start", "index": self._index, "content_block": content})]

    def _delta(self, delta: Json) -> WireEvent:
        return WireEvent("content_block_delta", {"type": "content_block_delta", "index": self._index, "delta": delta})

    def _stop(self, block: _Block) -> list[WireEvent]:
        if not block.written:
            return []
        block.written = False
        self._text_block = -1
        return [WireEvent("content_block_stop", {"type": "content_block_stop", "index": self._index})]

    def _whole(self, block: _Block, content: Json, *deltas: Json) -> list[WireEvent]:
        return [*self._write(block, content), *(self._delta(delta) for delta in deltas), *self._stop(block)]

    def _carry(self, found: list[Seal]) -> list[WireEvent]:
        """An empty thinking block with the state of the part beside it."""
        content = carrier(found)
        if content is None:
            self._losses.dropped("seal", detail="too large for a client to carry")
            return []
        shell = _Block(BlockStart(-1, "reasoning"))
        return self._whole(
            shell, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "signature_delta", "signature": content["signature"]}
        )

    def _tell(self, block: _Block, event: _BlockEvent) -> list[WireEvent]:
        match event:
            case TextDelta() | RefusalDelta():
                out = [] if block.written else self._write(block, plain(""))
                if block.start.kind == "text":
                    self._text_block = event.block
                else:
                    self._refused = True
                out.append(self._delta({"type": "text_delta", "text": event.text}))
                return out
            case ReasoningDelta():
                return self._reasoning(block, event)
            case ArgumentsDelta():
                if block.start.tool_kind == "custom":
                    block.pieces.append(event.text)
                    return []
                return [self._delta({"type": "input_json_delta", "partial_json": event.text})]
            case SealDelta():
                (block.own_seals if seals.HOME[event.seal.kind] == FORMAT else block.seals).append(event.seal)
                return []
            case CitationDelta():
                if event.citation.format != FORMAT:
                    if block.cited:
                        self._losses.dropped("citations")
                        block.cited = False
                    return []
                out = [] if block.written else self._write(block, plain(""))
                out.append(self._delta({"type": "citations_delta", "citation": event.citation.raw}))
                return out
            case BlockData():
                content = encode_data(event.part, self._losses)
                return [] if content is None else self._data(block, content)
            case BlockEnd():
                return self._block_end(block)
            case _:
                assert_never(event)

    def _reasoning(self, block: _Block, event: ReasoningDelta) -> list[WireEvent]:
        if self._omitted and not self._own:
            return []
        if event.raw and block.summary_part is not None:
            self._losses.once("raw", "the chain beside its summary")
            return []  # a summary is shown already: the chain itself would say it twice
        out = [] if block.written else self._write(block, {"type": "thinking", "thinking": "", "signature": ""})
        text = event.text
        if not event.raw:
            if (block.raw and block.summary_part is None) or block.summary_part not in {None, event.part}:
                text = f"\n\n{text}"
            block.summary_part = event.part
        block.raw = block.raw or event.raw
        out.append(self._delta({"type": "thinking_delta", "thinking": text}))
        return out

    def _data(self, block: _Block, content: Json) -> list[WireEvent]:
        """A block that is no stream on its wire, told as its own wire tells it."""
        match content.get("type"):
            case "text":
                return self._whole(block, plain(""), {"type": "text_delta", "text": content["text"]})
            case "compaction":
                delta = {key: value for key, value in content.items() if key in {"content", "encrypted_content"}}
                shell = {**content, "content": None}
                shell.pop("encrypted_content", None)
                return self._whole(block, shell, {"type": "compaction_delta", **delta})
            case _:
                if type(content.get("input")) is dict and content["input"]:
                    return self._whole(
                        block, {**content, "input": {}}, {"type": "input_json_delta", "partial_json": encode_text(content["input"])}
                    )
                return self._whole(block, content)

    def _block_end(self, block: _Block) -> list[WireEvent]:
        out: list[WireEvent] = []
        match block.start.kind:
            case "reasoning":
                out = self._reasoning_end(block)
            case "tool_call":
                if block.pieces:
                    out = [self._delta({"type": "input_json_delta", "partial_json": custom.wrap("".join(block.pieces))})]
                out.extend(self._stop(block))
            case "text":
                out = self._stop(block)
                if block.start.seal is not None:
                    block.seals.append(block.start.seal)
                if block.seals:
                    out.extend(self._carry([of_what_was_said(block.seals[-1])]))
            case "refusal" | "data":
                out = self._stop(block)
            case _:
                assert_never(block.start.kind)
        self._block = None
        return out

    def _reasoning_end(self, block: _Block) -> list[WireEvent]:
        out: list[WireEvent] = []
        envelope = None
        for seal in block.own_seals:
            if seal.kind == "signature":
                if not block.written:
                    out.extend(self._write(block, {"type": "thinking", "thinking": "", "signature": ""}))
                out.append(self._delta({"type": "signature_delta", "signature": seal.value}))
                out.extend(self._stop(block))
        if block.seals:
            envelope = seals.wrap(block.seals)
            if envelope is None:
                self._losses.dropped("seal", detail="too large for a client to carry")
            elif not block.written:
                out.extend(self._write(block, {"type": "thinking", "thinking": "", "signature": ""}))
        if block.written:
            if envelope is not None or not self._own:
                out.append(self._delta({"type": "signature_delta", "signature": envelope or UNSIGNED}))
            out.extend(self._stop(block))
        for seal in block.own_seals:
            if seal.kind == "redacted":
                out.extend(self._whole(block, {"type": "redacted_thinking", "data": seal.value}))
        return out


def _joined(events: list[_BlockEvent]) -> list[_BlockEvent]:
    """What a block had to hold back, its pieces of arguments or text in one."""
    out: list[_BlockEvent] = []
    for event in events:
        last = out[-1] if out else None
        if isinstance(event, ArgumentsDelta) and isinstance(last, ArgumentsDelta):
            out[-1] = ArgumentsDelta(event.block, last.text + event.text)
        elif isinstance(event, TextDelta) and isinstance(last, TextDelta):
            out[-1] = TextDelta(event.block, last.text + event.text)
        else:
            out.append(event)
    return out
