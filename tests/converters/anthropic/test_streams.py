"""Streams, both ways: every ending is the right one, and Anthropic's own SDK reads what comes out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters import custom, seals
from rosetta.converters.anthropic import CONVERTER
from rosetta.converters.converter import WireEvent
from rosetta.converters.sse import SseParser
from rosetta.fold import fold, unfold
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
from rosetta.ir.parts import Citation, Inline, Media, Opaque, Reasoning, Seal, Text, ToolCall
from rosetta.ir.request import ToolName
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage
from tests.converters.anthropic.surroundings import reply, ticket, told
from tests.converters.anthropic.test_decoding import any_json

STREAMS = Path(__file__).parents[2] / "wire" / "anthropic" / "streams"
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}}
DONE = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
STOP = {"type": "message_stop"}


def wire_events(name: str) -> list[tuple[str | None, Any]]:
    parser = SseParser()
    data = (STREAMS / f"{name}.sse").read_bytes()
    return [(event, json.loads(payload)) for event, payload in (*parser.feed(data), *parser.finish())]


def decode(*wire: Any, **fields: Any) -> list[Event]:
    """The events for wire data, with the end of the stream."""
    decoder = CONVERTER.stream_decoder(ticket(**fields))
    events: list[Event] = []
    for data in wire:
        events.extend(decoder.feed(None, data))
    return [*events, *decoder.finish()]


def encode(*events: Event, finish: bool = True, **fields: Any) -> tuple[list[WireEvent], list[Any]]:
    encoder = CONVERTER.stream_encoder(reply(**fields))
    wire: list[WireEvent] = []
    for event in events:
        wire.extend(encoder.feed(event))
    if finish:
        wire.extend(encoder.finish())
    return wire, told(list(encoder.losses))


def told_events(wire: Sequence[WireEvent]) -> list[Any]:
    """Wire events in few words: the type, or what a delta or a block says."""
    found: list[Any] = []
    for event in wire:
        assert event.data is not None
        assert event.event == event.data["type"]
        match event.data:
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                found.append((index, *(value for key, value in delta.items() if key != "type")))
            case {"type": "content_block_start", "index": index, "content_block": block}:
                found.append((index, f"+{block['type']}"))
            case {"type": "content_block_stop", "index": index}:
                found.append((index, "-"))
            case {"type": kind}:
                found.append(kind)
    return found


def sdk_message(wire: Sequence[WireEvent]) -> Any:
    """What the official SDK makes of a stream."""
    data = b"".join(CONVERTER.frame(event) for event in wire)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=data, headers={"content-type": "text/event-stream"}))
    client = anthropic.Anthropic(api_key="test-key", base_url="http://mock", http_client=httpx2.Client(transport=transport), max_retries=0)
    with client, client.messages.stream(model="m", max_tokens=5, messages=[{"role": "user", "content": "Hello"}]) as stream:
        return stream.get_final_message()


# ------------------------------------------------------------------------------------------------------------------------------ decoder


def test_a_stream_is_told_block_by_block() -> None:
    """Text, thoughts with their signature, a call, usage and the reason, in the grammar of events."""
    events = decode(
        START,
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm", "estimated_tokens": 3}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 9}},
        STOP,
    )
    assert events == [
        Start("msg_1", "m", format="anthropic"),
        UsageUpdate(Usage(input_uncached=3, output_total=1)),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "m."),
        SealDelta(0, Seal("signature", "c2ln", "claude", "claude-x", texts=("Hmm.",))),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="t", name="f"),
        ArgumentsDelta(1, '{"a":1}'),
        BlockEnd(1),
        UsageUpdate(Usage(output_total=9)),
        ChoiceEnd(0, Finish("tool_calls", "tool_use")),
        End(),
    ]


def test_arguments_come_in_pieces_whole_or_not_at_all() -> None:
    """A call whose input stands in its start, and one without any, have JSON arguments all the same."""
    events = decode(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "g"}},
        {"type": "content_block_stop", "index": 1},
        DONE,
        STOP,
    )
    parts = fold(events, "anthropic").choices[0].parts
    assert parts == (ToolCall("a", "f", '{"x":1}'), ToolCall("toolu_1", "g", "{}"))


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.lists(st.integers(0, 200), max_size=5))
def test_free_text_is_unwrapped_while_it_arrives(text: str, places: list[int]) -> None:
    """A custom tool's input is taken out of its JSON, however the pieces are cut."""
    whole = custom.wrap(text)
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]
    events = decode(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "a", "name": "p", "input": {}}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}} for piece in pieces),
        {"type": "content_block_stop", "index": 0},
        DONE,
        STOP,
        names={"p": ToolName("patch", "ns", "custom")},
    )
    assert fold(events, "anthropic").choices[0].parts == (ToolCall("a", "patch", text, kind="custom", namespace="ns"),)


