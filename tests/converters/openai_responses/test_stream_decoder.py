"""An upstream's stream in IR events, however much of it the server left out."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters.converter import Json
from rosetta.converters.openai_responses import CONVERTER
from rosetta.fold import fold
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
from rosetta.ir.parts import Inline, Media, Opaque, Part, Seal, Text, ToolCall
from rosetta.ir.request import ToolName
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage
from tests.converters.openai_responses.surroundings import read, ticket

CREATED = {
    "type": "response.created",
    "response": {"id": "resp_1", "model": "gpt-x", "created_at": 5, "status": "in_progress", "output": []},
}
TEXT = {"type": "output_text", "text": "Hello", "annotations": []}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": [TEXT]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "a", "arguments": '{"x":1}'}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "ZW5j"}


def event(kind: str, index: int = 0, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": index, **fields}


def completed(*output: Json, status: str = "completed", **fields: Any) -> Json:
    return {"type": f"response.{status}", "response": {"id": "resp_1", "status": status, "output": list(output), **fields}}


def parts(*events: Json, **fields: Any) -> tuple[Part, ...]:
    """The parts of the answer that these events tell after the first one."""
    return fold(read(CREATED, *events, **fields), "openai_responses").choices[0].parts


WHOLE = [
    CREATED,
    {"type": "response.in_progress", "response": CREATED["response"]},
    event("output_item.added", 0, item={"type": "reasoning", "id": "rs_1", "summary": []}),
    event("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
    event("reasoning_summary_text.delta", 0, summary_index=0, delta="Hm."),
    event("reasoning_summary_text.done", 0, summary_index=0, text="Hm."),
    event("output_item.done", 0, item=THOUGHT),
    event("output_item.added", 1, item={"type": "message", "id": "msg_1", "content": [], "phase": "commentary"}),
    event("content_part.added", 1, content_index=0, part={**TEXT, "text": ""}),
    event("output_text.delta", 1, content_index=0, delta="Hel", logprobs=[]),
    event("output_text.delta", 1, content_index=0, delta="lo", logprobs=[]),
    event("output_text.annotation.added", 1, content_index=0, annotation={"type": "url_citation", "url": "https://a.test"}),
    event("output_text.done", 1, content_index=0, text="Hello"),
    event("content_part.done", 1, content_index=0, part={**TEXT, "annotations": [{"type": "url_citation", "url": "https://a.test"}]}),
    event("output_item.done", 1, item=MESSAGE),
    event("output_item.added", 2, item={**CALL, "arguments": ""}),
    event("function_call_arguments.delta", 2, delta='{"x"'),
    event("function_call_arguments.delta", 2, delta=":1}"),
    event("function_call_arguments.done", 2, arguments='{"x":1}'),
    event("output_item.done", 2, item=CALL),
    completed(THOUGHT, MESSAGE, CALL, usage={"input_tokens": 3, "output_tokens": 2}, service_tier="default", billing={"payer": "me"}),
]


def test_a_whole_stream() -> None:
    """Blocks open and close in order; the state comes with the item that is done; usage and tier come last."""
    seal = Seal("encrypted", "ZW5j", "openai", "gpt-x", "rs_1", texts=("Hm.",))
    found = read(*WHOLE)
    citation = found[8]
    assert isinstance(citation, CitationDelta)
    assert citation.citation.url == "https://a.test"
    assert found == [
        Start("resp_1", "gpt-x", 5, "openai_responses"),
        BlockStart(0, "reasoning", id="rs_1"),
        ReasoningDelta(0, "Hm."),
        SealDelta(0, seal),
        BlockEnd(0),
        BlockStart(1, "text", phase="commentary"),
        TextDelta(1, "Hel"),
        TextDelta(1, "lo"),
        citation,
        BlockEnd(1),
        BlockStart(2, "tool_call", id="c1", name="a"),
        ArgumentsDelta(2, '{"x"'),
        ArgumentsDelta(2, ":1}"),
        BlockEnd(2),
        UsageUpdate(Usage(input_uncached=3, output_total=2)),
        ChoiceEnd(0, Finish("tool_calls", "completed")),
        End({"billing": {"payer": "me"}}, "default"),
    ]


@pytest.mark.parametrize("kept", [{"delta"}, {".done"}, {"output_item.done"}, {"response.completed"}, {"output_item.added", ".delta"}])
def test_what_is_left_out_is_found_elsewhere(kept: set[str]) -> None:
    """Deltas alone, ``done`` events alone, items alone or the terminal event alone tell the same answer."""
    thinned = [data for data in WHOLE[2:-1] if any(word in data["type"] for word in kept)]
    found = parts(*thinned, WHOLE[-1])
    text = next(part for part in found if isinstance(part, Text))
    call = next(part for part in found if isinstance(part, ToolCall))
    assert (len(found), text.text, call.arguments, call.id) == (3, "Hello", '{"x":1}', "c1")


def test_an_empty_output_at_the_end_takes_nothing_back() -> None:
    """What was streamed counts."""
    assert [type(part).__name__ for part in parts(*WHOLE[2:-1], completed())] == ["Reasoning", "Text", "ToolCall"]


def test_calls_may_interleave() -> None:
    """Each delta finds its call."""
    other = {**CALL, "id": "fc_2", "call_id": "c2", "name": "b", "arguments": '{"y":2}'}
    found = parts(
        event("output_item.added", 0, item={**CALL, "arguments": ""}),
        event("output_item.added", 1, item={**other, "arguments": ""}),
        event("function_call_arguments.delta", 1, delta='{"y"'),
        event("function_call_arguments.delta", 0, delta='{"x":1}'),
        event("function_call_arguments.delta", 1, delta=":2}"),
        event("output_item.done", 1, item=other),
        event("output_item.done", 0, item=CALL),
        completed(CALL, other),
    )
    assert [part.arguments for part in found if isinstance(part, ToolCall)] == ['{"x":1}', '{"y":2}']


def test_items_without_an_index_are_told_apart_by_their_ids() -> None:
    """Some servers leave ``output_index`` out."""

    def bare(kind: str, **fields: Any) -> Json:
        return {"type": f"response.{kind}", **fields}

    found = parts(
        bare("output_item.added", item={"type": "message", "id": "msg_1", "content": []}),
        bare("output_text.delta", item_id="msg_1", delta="Hello"),
        bare("output_item.added", item={**CALL, "arguments": ""}),
        bare("function_call_arguments.delta", item_id="fc_1", delta='{"x":1}'),
        bare("output_item.done", item=MESSAGE),
        bare("output_item.done", item=CALL),
        completed(MESSAGE, CALL),
    )
    assert found == (Text("Hello"), ToolCall("c1", "a", '{"x":1}'))


def test_a_call_without_a_name_waits_for_it() -> None:
    """The name is final when the block begins."""
    found = parts(
        event("output_item.added", 0, item={"type": "function_call", "id": "fc_1"}),
        event("function_call_arguments.delta", 0, delta='{"x"'),
        event("output_item.done", 0, item=CALL),
        completed(),
    )
    assert found == (ToolCall("c1", "a", '{"x":1}'),)


def test_free_text_is_unwrapped_while_it_streams() -> None:
    """A custom tool that was sent as a function: its text comes out of the JSON piece by piece, escapes cut anywhere."""
    wrapped = r'{"input":"ls\n\ud83d\ude00"}'
    names = {"ns__exec": ToolName("exec", "ns", "custom")}
    item = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "ns__exec", "arguments": wrapped}
    found = read(
        CREATED,
        event("output_item.added", 0, item={**item, "arguments": ""}),
        *[event("function_call_arguments.delta", 0, delta=char) for char in wrapped],
        event("output_item.done", 0, item=item),
        completed(item),
        names=names,
    )
    assert found[1] == BlockStart(0, "tool_call", id="c1", name="exec", tool_kind="custom", namespace="ns")
    assert "".join(delta.text for delta in found if isinstance(delta, ArgumentsDelta)) == "ls\n😀"
    assert parts(event("output_item.done", 0, item=item), completed(), names=names) == (
        ToolCall("c1", "exec", "ls\n😀", kind="custom", namespace="ns"),
    )


def test_native_free_text_is_text() -> None:
    """Custom calls stream their input as it is."""
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "exec", "namespace": "functions", "input": "ls -l"}
    found = parts(
        event("output_item.added", 0, item={**item, "input": ""}),
        event("custom_tool_call_input.delta", 0, delta="ls"),
        event("custom_tool_call_input.done", 0, input="ls -l"),
        event("output_item.done", 0, item=item),
        completed(item),
    )
    assert found == (ToolCall("c1", "exec", "ls -l", kind="custom", namespace="functions"),)


def test_calls_without_arguments() -> None:
    """None at all, an object in place of text: both are read."""
    empty = {**CALL, "arguments": ""}
    assert parts(event("output_item.added", 0, item=empty), event("output_item.done", 0, item=empty), completed(empty)) == (
        ToolCall("c1", "a", ""),
    )
    assert parts(event("output_item.done", 0, item={**CALL, "arguments": {"x": 1}}), completed()) == (ToolCall("c1", "a", '{"x":1}'),)


def test_the_verbatim_chain_is_told_from_the_summary() -> None:
    """Open models stream their thoughts as ``reasoning_text``."""
    found = read(
        CREATED,
        event("reasoning_text.delta", 0, item_id="rs_1", content_index=0, delta="Step"),
        event("reasoning_text.done", 0, content_index=0, text="Step one."),
        event("reasoning_summary_text.done", 0, summary_index=1, text="Second."),
        completed(),
    )
    assert [data for data in found if isinstance(data, ReasoningDelta)] == [
        ReasoningDelta(0, "Step", raw=True),
        ReasoningDelta(0, " one.", raw=True),
        ReasoningDelta(0, "Second.", 1),
    ]


def test_refusals_are_no_text() -> None:
    """And explain the end."""
    found = read(
        CREATED,
        event("refusal.delta", 0, item_id="msg_1", content_index=0, delta="No"),
        event("refusal.done", 0, content_index=0, refusal="No."),
        completed(),
    )
    assert found[1:4] == [BlockStart(0, "refusal"), RefusalDelta(0, "No"), RefusalDelta(0, ".")]
    assert ChoiceEnd(0, Finish("refusal", "completed")) in found


def test_log_probabilities_come_with_the_text() -> None:
    """With a delta, or with the whole part where there were no deltas."""
    entry = {"token": "Hello", "logprob": -0.5, "bytes": [], "top_logprobs": []}
    assert LogprobsDelta(0, [entry]) in read(
        CREATED, event("output_text.delta", 0, content_index=0, delta="Hello", logprobs=[entry]), completed()
    )
    whole = {**MESSAGE, "content": [{**TEXT, "logprobs": [entry]}]}
    assert LogprobsDelta(0, [entry]) in read(CREATED, event("output_item.done", 0, item=whole), completed())


def test_hosted_calls_are_data() -> None:
    """Their progress is an event of its own; a generated picture is a picture, an unknown part of a message is opaque."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    picture = {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw0KGgo="}
    odd = {"type": "hologram", "data": 1}
    progress = event("web_search_call.searching", 0, item_id="ws_1")
    found = read(
        CREATED,
        event("output_item.added", 0, item={**search, "status": "in_progress"}),
        progress,
        event("output_item.done", 0, item=search),
        event("output_item.done", 1, item=picture),
        event("output_item.done", 2, item={**MESSAGE, "content": [odd]}),
        completed(),
    )
    assert OpaqueEvent(Opaque("openai_responses", "response.web_search_call.searching", progress)) in found
    assert [data.part for data in found if isinstance(data, BlockData)] == [
        Opaque("openai_responses", "web_search_call", search, "output.0"),
        Media("image", Inline("iVBORw0KGgo="), "image/png", "output.1"),
        Opaque("openai_responses", "hologram", odd, "output.content"),
    ]


