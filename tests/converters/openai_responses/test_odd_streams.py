"""Streams of servers that do not keep to the rules: what came is kept, what cannot be read is said."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Json, Reply
from rosetta.converters.openai_responses import CONVERTER
from rosetta.fold import fold
from rosetta.ir.events import BlockData, BlockEnd, BlockStart, ChoiceEnd, Failed, LogprobsDelta
from rosetta.ir.parts import Opaque, Text, ToolCall
from rosetta.ir.request import Request
from rosetta.ir.response import Finish
from tests.converters.openai_responses.surroundings import counted_ids, read, ticket, told

CREATED = {"type": "response.created", "response": {"id": "resp_1"}}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather"}


def added(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def completed(*output: Json, **fields: Any) -> Json:
    return {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": list(output), **fields}}


def arguments(text: Any, index: int = 0) -> Json:
    return {"type": "response.function_call_arguments.delta", "output_index": index, "delta": text}


def parts(*events: Json) -> tuple[Any, ...]:
    return fold(read(CREATED, *events), "openai_responses").choices[0].parts


@pytest.mark.parametrize(
    "events",
    [
        [done({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}]}), completed()],
        [completed()],
    ],
    ids=["another type ends it", "nobody ends it"],
)
def test_a_hosted_call_that_is_not_ended_is_what_it_was_when_it_began(events: list[Json]) -> None:
    """A block of data without data would be nothing that an encoder can show."""
    found = read(CREATED, added(SEARCH), *events)
    assert [
        BlockStart(0, "data", id="ws_1"),
        BlockData(0, Opaque("openai_responses", "web_search_call", SEARCH, "output.0")),
        BlockEnd(0),
    ] == found[1:4]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta", "output_index": 0, "delta": ["Hi"]},
        {"type": "response.refusal.delta", "output_index": 0, "delta": ["No"]},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": ["Hm"]},
        {"type": "response.reasoning_text.done", "output_index": 0, "text": ["Hm"]},
        arguments({"city": "Oslo"}, 1),
        added({**CALL, "name": {"of": "it"}}),
        added({**CALL, "call_id": ["call_1"]}),
        added({"type": 5}),
    ],
)
def test_what_is_no_text_ends_the_stream_in_words(event: Json) -> None:
    """Passed on, it would break the encoder in the middle of the client's answer."""
    found = read(CREATED, added(CALL, 1), event, completed())
    assert isinstance(found[-1], Failed)
    assert "cannot be read" in found[-1].failure.message


def test_log_probabilities_that_are_none_are_left_out() -> None:
    """Whole and streamed; every client survives the rest."""
    entry = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi", "logprobs": [1, entry, "x"]}
    found = read(CREATED, delta, completed())
    assert [LogprobsDelta(0, [entry])] == [event for event in found if isinstance(event, LogprobsDelta)]
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi", "logprobs": [1, entry]}]}
    whole = CONVERTER.decode_response({"status": "completed", "output": [message]}, ticket()).value
    assert {"content": [entry]} == whole.choices[0].logprobs
    for converter in CONVERTERS.values():
        encoder = converter.stream_encoder(Reply(Request(converter.format, "m", ()), "m", 0, counted_ids()))
        for event in found:
            encoder.feed(event)
        assert [] == encoder.finish()


def test_arguments_that_come_before_the_name_are_kept() -> None:
    """The call is known by its end alone, its arguments by their deltas alone."""
    found = parts(added({"type": "function_call", "id": "fc_1"}), arguments('{"city":'), arguments('"Oslo"}'), done(CALL), completed())
    assert (ToolCall("call_1", "weather", '{"city":"Oslo"}'),) == found


def test_calls_under_one_item_id_are_two() -> None:
    """Some servers give every item the same id: then their places tell them apart."""
    other = {**CALL, "call_id": "call_2"}
    whole = [{**CALL, "arguments": '{"a":1}'}, {**other, "arguments": '{"b":2}'}]
    found = parts(added(CALL), added(other, 1), completed(*whole))
    assert (ToolCall("call_1", "weather", '{"a":1}'), ToolCall("call_2", "weather", '{"b":2}')) == found


@pytest.mark.parametrize(("kind", "finish"), [("completed", Finish("stop", "completed")), ("incomplete", Finish("other", "incomplete"))])
def test_the_event_itself_says_that_it_is_the_end(kind: str, finish: Finish) -> None:
    """Whatever its response says of its status, or the data of its type."""
    response = {"status": "in_progress", "output": []}
    for event in ({"type": f"response.{kind}", "response": response}, {"response": response}):
        decoder = CONVERTER.stream_decoder(ticket())
        found = decoder.feed(f"response.{kind}", event)
        assert [finish] == [event.finish for event in found if isinstance(event, ChoiceEnd)]


def test_what_a_stream_has_no_place_for_is_told() -> None:
    """A whole answer keeps unknown fields with their parts; the events of a stream are too small for them."""
    decoder = CONVERTER.stream_decoder(ticket())
    message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}], "mood": "good"}
    for event in (CREATED, added(CALL), done({**CALL, "arguments": "{}", "caller": {"type": "direct"}}), done(message, 1), completed()):
        decoder.feed(event["type"], event)
    assert [("caller", "dropped", "output.0"), ("mood", "dropped", "output.1")] == told(decoder.losses)
    coded = CONVERTER.decode_response({"status": "completed", "output": [message]}, ticket())
    assert [("mood", "dropped", "output.0")] == told(coded.losses)
    assert (Text("Hi", "output.0.content.0"),) == coded.value.choices[0].parts


def test_words_after_the_end_of_an_item_end_too() -> None:
    """Also where the item is then begun once more under the same number."""
    message = {"type": "message", "id": "msg_1", "content": []}
    late = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "late"}
    found = read(CREATED, added(message), done(message), late, added(message), completed())
    begun = [event.block for event in found if isinstance(event, BlockStart)]
    assert [event.block for event in found if isinstance(event, BlockEnd)] == begun == [0]
    assert isinstance(found[-2], ChoiceEnd)