def test_hosted_blocks_arrive_whole() -> None:
    """The pieces of a block that only Anthropic understands are put together."""
    events = decode(
        START,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"query":'}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '"x"}'}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "compaction", "content": None}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "compaction_delta", "content": "Sum", "encrypted_content": "e"}},
        {"type": "content_block_stop", "index": 1},
        DONE,
        STOP,
    )
    assert [event.part for event in events if isinstance(event, BlockData)] == [
        Opaque("anthropic", "server_tool_use", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}),
        Opaque("anthropic", "compaction", {"type": "compaction", "content": "Sum", "encrypted_content": "e"}, text="Sum"),
    ]


def test_what_never_began_or_never_ended_is_completed() -> None:
    """Deltas without a start, blocks without a stop and a repeated index still make balanced events."""
    events = decode(
        {"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 5, "delta": {"type": "thinking_delta", "thinking": "b"}},
        {"type": "content_block_delta", "index": 6, "delta": {"type": "input_json_delta", "partial_json": "c"}},
        {"type": "content_block_start", "index": 4, "content_block": {"type": "text", "text": "d"}},
        {"type": "content_block_stop", "index": 77},
        {"type": "message_start", "message": {}},
        DONE,
        STOP,
    )
    assert fold(events, "anthropic").choices[0].parts == (Text("a"), Reasoning(("b",)), Text("d"))
    started = [event.block for event in events if isinstance(event, BlockStart)]
    assert started == [0, 1, 2]
    assert sorted(event.block for event in events if isinstance(event, BlockEnd)) == started


def test_pieces_that_no_block_takes_are_told() -> None:
    """Arguments of a call that did not begin, a thought within a text, a kind of piece that is newer than this code: each is named."""
    decoder = CONVERTER.stream_decoder(ticket())
    for data in (
        {"type": "message_start", "message": {}},
        {"type": "content_block_delta", "index": 6, "delta": {"type": "input_json_delta", "partial_json": "c"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "b"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "newer_delta", "words": "c"}},
    ):
        decoder.feed(None, data)
    assert [(loss.field, loss.kind, loss.at, loss.detail) for loss in decoder.losses] == [
        ("part", "dropped", "content.6", "a input_json_delta of a block that did not begin"),
        ("part", "dropped", "content.0", "a thinking_delta in a block of text"),
        ("part", "dropped", "content.0", "a newer_delta in a block of text"),
    ]


@pytest.mark.parametrize(
    ("tail", "end"),
    [
        ([DONE, STOP], "End"),
        ([DONE], "End"),
        ([DONE, None], "End"),
        ([STOP], "End"),
        ([None], "End"),
        ([], "truncated"),
        ([{"type": "message_delta", "delta": {"stop_reason": None}}], "truncated"),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, DONE, STOP], "overloaded"),
        ([{"error": {"message": "x"}}], "upstream_error"),
        (["nonsense"], "upstream_error"),
        ([{"type": "content_block_delta", "index": 0}], "upstream_error"),
        ([{"a": 1}], "upstream_error"),
    ],
)
def test_every_ending(tail: list[Any], end: str) -> None:
    """An end is an end where the wire said so, anything else is a failure, and nothing follows either."""
    block = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    ]
    events = decode(START, *block, *tail)
    last = events[-1]
    assert (last.failure.kind if isinstance(last, Failed) else type(last).__name__) == end
    assert sum(isinstance(event, End | Failed) for event in events) == 1


