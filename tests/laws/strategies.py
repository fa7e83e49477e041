"""What hypothesis feeds the laws: any JSON, JSON near a wire's own, answers, and event sequences that obey the grammar."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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
from rosetta.ir.parts import FORMATS, Citation, Format, Inline, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from rosetta.ir.response import Choice, Finish, Response
from rosetta.ir.usage import Usage

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | texts
    | st.just("")
)
any_json = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20)


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with a few of its places replaced by any JSON, removed, or doubled."""
    for _ in range(draw(st.integers(1, 3))):
        value = _changed(draw, value)
    return value


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 9)):
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: _changed(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(value) - 1))
        if not draw(st.integers(0, 9)):
            return value[:index] + value[index:] + value[index:]
        return [*value[:index], _changed(draw, value[index]), *value[index + 1 :]]
    return draw(any_json | st.sampled_from([[], {}, "", [{}], [[]], [None], "text", "function", 0, -1, 1e300, True]))


seals = st.builds(
    Seal,
    kind=st.sampled_from(["signature", "redacted", "encrypted", "thought_signature", "text"]),
    value=st.sampled_from(["c2VhbA==", "QUJD"]),
    provider=st.sampled_from(["", "one", "two"]),
    model=st.just("m"),
    item_id=st.none() | st.just("rs_1"),
    texts=st.lists(texts, max_size=2).map(tuple),
)
part_seals = st.builds(
    Seal, kind=st.just("thought_signature"), value=st.just("c2VhbA=="), provider=st.just("one"), model=st.just("m"), bound=st.just("part")
)
# malformed_tool_call is left out: without any text it is an upstream's failure, which each encoder's own tests hold it to.
finishes = st.builds(
    Finish,
    reason=st.sampled_from(
        [
            "stop",
            "stop_sequence",
            "length",
            "context_window",
            "tool_calls",
            "refusal",
            "content_filter",
            "pause",
            "compaction",
            "too_many_tool_calls",
            "other",
        ]
    ),
    raw=st.none() | st.just("word"),
    sequence=st.none() | st.just("END"),
)
counts = st.none() | st.integers(0, 10_000)
usages = st.builds(
    Usage, input_uncached=counts, cache_read=counts, cache_write=counts, output_total=counts, reasoning=st.none() | st.integers(0, 5)
)
argument_texts = st.sampled_from(["", "{}", '{"a":1}', '{"city": "Oslo", "n": [1, 2.5, null]}', '{"a":', "no json", "[1]"])
citations = st.builds(
    Citation,
    format=st.sampled_from(FORMATS),
    raw=st.just({"type": "url_citation", "url": "https://example.com"}),
    url=st.just("https://example.com"),
    title=st.none() | st.just("A"),
)
opaques = st.builds(
    Opaque,
    format=st.sampled_from(FORMATS),
    kind=st.just("novelty"),
    data=st.just({"type": "novelty", "x": 1}),
    text=st.sampled_from(["", "words"]),
)
media = st.builds(Media, kind=st.just("image"), source=st.just(Inline("iVBORw0KGgo=")), mime=st.just("image/png"))