@pytest.mark.parametrize(
    ("last", "finish"),
    [
        (completed(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), Finish("length", "max_output_tokens")),
        (completed(status="incomplete", incomplete_details={"reason": "content_filter"}), Finish("content_filter", "content_filter")),
        (completed(status="completed", incomplete_details={"reason": "max_output_tokens"}), Finish("length", "max_output_tokens")),
        (completed(status="completed", incomplete_details={"reason": {}}), Finish("stop", "completed")),
        ({"type": "response.completed"}, Finish("stop", "completed")),
        ({"type": "response.done"}, Finish("stop", "completed")),
        ({"type": "response.done", "response": {"status": "incomplete", "incomplete_details": None}}, Finish("other", "incomplete")),
        ({"type": "response.incomplete", "response": {}}, Finish("other", "incomplete")),
    ],
)
def test_why_it_stopped(last: Json, finish: Finish) -> None:
    """The terminal event tells, with or without a response."""
    found = read(CREATED, event("output_text.delta", 0, content_index=0, delta="Hel"), last)
    assert ChoiceEnd(0, finish) in found
    assert isinstance(found[-1], End)


@pytest.mark.parametrize(
    ("last", "kind", "message"),
    [
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}}, "rate_limited", "slow"),
        (
            {"type": "response.failed", "response": {"error": {"code": "context_length_exceeded", "message": "long"}}},
            "context_too_long",
            "long",
        ),
        ({"type": "response.failed", "response": {"error": None}}, "upstream_error", "the upstream sent an error without a message"),
        ({"type": "response.completed", "response": {"status": "failed", "error": {"message": "oh"}}}, "upstream_error", "oh"),
        ({"type": "response.done", "response": {"status": "failed", "error": {"message": "oh"}}}, "upstream_error", "oh"),
        ({"type": "response.cancelled", "response": {}}, "cancelled", "the upstream says that the response was cancelled"),
        ({"type": "error", "code": "server_error", "message": "flat", "param": None}, "upstream_error", "flat"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "nested"}}, "overloaded", "nested"),
        ({"error": {"message": "no type"}}, "upstream_error", "no type"),
    ],
)
def test_failures_after_200(last: Json, kind: str, message: str) -> None:
    """However they are told, they end the stream and nothing follows."""
    decoder = CONVERTER.stream_decoder(ticket())
    decoder.feed(None, CREATED)
    found = decoder.feed(None, last)
    assert len(found) == 1
    assert isinstance(found[0], Failed)
    assert (found[0].failure.kind, found[0].failure.message) == (kind, message)
    assert [*decoder.feed(None, WHOLE[-1]), *decoder.finish()] == []