def test_nothing_at_all_is_truncated() -> None:
    """Neither silence nor pings nor a bare [DONE] is an answer."""
    for wire in ([], [{"type": "ping"}], [None]):
        (only,) = decode(*wire)
        assert isinstance(only, Failed)
        assert only.failure.kind == "truncated"


@pytest.mark.parametrize("name", sorted(path.stem for path in STREAMS.glob("*.sse")))
def test_a_stream_cut_between_events_is_never_polite(name: str) -> None:
    """Cut after any event, a stream that was not at its end fails."""
    wire = wire_events(name)
    ended = next(index for index, (_, data) in enumerate(wire) if data.get("delta", {}).get("stop_reason"))
    for end in range(len(wire)):
        decoder = CONVERTER.stream_decoder(ticket())
        events = [event for item in wire[:end] for event in decoder.feed(*item)]
        events += decoder.finish()
        assert isinstance(events[-1], End if end > ended else Failed)


@pytest.mark.parametrize("name", sorted(path.stem for path in STREAMS.glob("*.sse")))
def test_an_own_stream_reads_the_same_again(name: str) -> None:
    """What is decoded and encoded again is the same answer to the next decoder and to the SDK."""
    decoder = CONVERTER.stream_decoder(ticket())
    events = [event for item in wire_events(name) for event in decoder.feed(*item)]
    events += decoder.finish()
    wire, losses = encode(*events)
    assert losses == []
    again = CONVERTER.stream_decoder(ticket())
    told_again = [event for item in wire for event in again.feed(item.event, item.data)]
    (choice,) = fold(events, "anthropic").choices
    spoken = tuple(part for part in choice.parts if part != Text(""))
    assert fold(told_again, "anthropic").choices == (msgspec.structs.replace(choice, parts=spoken),)
    message = sdk_message([event for event in wire if event.event != "new_event"])
    assert len(message.content) == sum(event.event == "content_block_start" for event in wire)


SPOILABLE = [wire_events(path.stem) for path in sorted(STREAMS.glob("*.sse"))]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SPOILABLE), st.data())
def test_no_event_breaks_the_decoder(wire: list[tuple[str | None, Any]], data: st.DataObject) -> None:
    """Whatever an event holds, the decoder raises nothing and says how the stream ended."""
    place = data.draw(st.integers(0, len(wire) - 1))
    name, value = wire[place]
    if data.draw(st.booleans()):
        value = data.draw(any_json)
    else:
        value = json.loads(json.dumps(value))
        inner = value.get("delta") or value.get("content_block") or value
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(any_json)
    decoder = CONVERTER.stream_decoder(ticket())
    events = [event for item in (*wire[:place], (name, value), *wire[place + 1 :]) for event in decoder.feed(*item)]
    events += decoder.finish()
    assert isinstance(events[-1], End | Failed)
    opened: set[int] = set()
    for event in events:
        if isinstance(event, BlockStart):
            opened.add(event.block)
        elif hasattr(event, "block"):
            assert event.block in opened


# ------------------------------------------------------------------------------------------------------------------------------ encoder


def test_interleaved_calls_are_told_one_after_the_other() -> None:
    """The chat wire keeps all calls open: the first streams, the others wait and follow whole, in the order in which they began."""
    wire, losses = encode(
        Start(format="openai_chat"),
        BlockStart(0, "text"),
        TextDelta(0, "Both."),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="a", name="f"),
        ArgumentsDelta(1, '{"x"'),
        BlockStart(2, "tool_call", id="b", name="g"),
        ArgumentsDelta(2, "{"),
        ArgumentsDelta(1, ":1}"),
        ArgumentsDelta(2, "}"),
        BlockStart(3, "tool_call", id="c", name="h"),
        BlockEnd(2),
        BlockEnd(1),
        BlockEnd(3),
        ChoiceEnd(0, Finish("tool_calls")),
        UsageUpdate(Usage(input_uncached=10, cache_read=2, output_total=4)),
        End(),
    )
    assert told_events(wire) == [
        "message_start",
        (0, "+text"),
        (0, "Both."),
        (0, "-"),
        (1, "+tool_use"),
        (1, '{"x"'),
        (1, ":1}"),
        (1, "-"),
        (2, "+tool_use"),
        (2, "{}"),
        (2, "-"),
        (3, "+tool_use"),
        (3, "-"),
        "message_delta",
        "message_stop",
    ]
    assert losses == []
    message = sdk_message(wire)
    assert [(block.id, block.input) for block in message.content[1:]] == [("a", {"x": 1}), ("b", {}), ("c", {})]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.cache_read_input_tokens) == ("tool_use", 10, 2)
    assert wire[0].data["message"]["usage"]["input_tokens"] == 7, "an estimate until somebody counted"  # type: ignore[index]