calls = st.builds(
    ToolCall,
    id=st.integers(0, 10**9).map(lambda number: f"call_{number}"),
    name=st.just("f"),
    arguments=argument_texts,
    seal=st.none() | part_seals,
)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=texts, citations=st.lists(citations, max_size=1).map(tuple), seal=st.none() | part_seals),
    st.builds(Refusal, text=texts),
    st.builds(
        Reasoning, summary=st.lists(texts, max_size=2).map(tuple), raw=st.just("") | texts, seals=st.lists(seals, max_size=2).map(tuple)
    ),
    calls,
    opaques,
    media,
)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Whole answers, with the part of events that ``rosetta.fold`` promises to keep."""
    choices = tuple(
        Choice(
            index=index,
            parts=tuple(draw(st.lists(parts, max_size=4))),
            finish=draw(finishes),
            logprobs=draw(st.none() | st.just({"content": [{"token": "a", "logprob": -1.0}]})),
        )
        for index in range(draw(st.integers(1, 2)))
    )
    return Response(
        format=draw(st.sampled_from(FORMATS)),
        choices=choices,
        id=draw(st.just("") | st.just("id_1")),
        model="m",
        created=draw(st.none() | st.just(1)),
        usage=draw(usages),
        service_tier=draw(st.none() | st.just("default")),
        extras=draw(st.just({}) | st.just({"system_fingerprint": "fp"})),
    )


@st.composite
def event_sequences(draw: st.DrawFn, *, choices: int = 2, ends: tuple[str, ...] = ("end", "failed", "nothing")) -> list[Event]:
    """Any sequence that obeys ``rosetta.ir.events``: blocks interleaved, usage anywhere, ended, failed at any point, or cut off.

    Call ids are unique, as decoders make them.
    """
    ending = draw(st.sampled_from(ends))
    events: list[Event] = [Start(id="up_1", model="upstream-model", created=5)]
    open_blocks: dict[int, tuple[BlockStart, list[int]]] = {}
    number = 0
    total = draw(st.integers(1, choices))
    live = list(range(total))
    for _ in range(draw(st.integers(0, 14))):
        action = draw(st.sampled_from(["start", "start", "delta", "delta", "delta", "delta", "end", "usage", "logprobs", "opaque"]))
        if action == "start" and live:
            start = draw(_block_starts(number, live))
            number += 1
            open_blocks[start.block] = (start, [0])
            events.append(start)
            if start.kind == "data":
                events.append(BlockData(start.block, draw(opaques | media)))
        elif action == "delta" and open_blocks:
            start, state = open_blocks[draw(st.sampled_from(sorted(open_blocks)))]
            events.extend(draw(_deltas(start, state)))
        elif action == "end" and open_blocks:
            block = draw(st.sampled_from(sorted(open_blocks)))
            del open_blocks[block]
            events.append(BlockEnd(block))
        elif action == "usage":
            events.append(UsageUpdate(draw(usages)))
        elif action == "logprobs" and live:
            events.append(LogprobsDelta(draw(st.sampled_from(live)), [{"token": "a", "logprob": -1.0}]))
        elif action == "opaque":
            events.append(OpaqueEvent(draw(opaques)))
    if ending == "failed":
        events.append(
            Failed(Failure(draw(st.sampled_from(["overloaded", "truncated", "upstream_error", "timeout", "context_too_long"])), "it broke"))
        )
    elif ending == "end":
        for choice in draw(st.permutations(live)):
            events.extend(BlockEnd(block) for block, (start, _) in list(open_blocks.items()) if start.choice == choice)
            events.append(ChoiceEnd(choice, draw(finishes)))
        if draw(st.booleans()):
            events.append(UsageUpdate(draw(usages)))
        events.append(End())
    return events


@st.composite
def _block_starts(draw: st.DrawFn, number: int, live: list[int]) -> BlockStart:
    kind = draw(st.sampled_from(["text", "text", "refusal", "reasoning", "tool_call", "tool_call", "data"]))
    choice = draw(st.sampled_from(live))
    if kind != "tool_call":
        return BlockStart(number, kind, choice)
    custom = draw(st.booleans())
    return BlockStart(
        number, kind, choice, id=f"call_{number}", name="f", tool_kind="custom" if custom else "function", seal=draw(st.none() | part_seals)
    )


@st.composite
def _deltas(draw: st.DrawFn, start: BlockStart, state: list[int]) -> list[Event]:
    block = start.block
    match start.kind:
        case "text":
            return [
                draw(
                    st.one_of(
                        texts.map(lambda text: TextDelta(block, text)),
                        citations.map(lambda one: CitationDelta(block, one)),
                        part_seals.map(lambda seal: SealDelta(block, seal)),
                    )
                )
            ]
        case "refusal":
            return [RefusalDelta(block, draw(texts))]
        case "reasoning":
            if draw(st.integers(0, 3)) == 0:
                return [SealDelta(block, draw(seals))]
            state[0] += draw(st.integers(0, 1))
            return [ReasoningDelta(block, draw(texts), part=state[0], raw=draw(st.booleans()))]
        case "tool_call":
            return [ArgumentsDelta(block, draw(st.sampled_from(['{"a":', "1}", "{}", "plain", '"'])))]
        case "data":
            return []


def formats_pairs() -> list[tuple[Format, Format]]:
    """The twelve pairs of two different formats."""
    return [(source, target) for source in FORMATS for target in FORMATS if source != target]
