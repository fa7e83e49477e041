"""IR events -> a chat client's chunks: https://platform.openai.com/docs/api-reference/chat/streaming.

The role once, in the first chunk; id, type and name of a call once, in its first piece: clients join whatever is repeated. ``finish_reason`` is an explicit null on all
chunks but each choice's last; usage comes alone, and only to who asked.

A custom call has no form in this wire's streams that OpenAI's own helper survives: it is given as a function call with the wrapper object, whose arguments hold the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters import custom, names
from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.losses import Losses
from rosetta.converters.media import data_url
from rosetta.converters.openai_chat.finish import encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_chat.parts import FORMAT, encode_annotation
from rosetta.converters.openai_chat.reasoning import DETAILS, details_of
from rosetta.converters.openai_chat.response import call_shell, carry
from rosetta.converters.openai_failures import encode_failure
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
from rosetta.ir.parts import Inline, Media, Opaque, Part, Seal
from rosetta.ir.usage import NO_USAGE, Usage, latest


class _Choice:
    """One of the answers: how many calls it has, what its next call must carry."""

    __slots__ = ("calls", "characters", "pending", "refused", "summary", "thoughts")

    def __init__(self) -> None:
        self.calls = 0
        self.pending: list[Seal] = []
        self.refused = False
        self.characters = 0
        self.thoughts = 0
        self.summary = 0


class _Block:
    __slots__ = ("call", "choice", "custom", "pieces", "start", "written")

    def __init__(self, start: BlockStart) -> None:
        self.start = start
        self.choice = start.choice
        self.call = -1
        self.custom = start.tool_kind == "custom"
        self.pieces: list[str] = []
        self.written = False


class StreamEncoder:
    """One client's stream."""

    __slots__ = (
        "_base",
        "_blocks",
        "_choices",
        "_done",
        "_finishes",
        "_losses",
        "_opened",
        "_own",
        "_reply",
        "_roles",
        "_tier",
        "_usage",
        "losses",
    )

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._own = False
        self._opened = False
        self._done = False
        self._base: Json = {}
        self._blocks: dict[int, _Block] = {}
        self._choices: dict[int, _Choice] = {}
        self._roles: set[int] = set()
        self._usage: Usage = NO_USAGE
        self._tier: str | None = None
        self._finishes: list[tuple[int, str]] = []

    def open(self) -> list[WireEvent]:
        """The chunk with the role."""
        if self._opened or self._done:
            return []
        return self._role(0)

    def _begin(self) -> None:
        if self._opened:
            return
        self._opened = True
        self._base = {
            "id": self._reply.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": self._reply.created,
            "model": self._reply.model,
        }
        if self._tier is not None:
            self._base["service_tier"] = self._tier

    def _role(self, index: int) -> list[WireEvent]:
        self._begin()
        if index in self._roles:
            return []
        self._roles.add(index)
        return [self._chunk(index, {"role": "assistant", "content": ""})]

    def _chunk(self, index: int, delta: Json, finish: str | None = None, logprobs: Any = None) -> WireEvent:
        return WireEvent(None, {**self._base, "choices": [{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]})

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        if self._done:
            return []
        if type(event) is TextDelta:
            block = self._blocks[event.block]
            if block.written:
                return [self._chunk(block.choice, {"content": event.text})]
        match event:
            case Start():
                self._own = event.format == FORMAT
                self._tier = event.service_tier
                if self._opened and event.service_tier is not None:
                    self._base["service_tier"] = event.service_tier
                if not self._own:
                    self._losses.extras(event.extras)
                return []
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
                return []
            case BlockStart():
                return self._block_start(event)
            case TextDelta() | RefusalDelta():
                return self._text(self._blocks[event.block], event)
            case ReasoningDelta():
                return self._thought(self._blocks[event.block], event)
            case ArgumentsDelta():
                return self._arguments(self._blocks[event.block], event.text)
            case SealDelta():
                return self._seal(self._blocks[event.block].choice, event.seal)
            case CitationDelta():
                return self._citation(self._blocks[event.block], event)
            case LogprobsDelta():
                return [*self._role(event.choice), self._chunk(event.choice, {}, logprobs={event.channel: event.entries})]
            case BlockData():
                return self._data(self._blocks[event.block], event.part)
            case BlockEnd():
                return self._block_end(event.block)
            case ChoiceEnd():
                return self._choice_end(event)
            case OpaqueEvent():
                return []
            case End():
                return self._end(event)
            case Failed():
                return self._fail(event.failure)
            case _:
                assert_never(event)

    def finish(self) -> list[WireEvent]:
        """The end of the events. A stream without End or Failed ends in an error, without [DONE]."""
        if self._done:
            return []
        return self._fail(Failure("truncated", "the stream ended in the middle of the answer"))

    def _fail(self, failure: Failure) -> list[WireEvent]:
        self._done = True
        return [WireEvent(None, encode_failure(failure, "").body)]

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _block_start(self, start: BlockStart) -> list[WireEvent]:
        block = self._blocks[start.block] = _Block(start)
        if start.seal is not None and start.kind != "tool_call":
            self._choice(start.choice).pending.append(start.seal)
        if start.kind != "tool_call":
            return []
        choice = self._choice(start.choice)
        block.call = choice.calls
        choice.calls += 1
        shell = call_shell(names.short_id(start.id or self._reply.new_id("call_")), start.name or "", start.namespace, "function")
        if start.seal is not None:
            choice.pending.append(start.seal)
        carry(shell, choice.pending, self._losses)
        return [*self._role(start.choice), self._chunk(start.choice, {"tool_calls": [{"index": block.call, **shell}]})]

    def _text(self, block: _Block, event: TextDelta | RefusalDelta) -> list[WireEvent]:
        choice = self._choice(block.choice)
        text = event.text
        out = self._role(block.choice)
        if type(event) is RefusalDelta:
            choice.refused = True
            return [*out, self._chunk(block.choice, {"refusal": text})]
        block.written = True
        return [*out, self._chunk(block.choice, {"content": text})]

    def _thought(self, block: _Block, event: ReasoningDelta) -> list[WireEvent]:
        choice = self._choice(block.choice)
        text = event.text
        if (not block.written and choice.thoughts) or (block.written and event.part != choice.summary):
            text = f"\n\n{text}"
        if not block.written:
            block.written = True
            choice.thoughts += 1
        choice.summary = event.part
        return [*self._role(block.choice), self._chunk(block.choice, {"reasoning_content": text})]

    def _seal(self, index: int, seal: Seal) -> list[WireEvent]:
        self._choice(index).pending.append(seal)
        details = details_of(seal)
        return [*self._role(index), self._chunk(index, {DETAILS: details})] if details else []

    def _arguments(self, block: _Block, text: str) -> list[WireEvent]:
        if block.custom:
            block.pieces.append(text)
            return []
        block.written = True
        return [self._chunk(block.choice, {"tool_calls": [{"index": block.call, "function": {"arguments": text}}]})]

    def _citation(self, block: _Block, event: CitationDelta) -> list[WireEvent]:
        wire = encode_annotation(event.citation, 0, 0, self._losses)
        return [] if wire is None else [*self._role(block.choice), self._chunk(block.choice, {"annotations": [wire]})]

    def _data(self, block: _Block, part: Part) -> list[WireEvent]:
        match part:
            case Media(kind="image", source=Inline(data)):
                self._losses.emulated("image", part.at, "in delta.images")
                image = {"index": 0, "type": "image_url", "image_url": {"url": data_url(part.mime, data)}}
                return [*self._role(block.choice), self._chunk(block.choice, {"images": [image]})]
            case Media(kind="audio", source=Inline(data)):
                audio = {
                    "id": self._reply.new_id("audio_"),
                    "data": data,
                    "expires_at": 0,
                    "transcript": part.transcript or "",
                    **part.extras,
                }
                return [*self._role(block.choice), self._chunk(block.choice, {"audio": audio})]
            case Opaque() if part.text:
                self._losses.approximated("part", part.at, f"{part.kind} as text")
                return self._text(block, TextDelta(block.start.block, part.text))
            case Opaque():
                self._losses.dropped("part", part.at, part.kind)
            case Media():
                self._losses.dropped(part.kind, part.at)
            case _:
                self._losses.dropped("part", part.at)
        return []

    def _block_end(self, number: int) -> list[WireEvent]:
        block = self._blocks.pop(number)
        if block.start.kind != "tool_call":
            return []
        text = custom.wrap("".join(block.pieces)) if block.custom else "" if block.written else "{}"
        if not text:
            return []
        return [self._chunk(block.choice, {"tool_calls": [{"index": block.call, "function": {"arguments": text}}]})]

    def _choice_end(self, event: ChoiceEnd) -> list[WireEvent]:
        choice = self._choice(event.choice)
        if any(seal.kind != "text" for seal in choice.pending):
            self._losses.dropped("seal", detail="no call follows that could carry it")
        choice.pending.clear()
        if not self._own:
            self._losses.extras(event.extras)
        word = encode_finish(event.finish, called=choice.calls > 0, refused=choice.refused, own=self._own, losses=self._losses)
        # Held until the end: what fails now must not look finished, and OpenAI tells the real tier last.
        out = self._role(event.choice)
        self._finishes.append((event.choice, word))
        return out

    def _end(self, event: End) -> list[WireEvent]:
        out = self._role(0) if not self._opened else []
        self._done = True
        if event.service_tier is not None:
            self._base["service_tier"] = event.service_tier
        out.extend(self._chunk(choice, {}, word) for choice, word in self._finishes)
        if not self._own:
            self._losses.extras(event.extras)
        usage_losses(self._usage, self._losses, own=self._own)
        usage = encode_usage(self._usage, own=self._own)
        if self._reply.request.include_usage and usage is not None:
            out.append(WireEvent(None, {**self._base, "choices": [], "usage": usage}))
        out.append(WireEvent(None, None))
        return out