def test_a_call_streams_while_others_wait() -> None:
    """Nothing of the open block is held back."""
    encoder = CONVERTER.stream_encoder(reply())
    encoder.feed(Start())
    encoder.feed(BlockStart(0, "tool_call", id="a", name="f"))
    encoder.feed(BlockStart(1, "text"))
    assert encoder.feed(TextDelta(1, "later")) == []
    assert told_events(encoder.feed(ArgumentsDelta(0, "{"))) == [(0, "{")]
    assert told_events(encoder.feed(BlockEnd(0))) == [(0, "-"), (1, "+text"), (1, "later")]
    assert told_events(encoder.feed(TextDelta(1, "!"))) == [(1, "!")]


def test_no_empty_blocks() -> None:
    """A text without words, thoughts without words or state, and a foreign part without words open nothing."""
    wire, losses = encode(
        Start(),
        BlockStart(0, "text"),
        BlockEnd(0),
        BlockStart(1, "reasoning"),
        BlockEnd(1),
        BlockStart(2, "data"),
        BlockData(2, Media("image", Inline("a"), "image/png")),
        BlockEnd(2),
        ChoiceEnd(0, Finish("stop")),
        End(),
    )
    assert told_events(wire) == ["message_start", "message_delta", "message_stop"]
    assert losses == [("dropped", "image", "")]


def test_thoughts_are_signed_when_they_end() -> None:
    """Foreign states in one envelope after the text; summaries are joined by a blank line; a call's own state in an empty block before it."""
    encrypted = Seal("encrypted", "RU5D", "openai", "gpt", item_id="rs_1", texts=("a", "b"))
    google = Seal("thought_signature", "R0c=", "google", "gemini", bound="part")
    wire, _ = encode(
        Start(format="openai_responses"),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "a"),
        ReasoningDelta(0, "b", 1),
        SealDelta(0, encrypted),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="c", name="f", seal=google),
        BlockEnd(1),
        BlockStart(2, "text"),
        TextDelta(2, "x"),
        SealDelta(2, google),
        BlockEnd(2),
        BlockStart(3, "reasoning"),
        ReasoningDelta(3, "unsigned", raw=True),
        BlockEnd(3),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    message = sdk_message(wire)
    assert [block.type for block in message.content] == ["thinking", "thinking", "tool_use", "text", "thinking", "thinking"]
    assert message.content[0].thinking == "a\n\nb"
    found = [seals.unwrap(block.signature) for block in message.content if block.type == "thinking"]
    assert found == [(encrypted,), (google,), (msgspec.structs.replace(google, bound="before"),), ()]


def test_own_states_go_bare() -> None:
    """A signature and redacted thinking of Anthropic are written as Anthropic writes them."""
    wire, _ = encode(
        Start(id="msg_up", format="anthropic"),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        SealDelta(0, Seal("signature", "c2ln", "claude", "x", texts=("Hm.",))),
        BlockEnd(0),
        BlockStart(1, "reasoning"),
        SealDelta(1, Seal("redacted", "cmVk", "claude", "x")),
        BlockEnd(1),
        ChoiceEnd(0, Finish("stop")),
        End(),
    )
    message = sdk_message(wire)
    assert (message.id, message.content[0].signature, message.content[1].data) == ("msg_up", "c2ln", "cmVk")


