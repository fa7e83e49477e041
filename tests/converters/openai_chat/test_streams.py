"""What chat servers really send, and what chat clients can really read."""

from typing import Any

import pytest

from rosetta.converters.converter import Reply, Ticket
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.errors import Failure
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    End,
    Event,
    Failed,
    ReasoningDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.parts import Seal
from rosetta.ir.request import Request, ToolName
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage


def new_id(prefix: str) -> str:
    return f"{prefix}new"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "created": 1, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)})


def decoded(*chunks: dict[str, Any] | None, names: dict[str, ToolName] | None = None) -> list[Event]:
    """The events of a stream; None is [DONE]."""
    decoder = CONVERTER.stream_decoder(Ticket("maker", "model", new_id, names or {}, True, Dialect()))
    events = [event for value in chunks for event in decoder.feed(None, value)]
    return [*events, *decoder.finish()]


def arguments(events: list[Event]) -> dict[str, str]:
    """Call id -> its arguments."""
    started = {event.block: str(event.id) for event in events if isinstance(event, BlockStart) and event.kind == "tool_call"}
    out = dict.fromkeys(started.values(), "")
    for event in events:
        if isinstance(event, ArgumentsDelta):
            out[started[event.block]] += event.text
    return out


def test_interleaved_calls_stay_apart() -> None:
    """Pieces of two calls may alternate: the index tells them apart, and both end at the finish."""
    events = decoded(
        calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}),
        calls({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}),
        calls({"index": 0, "function": {"arguments": '{"x"'}}, {"index": 1, "function": {"arguments": "{}"}}),
        calls({"index": 0, "function": {"arguments": ":1}"}}),
        chunk({}, "tool_calls"),
        None,
    )
    assert {"a": '{"x":1}', "b": "{}"} == arguments(events)
    assert [BlockEnd, BlockEnd, ChoiceEnd, End] == [type(event) for event in events[-4:]]


@pytest.mark.parametrize(
    "second",
    [
        {"id": "b", "function": {"name": "f", "arguments": "{}"}},
        {"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}},
    ],
    ids=["without an index", "index always 0"],
)
def test_a_new_id_is_a_new_call(second: dict[str, Any]) -> None:
    """Servers leave the index out or always send 0: two ids are two calls all the same."""
    events = decoded(
        calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}), calls(second), chunk({}, "tool_calls"), None
    )
    assert ["a", "b"] == list(arguments(events))


def test_an_id_on_every_piece_is_still_one_call() -> None:
    """Some servers repeat id and name: the name must not grow."""
    piece = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}
    events = decoded(calls(piece), calls({**piece, "function": {"name": "f", "arguments": ":1}"}}), chunk({}, "tool_calls"), None)
    assert {"a": '{"x":1}'} == arguments(events)
    assert ["f"] == [event.name for event in events if isinstance(event, BlockStart)]


def test_arguments_may_be_an_object() -> None:
    """Ollama sends objects where OpenAI sends text, and says stop although it called."""
    events = decoded(calls({"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}), chunk({}, "stop"), None)
    assert {"a": '{"x":1}'} == arguments(events)
    assert Finish("tool_calls", "stop") == next(event.finish for event in events if isinstance(event, ChoiceEnd))


def test_one_chunk_may_bring_thoughts_and_text() -> None:
    """DeepSeek's chunk with both: nothing of it is lost, and the thoughts are sealed when they end."""
    events = decoded(chunk({"reasoning_content": "hm", "content": "yes"}), chunk({}, "stop"), None)
    assert [
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "hm"),
        SealDelta(0, Seal("text", "", "maker", "model", texts=("hm",))),
        BlockEnd(0),
        BlockStart(1, "text"),
        TextDelta(1, "yes"),
        BlockEnd(1),
    ] == events[1:8]


def test_usage_may_come_after_the_finish_or_never() -> None:
    """OpenAI sends it in a chunk of its own, many local servers not at all: both streams end well."""
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 4}}
    late = decoded(chunk({"content": "a"}, "stop"), {"choices": [], "usage": usage}, None)
    assert Usage(input_uncached=6, cache_read=4, output_total=2) == next(event.usage for event in late if isinstance(event, UsageUpdate))
    assert isinstance(late[-1], End)
    assert isinstance(decoded(chunk({"content": "a"}, "stop"), None)[-1], End)


