"""A stream of events as one whole answer, and back.

    fold(unfold(response), response.format) == response

up to what events do not carry: ``at``, ``cache`` and ``extras`` of text, refusal, reasoning and calls, empty trailing summary parts, log
probabilities that are empty, and a choice that holds nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, assert_never

from rosetta.converters.converter import UpstreamFailed
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
from rosetta.ir.parts import Citation, Format, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from rosetta.ir.response import Choice, Response
from rosetta.ir.usage import NO_USAGE, Usage, latest


class _Block:
    """A part being put together."""

    __slots__ = ("citations", "part", "pieces", "raw", "seals", "start", "summary")

    def __init__(self, start: BlockStart) -> None:
        self.start = start
        self.pieces: list[str] = []
        self.raw: list[str] = []
        self.summary: list[list[str]] = []
        self.seals: list[Seal] = []
        self.citations: list[Citation] = []
        self.part: Part | None = None

    def whole(self) -> Part | None:
        start, text = self.start, "".join(self.pieces)
        match start.kind:
            case "text":
                seal = self.seals[-1] if self.seals else start.seal
                return Text(text, citations=tuple(self.citations), phase=start.phase, seal=seal)
            case "refusal":
                return Refusal(text)
            case "reasoning":
                return Reasoning(tuple("".join(part) for part in self.summary), "".join(self.raw), seals=tuple(self.seals))
            case "tool_call":
                return ToolCall(start.id or "", start.name or "", text, kind=start.tool_kind, namespace=start.namespace, seal=start.seal)
            case "data":
                return self.part
            case _:
                assert_never(start.kind)


def fold(events: Iterable[Event], format: Format) -> Response:
    """The answer which ``events`` tell. Raises UpstreamFailed when they end in Failed, or do not end."""
    start = Start()
    usage: Usage = NO_USAGE
    blocks: dict[int, _Block] = {}
    ends: dict[int, ChoiceEnd] = {}
    logprobs: dict[int, dict[str, Any]] = {}
    for event in events:
        match event:
            case TextDelta() | RefusalDelta() | ArgumentsDelta():
                blocks[event.block].pieces.append(event.text)
            case ReasoningDelta():
                block = blocks[event.block]
                if event.raw:
                    block.raw.append(event.text)
                else:
                    while len(block.summary) <= event.part:
                        block.summary.append([])
                    block.summary[event.part].append(event.text)
            case BlockStart():
                blocks[event.block] = _Block(event)
            case BlockEnd() | OpaqueEvent():
                pass
            case SealDelta():
                blocks[event.block].seals.append(event.seal)
            case CitationDelta():
                blocks[event.block].citations.append(event.citation)
            case BlockData():
                blocks[event.block].part = event.part
            case LogprobsDelta():
                logprobs.setdefault(event.choice, {}).setdefault(event.channel, []).extend(event.entries)
            case UsageUpdate():
                usage = latest(usage, event.usage)
            case ChoiceEnd():
                ends[event.choice] = event
            case Start():
                start = event
            case Failed():
                raise UpstreamFailed(event.failure)
            case End():
                return Response(
                    format=format,
                    choices=_choices(blocks, ends, logprobs),
                    id=start.id,
                    model=start.model,
                    created=start.created,
                    usage=usage,
                    service_tier=event.service_tier or start.service_tier,
                    extras={**start.extras, **event.extras},
                )
            case _:
                assert_never(event)
    raise UpstreamFailed(Failure("truncated", "the upstream ended the stream in the middle of the answer"))


def _choices(blocks: dict[int, _Block], ends: dict[int, ChoiceEnd], logprobs: dict[int, dict[str, Any]]) -> tuple[Choice, ...]:
    parts: dict[int, list[Part]] = {index: [] for index in (*ends, *logprobs)}
    for number in sorted(blocks):
        part = blocks[number].whole()
        if part is not None:
            parts.setdefault(blocks[number].start.choice, []).append(part)
    choices = []
    for index in sorted(parts):
        end = ends.get(index)
        choices.append(
            Choice(
                index=index,
                parts=tuple(parts[index]),
                finish=None if end is None else end.finish,
                logprobs=logprobs.get(index),
                extras={} if end is None else end.extras,
                at="" if end is None else end.at,
            )
        )
    return tuple(choices)


_CHANNELS: dict[Literal["content", "refusal"], type[Text] | type[Refusal]] = {"content": Text, "refusal": Refusal}


def unfold(response: Response) -> list[Event]:
    """The events that tell ``response``, each part in one delta."""
    events: list[Event] = [
        Start(
            id=response.id,
            model=response.model,
            created=response.created,
            format=response.format,
            service_tier=response.service_tier,
        )
    ]
    number = 0
    for choice in response.choices:
        waiting = [channel for channel in _CHANNELS if (choice.logprobs or {}).get(channel)]
        for part in choice.parts:
            told = _told(part, number, choice.index)
            for channel in waiting:
                if isinstance(part, _CHANNELS[channel]):  # while the text is open that they are of
                    told.insert(-1, LogprobsDelta(choice.index, (choice.logprobs or {})[channel], channel))
                    waiting.remove(channel)
                    break
            events.extend(told)
            number += 1
        events.extend(LogprobsDelta(choice.index, (choice.logprobs or {})[channel], channel) for channel in waiting)
        if choice.finish is not None:
            events.append(ChoiceEnd(choice.index, choice.finish, choice.extras, choice.at))
    if response.usage is not NO_USAGE:
        events.append(UsageUpdate(response.usage))
    events.append(End(response.extras))
    return events


def _told(part: Part, block: int, choice: int) -> list[Event]:
    match part:
        case Text():
            events: list[Event] = [BlockStart(block, "text", choice, phase=part.phase)]
            if part.text:
                events.append(TextDelta(block, part.text))
            events.extend(CitationDelta(block, citation) for citation in part.citations)
            if part.seal is not None:
                events.append(SealDelta(block, part.seal))
        case Refusal():
            events = [BlockStart(block, "refusal", choice)]
            if part.text:
                events.append(RefusalDelta(block, part.text))
        case Reasoning():
            events = [BlockStart(block, "reasoning", choice, id=next((seal.item_id for seal in part.seals), None))]
            events.extend(ReasoningDelta(block, text, index) for index, text in enumerate(part.summary) if text)
            if part.raw:
                events.append(ReasoningDelta(block, part.raw, raw=True))
            events.extend(SealDelta(block, seal) for seal in part.seals)
        case ToolCall():
            events = [
                BlockStart(
                    block, "tool_call", choice, id=part.id, name=part.name, tool_kind=part.kind, namespace=part.namespace, seal=part.seal
                )
            ]
            if part.arguments:
                events.append(ArgumentsDelta(block, part.arguments))
        case Media() | Opaque() | ToolResult():
            events = [BlockStart(block, "data", choice), BlockData(block, part)]
        case _:
            assert_never(part)
    events.append(BlockEnd(block))
    return events