def test_omitted_thoughts_are_not_shown() -> None:
    """A client that asked for no text of thoughts gets a signed empty block."""
    text = Seal("text", "", "deepseek", "d", texts=("Hm.",))
    events = (
        Start(),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        SealDelta(0, text),
        BlockEnd(0),
        ChoiceEnd(0, Finish("stop")),
        End(),
    )
    wire, _ = encode(*events, visible=False)
    (block,) = sdk_message(wire).content
    assert (block.thinking, seals.unwrap(block.signature)) == ("", (text,))


def test_a_refusal_is_text_and_a_reason() -> None:
    """The words of a refusal are shown, and the reason says what they are."""
    wire, _ = encode(Start(), BlockStart(0, "refusal"), RefusalDelta(0, "No."), BlockEnd(0), ChoiceEnd(0, Finish("stop")), End())
    message = sdk_message(wire)
    assert (message.content[0].text, message.stop_reason) == ("No.", "refusal")


def test_only_the_first_choice_is_shown() -> None:
    """Further choices are one loss, log probabilities another, foreign citations one for their block."""
    citation = Citation("openai_chat", {}, url="https://e.com")
    wire, losses = encode(
        Start(),
        BlockStart(0, "text"),
        BlockStart(1, "text", 1),
        TextDelta(0, "a"),
        TextDelta(1, "b"),
        CitationDelta(0, citation),
        CitationDelta(0, citation),
        LogprobsDelta(0, [{}]),
        LogprobsDelta(1, [{}]),
        BlockEnd(1),
        ChoiceEnd(1, Finish("stop")),
        BlockEnd(0),
        ChoiceEnd(0, Finish("length")),
        End(),
    )
    message = sdk_message(wire)
    assert ([block.text for block in message.content], message.stop_reason) == (["a"], "max_tokens")
    assert losses == [("dropped", "choices", ""), ("dropped", "citations", ""), ("dropped", "logprobs", "")]


def test_hosted_blocks_and_events_of_the_own_wire() -> None:
    """Opaque blocks are told as their wire tells them, foreign ones in words; own events pass, others do not."""
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}
    wire, losses = encode(
        Start(format="anthropic", extras={"container": {"id": "c"}}),
        BlockStart(0, "data"),
        BlockData(0, Opaque("anthropic", "server_tool_use", use)),
        BlockEnd(0),
        OpaqueEvent(Opaque("anthropic", "novelty", {"type": "novelty"})),
        OpaqueEvent(Opaque("openai_responses", "response.x", {"type": "response.x"})),
        BlockStart(1, "data"),
        BlockData(1, Opaque("openai_responses", "x", {}, text="words")),
        BlockEnd(1),
        ChoiceEnd(0, Finish("pause", "pause_turn")),
        End({"container": {"id": "c"}, "context_management": {"applied_edits": []}}),
    )
    assert told_events(wire) == [
        "message_start",
        (0, "+server_tool_use"),
        (0, '{"q":1}'),
        (0, "-"),
        "novelty",
        (1, "+text"),
        (1, "words"),
        (1, "-"),
        "message_delta",
        "message_stop",
    ]
    last = wire[-2].data
    assert last is not None
    assert (last["delta"]["stop_reason"], last["delta"]["container"]) == ("pause_turn", {"id": "c"})
    assert last["context_management"] == {"applied_edits": []}
    assert losses == [("approximated", "part", "")]


def test_free_text_for_a_client_without_it_is_wrapped() -> None:
    """A custom call comes as JSON: this wire has no free text."""
    wire, _ = encode(
        Start(),
        BlockStart(0, "tool_call", id="c", name="patch", tool_kind="custom"),
        ArgumentsDelta(0, "*** "),
        ArgumentsDelta(0, 'Begin "'),
        BlockEnd(0),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert sdk_message(wire).content[0].input == {"input": '*** Begin "'}


@pytest.mark.parametrize("events", [[], [Start()], [Start(), BlockStart(0, "text"), TextDelta(0, "Hi")]])
@pytest.mark.parametrize("failed", [True, False])
def test_a_failure_is_the_last_word(events: list[Event], failed: bool) -> None:
    """A failed stream, or one that just stopped, ends in an error event, without any polite ending."""
    encoder = CONVERTER.stream_encoder(reply())
    wire = [one for event in events for one in encoder.feed(event)]
    wire += encoder.feed(Failed(Failure("overloaded", "Busy"))) if failed else encoder.finish()
    assert wire[-1].event == "error"
    assert wire[-1].data == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Busy"}
        if failed
        else {"type": "api_error", "message": "the stream ended in the middle of the answer"},
    }
    assert encoder.feed(TextDelta(0, "x")) == []
    assert encoder.feed(End()) == []
    assert encoder.finish() == []
    with pytest.raises(anthropic.APIStatusError):
        sdk_message(wire)