def test_azures_first_chunk_without_choices_is_no_end() -> None:
    """Azure begins with content filter results and no choices."""
    events = decoded({"id": "", "choices": [], "prompt_filter_results": []}, chunk({"content": "a"}, "stop"), None)
    assert isinstance(events[-1], End)


def test_an_error_with_empty_choices_is_an_error() -> None:
    """OpenRouter fails within a stream of status 200: it is no usage chunk."""
    events = decoded(chunk({"content": "a"}), {"choices": [], "error": {"message": "Overloaded", "code": 503}})
    assert isinstance(events[-1], Failed)
    assert "overloaded" == events[-1].failure.kind


def test_a_stream_that_just_ends_is_truncated() -> None:
    """Neither finish nor [DONE]: never a polite end."""
    events = decoded(chunk({"content": "a"}))
    assert isinstance(events[-1], Failed)
    assert "truncated" == events[-1].failure.kind


def test_a_custom_tool_is_unwrapped_while_it_arrives() -> None:
    """The client declared free text: it gets free text, under its own name, in the pieces in which it came."""
    names = {"ns__patch": ToolName("patch", "ns", "custom")}
    events = decoded(
        calls({"index": 0, "id": "a", "function": {"name": "ns__patch", "arguments": '{"inp'}}),
        calls({"index": 0, "function": {"arguments": 'ut":"a\\n'}}),
        calls({"index": 0, "function": {"arguments": 'b"}'}}),
        chunk({}, "tool_calls"),
        None,
        names=names,
    )
    assert {"a": "a\nb"} == arguments(events)
    assert BlockStart(0, "tool_call", 0, "a", "patch", "custom", "ns") in events


def encoded(*events: Event, include_usage: bool = False) -> list[Any]:
    """The chunks of a client's stream."""
    reply = Reply(Request("openai_chat", "m", (), include_usage=include_usage), "shown", 7, new_id)
    encoder = CONVERTER.stream_encoder(reply)
    return [wire.data for event in events for wire in encoder.feed(event)] + [wire.data for wire in encoder.finish()]


TEXT = (Start(), BlockStart(0, "text"), TextDelta(0, "a"), BlockEnd(0), UsageUpdate(Usage(input_uncached=1, output_total=1)))


def test_a_client_reads_role_text_finish_and_done() -> None:
    """The role once and first, an explicit null finish until the last, [DONE] at the end; usage only for who asked."""
    chunks = encoded(*TEXT, ChoiceEnd(0, Finish("stop")), End())
    assert None is chunks[-1]
    assert [{"role": "assistant", "content": ""}, {"content": "a"}, {}] == [data["choices"][0]["delta"] for data in chunks[:-1]]
    assert [None, None, "stop"] == [data["choices"][0]["finish_reason"] for data in chunks[:-1]]
    asked = encoded(*TEXT, ChoiceEnd(0, Finish("stop")), End(), include_usage=True)
    assert ([], 2) == (asked[-2]["choices"], asked[-2]["usage"]["total_tokens"])


def test_a_call_tells_its_id_and_name_once() -> None:
    """OpenAI's helper joins what is repeated; a call without arguments gets an empty object."""
    chunks = encoded(Start(), BlockStart(0, "tool_call", id="a", name="f"), BlockEnd(0), ChoiceEnd(0, Finish("tool_calls")), End())
    pieces = [piece for data in chunks[:-1] for piece in data["choices"][0]["delta"].get("tool_calls", [])]
    assert [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{}"}},
    ] == pieces


def test_a_foreign_state_rides_on_the_next_call() -> None:
    """A signature has no field on this wire: the call that follows carries it in extra_content, on its first piece."""
    seal = Seal("signature", "sig", "claude", "m", texts=("hm",))
    chunks = encoded(
        Start(),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "hm"),
        SealDelta(0, seal),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="a", name="f"),
        BlockEnd(1),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    first = next(piece for data in chunks[:-1] for piece in data["choices"][0]["delta"].get("tool_calls", []))
    assert first["extra_content"]["google"]["thought_signature"].startswith("rst1.")


def test_a_failed_stream_has_an_error_and_no_done() -> None:
    """After an error nothing follows, neither a finish nor [DONE]."""
    chunks = encoded(*TEXT, ChoiceEnd(0, Finish("stop")), Failed(Failure("truncated", "cut")))
    assert "cut" == chunks[-1]["error"]["message"]
    assert all(data["choices"][0]["finish_reason"] is None for data in chunks[:-1])