@pytest.mark.parametrize("count", range(len(WHOLE)))
def test_a_stream_cut_anywhere_is_no_answer(count: int) -> None:
    """Without the terminal event nothing is polite about the end."""
    found = read(*WHOLE[:count])
    assert isinstance(found[-1], Failed)
    assert found[-1].failure.kind == "truncated"
    assert not any(isinstance(data, ChoiceEnd | End) for data in found)


def test_a_marked_end_counts_where_something_came() -> None:
    """Some servers end with ``[DONE]`` alone; with nothing before it, it says nothing."""

    def after(*events: Json) -> list[Event]:
        decoder = CONVERTER.stream_decoder(ticket())
        found = [data for wire in events for data in decoder.feed(None, wire)]
        return found + decoder.feed(None, None) + decoder.finish()

    assert after(*WHOLE[:-4])[-3:] == [BlockEnd(2), ChoiceEnd(0, Finish("tool_calls", "completed")), End()]
    assert isinstance(after(CREATED)[-1], Failed)
    assert after(*WHOLE)[-1] == read(*WHOLE)[-1]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "response.output_item.added"},
        {"type": "response.output_item.added", "item": 3},
        {"type": "response.output_text.delta", "output_index": 0, "delta": 3},
        {"type": ["x"]},
        3,
        [],
        "text",
    ],
)
def test_what_cannot_be_read_fails_once(broken: Any) -> None:
    """Nothing an upstream sends is raised."""
    decoder = CONVERTER.stream_decoder(ticket())
    decoder.feed(None, CREATED)
    found = decoder.feed(None, broken)
    assert [type(data) for data in found] == [Failed]
    assert decoder.feed(None, WHOLE[-1]) == []


def test_what_says_nothing_is_passed_over() -> None:
    """Empty deltas, deltas after the end of their item, starts told twice."""
    found = read(
        CREATED,
        CREATED,
        event("output_item.added", 0, item={**CALL, "arguments": ""}),
        event("output_item.added", 0, item={**CALL, "arguments": ""}),
        event("function_call_arguments.delta", 0, delta=""),
        event("output_item.done", 0, item=CALL),
        event("output_item.done", 0, item=CALL),
        event("function_call_arguments.delta", 0, delta="late"),
        event("function_call_arguments.done", 0, arguments="later and longer"),
        event("function_call_arguments.delta", 9, delta="nobody's"),
        event("output_text.delta", 1, content_index=0, delta=""),
        event("reasoning_summary_text.delta", 2, delta=""),
        completed(CALL),
    )
    assert [data for data in found if isinstance(data, ArgumentsDelta)] == [ArgumentsDelta(0, '{"x":1}')]
    assert [type(data) for data in found].count(Start) == 1
    assert [type(data) for data in found].count(BlockStart) == [type(data) for data in found].count(BlockEnd) == 1
