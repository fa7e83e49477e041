"""IR events -> a chat client's chunks: https://platform.openai.com/docs/api-reference/chat/streaming.

The role once, in the first chunk; id, type and name of a call once, in its first piece: clients join whatever is repeated. Lists in a delta have an ``index`` in
each entry, by which OpenAI's helper joins them. ``finish_reason`` is an explicit null on all chunks but each choice's last, and is held until the end: what fails
now must not look finished. Usage comes alone, and only to who asked.

A custom call has no form in this wire's streams that OpenAI's own helper survives, which fails on ``custom`` in a delta: it is given as a function call whose
arguments are the wrapper object, ``{"input": "the text"}``. ``decode_request`` knows it again in the history of a client that declared the custom tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters import custom, jsontext, media
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.extras import restore
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.answer_media import encode_media
from rosetta.converters.openai_chat.citations import encode_annotation
from rosetta.converters.openai_chat.finish import encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_chat.message import APART, APART_BY_OTHERS, MALFORMED_CALL, Order, call_shell, carry
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.converters.openai_chat.reasoning import DETAILS, details_of
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
from rosetta.ir.parts import Citation, Format, Media, Opaque, Part, Seal
from rosetta.ir.usage import NO_USAGE, Usage, latest

# The wrapper of a custom call's text, in the pieces in which it is streamed.
_WRAPPED = custom.wrap("")
_HEAD, _TAIL = _WRAPPED[:-2], _WRAPPED[-2:]


_RESERVED = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier"})


class _Choice:
    """One of the answers: how many entries its lists have, what its next call must carry."""

    __slots__ = (
        "annotations",
        "before",
        "calls",
        "characters",
        "details",
        "filled",
        "images",
        "order",
        "pending",
        "refused",
        "spoken",
        "thought",
    )

    def __init__(self, order: Order) -> None:
        self.order = order
        self.calls = 0
        self.annotations = 0
        self.images = 0
        self.details = 0
        self.pending: list[Seal] = []
        self.before = ""  # the kind of the block that was begun last
        self.characters = 0  # of content
        self.thought = False
        self.refused = False
        self.filled = False
        self.spoken = False


class _Block:
    """A part that is being told. ``kind`` of a thought: ``summary`` or ``raw``, whichever came first, as the other says the same."""

    __slots__ = ("call", "choice", "citations", "custom", "index", "kind", "offset", "part", "start", "written")

    def __init__(self, start: BlockStart, choice: _Choice) -> None:
        self.start = start
        self.index = start.choice
        self.choice = choice
        self.call = -1
        self.custom = start.tool_kind == "custom"
        self.written = False
        self.kind = ""
        self.part = 0  # of a summary
        self.offset = 0  # of its text in the content
        self.citations: list[Citation] = []


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
        "_reply",
        "_roles",
        "_source",
        "_start",
        "_usage",
        "losses",
    )

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._start = Start()
        self._source: Format | None = None
        self._opened = False
        self._done = False
        self._base: Json = {}
        self._blocks: dict[int, _Block] = {}
        self._choices: dict[int, _Choice] = {}
        self._roles: set[int] = set()
        self._usage: Usage = NO_USAGE
        self._finishes: list[tuple[int, str, dict[str, Any]]] = []

    def open(self) -> list[WireEvent]:
        """The chunk with the role."""
        return [] if self._opened or self._done else self._role(0)

    def _begin(self, start: Start) -> None:
        own = start.format == FORMAT
        self._opened = True
        self._base = {
            "id": start.id if own and start.id else self._reply.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": start.created if own and start.created is not None else self._reply.created,
            "model": self._reply.model or start.model,
        }

    def _started(self, start: Start) -> None:
        self._start, self._source = start, start.format
        if start.format != FORMAT:
            self._losses.extras(start.extras)
        if self._opened:  # early, with an id of our own
            self._label()

    def _label(self) -> None:
        """What each chunk says of the whole answer."""
        if self._source == FORMAT:
            self._base.update({key: value for key, value in self._start.extras.items() if key not in _RESERVED})
        if self._start.service_tier is not None:
            self._base["service_tier"] = self._start.service_tier

    def _role(self, index: int) -> list[WireEvent]:
        if not self._opened:
            self._begin(self._start)
            self._label()
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
                block.choice.characters += len(event.text)
                return [
                    WireEvent(
                        None,
                        {
                            **self._base,
                            "choices": [{"index": block.index, "delta": {"content": event.text}, "logprobs": None, "finish_reason": None}],
                        },
                    )
                ]
        match event:
            case TextDelta():
                return self._text(self._blocks[event.block], event.text)
            case ArgumentsDelta():
                return self._arguments(self._blocks[event.block], event.text)
            case ReasoningDelta():
                return self._thought(self._blocks[event.block], event)
            case Start():
                self._started(event)
                return []
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
                return []
            case BlockStart():
                return self._block_start(event)
            case RefusalDelta():
                return self._refusal(self._blocks[event.block], event.text)
            case SealDelta():
                return self._seal(self._blocks[event.block], event.seal)
            case CitationDelta():
                self._blocks[event.block].citations.append(event.citation)
                return []
            case LogprobsDelta():
                logprobs = {"content": None, "refusal": None, event.channel: event.entries}
                return [*self._role(event.choice), self._chunk(event.choice, {}, logprobs=logprobs)]
            case BlockData():
                return self._data(self._blocks[event.block], event.part)
            case BlockEnd():
                return self._block_end(self._blocks.pop(event.block))
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
            choice = self._choices[index] = _Choice(Order(self._source, self._losses))
        return choice

    # ---------------------------------------------------------------- blocks

    def _block_start(self, start: BlockStart) -> list[WireEvent]:
        choice = self._choice(start.choice)
        block = self._blocks[start.block] = _Block(start, choice)
        if start.phase is not None:
            self._losses.dropped("phase")
        if start.seal is not None:
            choice.pending.append(start.seal if start.kind == "tool_call" else of_what_was_said(start.seal))
        if start.kind != "tool_call":
            return []
        choice.filled = True
        choice.order.tell(start.kind)
        choice.before = start.kind
        block.call = choice.calls
        choice.calls += 1
        shell = call_shell(start.id or self._reply.new_id("call_"), start.name or "", start.namespace, "function")
        carry(shell, choice.pending, "", self._losses)
        return [*self._role(start.choice), self._chunk(start.choice, {"tool_calls": [{"index": block.call, **shell}]})]

    def _text(self, block: _Block, text: str) -> list[WireEvent]:
        """The first words of a text."""
        choice = block.choice
        apart = ""
        if choice.characters and self._source is not None:
            apart = (APART if choice.before == "text" else APART_BY_OTHERS).get(self._source, "")
        choice.order.tell("text")
        choice.before = "text"
        choice.filled = block.written = True
        block.offset = choice.characters + len(apart)
        choice.characters = block.offset + len(text)
        return [*self._role(block.index), self._chunk(block.index, {"content": apart + text})]

    def _refusal(self, block: _Block, text: str) -> list[WireEvent]:
        choice = block.choice
        apart = APART.get(self._source, "") if self._source is not None and choice.refused and not block.written else ""
        if not block.written:
            choice.order.tell("refusal")
        choice.refused = choice.filled = block.written = True
        choice.before = "refusal"
        return [*self._role(block.index), self._chunk(block.index, {"refusal": apart + text})]

    def _thought(self, block: _Block, event: ReasoningDelta) -> list[WireEvent]:
        choice = block.choice
        kind = "raw" if event.raw else "summary"
        if block.kind and kind != block.kind:
            self._losses.once("raw", "the chain beside its summary")
            return []
        own = self._source == FORMAT
        apart = "\n\n" if (not own and choice.thought and not block.kind) or (block.kind and event.part != block.part) else ""
        if not block.kind:
            choice.order.tell("reasoning")
        block.kind, block.part = kind, event.part
        choice.thought = choice.filled = True
        choice.before = "reasoning"
        return [*self._role(block.index), self._chunk(block.index, {"reasoning_content": apart + event.text})]

    def _seal(self, block: _Block, seal: Seal) -> list[WireEvent]:
        choice = block.choice
        choice.pending.append(seal if block.call >= 0 else of_what_was_said(seal))
        details = details_of(seal)
        if not details:
            return []
        numbered = [{**entry, "index": choice.details + place} for place, entry in enumerate(details) if type(entry) is dict]
        choice.details += len(numbered)
        return [*self._role(block.index), self._chunk(block.index, {DETAILS: numbered})]

    def _arguments(self, block: _Block, text: str) -> list[WireEvent]:
        if block.custom:
            text = jsontext.encode_text(text)[1:-1]
            if not block.written:
                text = _HEAD + text
        block.written = True
        delta = {"tool_calls": [{"index": block.call, "function": {"arguments": text}}]}
        return [self._chunk(block.index, delta)]

    def _data(self, block: _Block, part: Part) -> list[WireEvent]:
        choice = block.choice
        match part:
            case Media():
                if part.seal is not None:
                    choice.pending.append(of_what_was_said(part.seal))
                wire = encode_media(part, choice.images, self._reply)
                if wire is None:
                    self._losses.dropped(part.kind, part.at)
                    return []
                if part.kind == "audio" and choice.spoken:
                    self._losses.dropped("audio", part.at, "a message has one")
                    return []
                media.tell_unsaid(part, self._losses, "transcript")
                choice.filled = True
                choice.order.tell("data")
                choice.before = "data"
                if part.kind == "audio":
                    choice.spoken = True
                    return [*self._role(block.index), self._chunk(block.index, {"audio": wire})]
                choice.images += 1
                if self._source == FORMAT:
                    restore(wire, part.extras, self._losses)
                else:
                    self._losses.extras(part.extras, part.at)
                    self._losses.emulated("image", part.at, "in delta.images")
                return [*self._role(block.index), self._chunk(block.index, {"images": [wire]})]
            case Opaque(format="openai_chat", kind="audio"):
                return [*self._role(block.index), self._chunk(block.index, {"audio": part.data})]
            case Opaque() if part.text:
                self._losses.approximated("part", part.at, f"{part.kind} as text")
                out = self._text(block, part.text)
                choice.before = "data"
                return out
            case Opaque():
                choice.before = "data"
                self._losses.dropped("part", part.at, part.kind)
            case _:
                self._losses.dropped("part", part.at)
        return []

    def _block_end(self, block: _Block) -> list[WireEvent]:
        if block.start.kind == "tool_call":
            nothing, closing = (_WRAPPED, _TAIL) if block.custom else ("{}", "")
            rest = closing if block.written else nothing
            delta = {"tool_calls": [{"index": block.call, "function": {"arguments": rest}}]}
            return [self._chunk(block.index, delta)] if rest else []
        choice = block.choice
        wires: list[Json] = []
        for citation in block.citations:
            wire = encode_annotation(citation, block.offset, choice.characters - block.offset, "", self._losses)
            if wire is not None:
                wires.append({**wire, "index": choice.annotations})
                choice.annotations += 1
        return [*self._role(block.index), self._chunk(block.index, {"annotations": wires})] if wires else []

    # ---------------------------------------------------------------- the end

    def _choice_end(self, event: ChoiceEnd) -> list[WireEvent]:
        choice = self._choice(event.choice)
        if event.finish.reason == "malformed_tool_call" and not choice.filled:
            return self._fail(Failure("upstream_error", MALFORMED_CALL))
        if any(seal.kind != "text" for seal in choice.pending):
            self._losses.dropped("seal", detail="no call follows that could carry it")
        choice.pending.clear()
        own = self._source == FORMAT
        if not own:
            self._losses.extras(event.extras, event.at)
        word = encode_finish(event.finish, called=choice.calls > 0, refused=choice.refused, own=own, losses=self._losses)
        self._finishes.append((event.choice, word, event.extras if own else {}))
        return self._role(event.choice)

    def _end(self, event: End) -> list[WireEvent]:
        out = self._role(0) if not self._opened else []
        self._done = True
        own = self._source == FORMAT
        if event.service_tier is not None:
            self._base["service_tier"] = event.service_tier
        if own:
            self._base.update({key: value for key, value in event.extras.items() if key not in _RESERVED})
        else:
            self._losses.extras(event.extras)
        begun = self._roles - {index for index, *_ in self._finishes}
        self._finishes += [(index, "stop", {}) for index in sorted(begun)]  # of an answer that the upstream began and did not end
        for index, word, extras in self._finishes:
            said = {key.removeprefix("message."): value for key, value in extras.items() if key.startswith("message.")}
            lists: dict[str, Any] = {
                key: value for key, value in said.items() if type(value) is list
            }  # OpenAI's helper fails on lists that it does not know
            self._losses.extras(lists, f"choices.{index}.message" if lists else "")
            chunk = self._chunk(index, {key: value for key, value in said.items() if key not in lists}, word)
            if chunk.data is not None:
                restore(
                    chunk.data["choices"][0], {key: value for key, value in extras.items() if not key.startswith("message.")}, self._losses
                )
            out.append(chunk)
        usage_losses(self._usage, self._losses, own=own)
        usage = encode_usage(self._usage, own=own)
        if self._reply.request.include_usage and usage is not None:
            out.append(WireEvent(None, {**self._base, "choices": [], "usage": usage}))
        out.append(WireEvent(None, None))
        return out
