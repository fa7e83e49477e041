"""IR events -> a Google client's chunks.

Each chunk is a whole response: id, model and, once known, running usage. Calls are written whole when they end; ``finishReason`` stands on the last chunk alone. No comments,
no event names, no [DONE]: Google's clients die of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.google_genai.errors import error_object
from rosetta.converters.google_genai.finish import encode_finish, encode_usage, usage_losses
from rosetta.converters.google_genai.parts import FORMAT
from rosetta.converters.google_genai.response import PartWriter, shows_thoughts
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
from rosetta.ir.parts import Text
from rosetta.ir.response import Finish
from rosetta.ir.usage import NO_USAGE, Usage, latest


class _Block:
    __slots__ = ("choice", "part", "pieces", "start")

    def __init__(self, start: BlockStart) -> None:
        self.start = start
        self.choice = start.choice
        self.pieces: list[str] = []
        self.part = 0


class StreamEncoder:
    """One client's stream."""

    __slots__ = ("_blocks", "_done", "_finishes", "_id", "_losses", "_own", "_reply", "_thoughts", "_usage", "_writers", "losses")

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._id = ""
        self._own = False
        self._done = False
        self._thoughts = shows_thoughts(reply)
        self._blocks: dict[int, _Block] = {}
        self._writers: dict[int, PartWriter] = {}
        self._finishes: list[tuple[int, Finish, Json]] = []
        self._usage: Usage = NO_USAGE

    def open(self) -> list[WireEvent]:
        """Nothing: this wire has no beginning of its own."""
        return []

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        if self._done:
            return []
        if type(event) is TextDelta:
            return [self._chunk(self._blocks[event.block].choice, [{"text": event.text}])]
        match event:
            case Start():
                self._own = event.format == FORMAT
                if not self._own:
                    self._losses.extras(event.extras)
                return []
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
                return []
            case BlockStart():
                self._blocks[event.block] = _Block(event)
                if event.seal is not None:
                    self._writer(event.choice).pending.append(event.seal)
                return []
            case TextDelta() | RefusalDelta():
                return [self._chunk(self._blocks[event.block].choice, [{"text": event.text}])]
            case ReasoningDelta():
                return self._thought(self._blocks[event.block], event)
            case ArgumentsDelta():
                self._blocks[event.block].pieces.append(event.text)
                return []
            case SealDelta():
                return self._seal(self._blocks[event.block], event)
            case CitationDelta():
                self._writer(self._blocks[event.block].choice).cite(Text("", citations=(event.citation,)))
                return []
            case LogprobsDelta():
                if all(loss.field != "logprobs" for loss in self._losses):
                    self._losses.dropped("logprobs")
                return []
            case BlockData():
                block = self._blocks[event.block]
                parts = self._writer(block.choice).part(event.part)
                return [self._chunk(block.choice, parts)] if parts else []
            case BlockEnd():
                return self._block_end(event.block)
            case ChoiceEnd():
                if not self._own:
                    self._losses.extras(event.extras)
                self._finishes.append((event.choice, event.finish, event.extras if self._own else {}))
                return []
            case OpaqueEvent():
                return []
            case End():
                return self._end(event)
            case Failed():
                return self._fail(event.failure)
            case _:
                assert_never(event)

    def finish(self) -> list[WireEvent]:
        """The end of the events. A stream without End or Failed ends in an error."""
        if self._done:
            return []
        return self._fail(Failure("truncated", "the stream ended in the middle of the answer"))

    def _fail(self, failure: Failure) -> list[WireEvent]:
        self._done = True
        return [WireEvent(None, error_object(failure)[1])]

    def _writer(self, choice: int) -> PartWriter:
        writer = self._writers.get(choice)
        if writer is None:
            writer = self._writers[choice] = PartWriter(self._thoughts, self._losses, own=self._own)
        return writer

    def _body(self, candidates: list[Json]) -> Json:
        if not self._id:
            self._id = self._reply.new_id("")
        body: Json = {"candidates": candidates, "modelVersion": self._reply.model, "responseId": self._id}
        if self._usage is not NO_USAGE:
            usage = encode_usage(self._usage, own=self._own)
            if usage is not None:
                body["usageMetadata"] = usage
        return body

    def _chunk(self, choice: int, parts: list[Json]) -> WireEvent:
        return WireEvent(None, self._body([{"content": {"parts": parts, "role": "model"}, "index": choice}]))

    def _thought(self, block: _Block, event: ReasoningDelta) -> list[WireEvent]:
        if not self._thoughts:
            return []
        text = event.text if event.part == block.part else f"\n\n{event.text}"
        block.part = event.part
        return [self._chunk(block.choice, [{"text": text, "thought": True}])]

    def _seal(self, block: _Block, event: SealDelta) -> list[WireEvent]:
        if self._own and event.seal.kind == "thought_signature":
            wire: Json = {"text": "", "thoughtSignature": event.seal.value}
            if block.start.kind == "reasoning":
                wire["thought"] = True
            return [self._chunk(block.choice, [wire])]
        self._writer(block.choice).pending.append(event.seal)
        return []

    def _block_end(self, number: int) -> list[WireEvent]:
        block = self._blocks.pop(number)
        start = block.start
        if start.kind != "tool_call":
            return []
        identity = start.id or self._reply.new_id("call_")
        return [
            self._chunk(
                block.choice,
                [self._writer(block.choice).call(identity, start.name or "", start.namespace, start.tool_kind, "".join(block.pieces))],
            )
        ]

    def _end(self, event: End) -> list[WireEvent]:
        self._done = True
        if not self._own:
            self._losses.extras(event.extras)
        usage_losses(self._usage, self._losses, own=self._own)
        candidates: list[Json] = []
        for choice, finish, extras in self._finishes:
            writer = self._writer(choice)
            candidate: Json = {
                "content": {"parts": writer.rest() or [{"text": ""}], "role": "model"},
                "finishReason": encode_finish(finish, self._losses, own=self._own),
                "index": choice,
                **extras,
            }
            if writer.citations:
                candidate["citationMetadata"] = {"citationSources": writer.citations}
            candidates.append(candidate)
        return [WireEvent(None, self._body(candidates))]