def test_the_head_may_be_opened_early() -> None:
    """Opening twice is opening once, and what comes later fits."""
    encoder = CONVERTER.stream_encoder(reply(input_tokens=99))
    wire = [*encoder.open(), *encoder.open()]
    for event in (Start(id="up"), UsageUpdate(Usage(output_total=2)), ChoiceEnd(0, Finish("stop")), End()):
        wire += encoder.feed(event)
    message = sdk_message(wire)
    assert (message.id, message.usage.input_tokens, message.usage.output_tokens) == ("msg_1", 99, 2)
    assert encoder.open() == []


def test_a_tier_that_is_told_last_is_told() -> None:
    """Where the upstream names the tier at its end, it stands in the last counts, and our own decoder finds it there."""
    wire, _ = encode(Start(), ChoiceEnd(0, Finish("stop")), End(service_tier="default"))
    assert wire[-2].data is not None
    assert wire[-2].data["usage"] == {"output_tokens": 0, "service_tier": "standard"}
    assert decode(*(event.data for event in wire))[-1] == End(service_tier="default")


def test_a_stream_is_the_whole_answer() -> None:
    """The unary encoder and the stream tell the same content."""
    encrypted = Seal("encrypted", "RU5D", "openai", "gpt", item_id="rs_1")
    from rosetta.ir.response import Choice, Response

    parts = (
        Reasoning(("a", "b"), seals=(encrypted,)),
        Text("x"),
        ToolCall("c", "f", '{"a":1}', seal=Seal("thought_signature", "R0c=", "google", "g", bound="part")),
        ToolCall("d", "f", "{}"),
    )
    response = Response("openai_responses", (Choice(0, parts, Finish("tool_calls")),), usage=Usage(input_uncached=1, output_total=2))
    whole = CONVERTER.encode_response(response, reply()).value
    wire, _ = encode(*unfold(response))
    streamed = sdk_message(wire).to_dict()
    assert [{key: value for key, value in block.items() if value is not None} for block in streamed["content"]] == whole["content"]
    assert (streamed["stop_reason"], streamed["usage"]["output_tokens"]) == (whole["stop_reason"], 2)


def test_a_message_may_come_whole_in_its_start() -> None:
    """Proxies that do not stream answer so; the official SDK reads it."""
    whole = {
        **START["message"],
        "content": [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}],
    }
    events = decode({"type": "message_start", "message": {**whole, "stop_reason": "tool_use"}}, STOP)
    choice = fold(events, "anthropic").choices[0]
    assert choice.parts == (Text("Hi"), ToolCall("toolu_1", "f", '{"a":1}'))
    assert choice.finish == Finish("tool_calls", "tool_use")


def test_an_input_in_json_text_is_read() -> None:
    """Some servers write the arguments as the text that they are elsewhere, whole and streamed."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": '{"a":1}'}
    events = decode(START, {"type": "content_block_start", "index": 0, "content_block": block}, DONE, STOP)
    assert fold(events, "anthropic").choices[0].parts == (ToolCall("toolu_1", "f", '{"a":1}'),)
    whole = CONVERTER.decode_response({"content": [block]}, ticket()).value
    assert whole.choices[0].parts == (ToolCall("toolu_1", "f", '{"a":1}', "content.0"),)


def test_what_a_streamed_block_has_no_place_for_is_told() -> None:
    """A whole answer keeps unknown fields with their parts; the events of a stream are too small for them."""
    decoder = CONVERTER.stream_decoder(ticket())
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "caller": {"type": "direct"}}
    decoder.feed("message_start", START)
    decoder.feed("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block})
    assert told(decoder.losses) == [("dropped", "caller", "content.0")]
