"""IR events -> a Google client's chunks.

Each chunk is a whole response: id, model and, once known, running usage. Calls are written whole when they end; ``finishReason`` stands on the last chunk alone. No comments,
no event names, no [DONE]: Google's clients die of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.google_genai.errors import error_object
from rosetta.converters.google_genai.finish import encode_usage, feedback_of, usage_losses
from rosetta.converters.google_genai.logprobs import encode_logprobs
from rosetta.converters.google_genai.parts import FORMAT, with_extras
from rosetta.converters.google_genai.response import PartWriter, candidate, shows_thoughts
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
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.response import Finish
from rosetta.ir.usage import NO_USAGE, Usage, latest


class _Block:
    __slots__ = ("before", "choice", "part", "pieces", "start", "summarised", "texts", "writer")

    def __init__(self, start: BlockStart, writer: PartWriter) -> None:
        self.start = start
        self.choice = start.choice
        self.writer = writer
        self.texts = writer.texts
        self.before = len(writer.texts)
        self.pieces: list[str] = []  # of a call's arguments
        self.part = 0  # of the summary of a thought
        self.summarised = False


class StreamEncoder:
    """One client's stream."""

    __slots__ = (
        "_blocks",
        "_counts",
        "_done",
        "_extras",
        "_finishes",
        "_id",
        "_losses",
        "_model",
        "_own",
        "_reply",
        "_usage",
        "_writers",
        "losses",
    )

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._id = ""
        self._model = reply.model
        self._own = False
        self._done = False
        self._extras: dict[str, Any] = NO_EXTRAS
        self._blocks: dict[int, _Block] = {}
        self._writers: dict[int, PartWriter] = {}
        self._finishes: list[ChoiceEnd] = []
        self._usage: Usage = NO_USAGE
        self._counts: Json | None = None

    def open(self) -> list[WireEvent]:
        """Nothing: this wire has no beginning of its own."""
        return []

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        if self._done:
            return []
        if type(event) is TextDelta:
            block = self._blocks[event.block]
            block.texts.append(event.text)
            return [self._chunk(block.choice, {"text": event.text})]
        match event:
            case TextDelta() | RefusalDelta():
                block = self._blocks[event.block]
                block.texts.append(event.text)
                return [self._chunk(block.choice, {"text": event.text})]
            case ReasoningDelta():
                return self._thought(self._blocks[event.block], event)
            case ArgumentsDelta():
                self._blocks[event.block].pieces.append(event.text)
                return []
            case BlockStart():
                self._begin(event)
                return []
            case BlockEnd():
                return self._block_end(self._blocks.pop(event.block))
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
                self._counts = encode_usage(self._usage, own=self._own)
                return []
            case SealDelta():
                return self._seal(self._blocks[event.block], event)
            case CitationDelta():
                block = self._blocks[event.block]
                block.writer.cited.append((block.before, event.citation, ""))
                return []
            case LogprobsDelta():
                return self._logprobs(event)
            case BlockData():
                block = self._blocks[event.block]
                return [self._chunk(block.choice, part) for part in block.writer.part(event.part)]
            case Start():
                self._own = event.format == FORMAT
                self._model = self._model or event.model
                if self._own:
                    self._id = event.id
                    self._extras = event.extras
                else:
                    self._losses.extras(event.extras)
                    if event.service_tier is not None:
                        self._losses.dropped("service_tier")
                return []
            case ChoiceEnd():
                self._finishes.append(event)
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
            writer = self._writers[choice] = PartWriter(shows_thoughts(self._reply), self._losses, own=self._own)
        return writer

    def _body(self, candidates: list[Json]) -> Json:
        if not self._id:
            self._id = self._reply.new_id("")
        if self._counts is None:
            return {"candidates": candidates, "modelVersion": self._model, "responseId": self._id}
        return {"candidates": candidates, "modelVersion": self._model, "responseId": self._id, "usageMetadata": self._counts}

    def _chunk(self, choice: int, part: Json) -> WireEvent:
        return WireEvent(None, self._body([{"content": {"parts": [part], "role": "model"}, "index": choice}]))

    def _begin(self, start: BlockStart) -> None:
        self._blocks[start.block] = _Block(start, self._writer(start.choice))
        if start.kind == "refusal":
            self._losses.approximated("refusal", detail="said as text")
        if start.phase is not None:
            self._losses.dropped("phase")

    def _thought(self, block: _Block, event: ReasoningDelta) -> list[WireEvent]:
        if event.raw and block.summarised:  # the summary is what is meant to be seen
            self._losses.once("raw", "the chain beside its summary")
            return []
        block.summarised = block.summarised or not event.raw
        if not block.writer.shows_thoughts:
            return []
        text = event.text if event.part == block.part else f"\n\n{event.text}"
        block.part = event.part
        return [self._chunk(block.choice, {"text": text, "thought": True})]

    def _seal(self, block: _Block, event: SealDelta) -> list[WireEvent]:
        if not self._own:
            block.writer.pending.append(event.seal)
            return []
        wire: Json = {"text": "", "thoughtSignature": event.seal.value}
        if block.start.kind == "reasoning":
            if not block.writer.shows_thoughts:
                return []
            wire["thought"] = True
        return [self._chunk(block.choice, wire)]

    def _block_end(self, block: _Block) -> list[WireEvent]:
        start = block.start
        if start.kind != "tool_call":
            return []
        if start.seal is not None:
            block.writer.pending.append(start.seal)
        identity = start.id or self._reply.new_id("call_")
        call = block.writer.call(identity, start.name or "", start.namespace, start.tool_kind, "".join(block.pieces))
        return [self._chunk(block.choice, call)]

    def _logprobs(self, event: LogprobsDelta) -> list[WireEvent]:
        logprobs = encode_logprobs(event.entries)
        if event.channel == "refusal" or logprobs is None:
            if all(loss.field != "logprobs" for loss in self._losses):
                self._losses.dropped("logprobs", detail="of a refusal")
            return []
        # Google's SDKs forget the whole turn of a chat in which a chunk had no content.
        content: Json = {"parts": [{"text": ""}], "role": "model"}
        return [WireEvent(None, self._body([{"content": content, "index": event.choice, "logprobsResult": logprobs}]))]

    def _end(self, event: End) -> list[WireEvent]:
        self._done = True
        if not self._own:
            self._losses.extras(event.extras)
            if event.service_tier is not None:
                self._losses.dropped("service_tier")
        usage_losses(self._usage, self._losses, own=self._own)
        body = self._last()
        if self._own:
            body.update({**self._extras, **event.extras})
        return [WireEvent(None, body)]

    def _last(self) -> Json:
        candidates: list[Json] = []
        feedback: Json | None = None
        for end in self._finishes or [ChoiceEnd(0, Finish("stop"))]:
            writer = self._writer(end.choice)
            feedback = feedback or feedback_of(end.finish, own=self._own)
            last = candidate(writer.rest(), end.choice, end.finish, writer, self._losses)
            if self._own:
                with_extras(last, end.extras)
            else:
                self._losses.extras(end.extras, end.at)
            candidates.append(last)
        body = self._body(candidates)
        if feedback is not None:
            body["promptFeedback"] = feedback
        return body
