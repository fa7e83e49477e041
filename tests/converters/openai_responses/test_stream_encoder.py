"""IR events as Codex and OpenAI's SDKs read them: whole sequences, held against the SDK's own accumulator."""

from __future__ import annotations

import copy
from typing import Any, get_args

import pytest
from openai.types.responses import ResponseStreamEvent

from rosetta.converters import seals
from rosetta.converters.converter import WireEvent
from rosetta.converters.openai_responses import CONVERTER
from rosetta.fold import fold, unfold
from rosetta.ir.errors import Failure, FailureKind
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
from rosetta.ir.parts import Citation, Inline, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from rosetta.ir.response import Choice, Finish, FinishReason, Response
from rosetta.ir.usage import Usage
from tests.converters.openai_responses.surroundings import accumulated, counted_ids, decoded, iterated, names, reply, ticket, told, written

ENDED = (ChoiceEnd(0, Finish("stop")), End())
HEAD = ["created", "in_progress"]
SDK_TYPES = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(get_args(ResponseStreamEvent)[0])}
"""An event's name -> the SDK's type of it."""


def text(block: int, *pieces: str) -> tuple[Event, ...]:
    return (BlockStart(block, "text"), *[TextDelta(block, piece) for piece in pieces], BlockEnd(block))


def checked(*events: Event, **fields: Any) -> list[WireEvent]:
    """The stream of these events: numbered, named, every item done, and every event as the SDK types it."""
    wire, losses = written(*events, **fields)
    assert losses == []
    check(wire)
    return wire


def check(wire: list[WireEvent]) -> None:
    assert [event.data["sequence_number"] for event in wire if event.data] == list(range(len(wire)))
    assert all(event.data is not None and event.event == event.data["type"] for event in wire)
    for event in wire:
        data = copy.deepcopy(event.data)
        assert data is not None
        if event.event == "response.failed":
            data["response"]["error"]["code"] = "server_error"  # the SDK's list of codes lacks those which Codex knows
        SDK_TYPES[event.event].model_validate(data)
    opened = [event.data["output_index"] for event in wire if event.data and event.event == "response.output_item.added"]
    assert opened == list(range(len(opened)))


def items(wire: list[WireEvent]) -> list[dict[str, Any]]:
    """The items of the terminal event, which are those that were done."""
    assert wire[-1].data is not None
    output: list[dict[str, Any]] = wire[-1].data["response"]["output"]
    done = {event.data["output_index"]: event.data["item"] for event in wire if event.data and event.event == "response.output_item.done"}
    assert output == [done[index] for index in sorted(done)]
    return output


def test_text_in_its_whole_sequence() -> None:
    """From the opening to the terminal event, with nothing left out."""
    wire = checked(Start(), *text(0, "Hel", "lo"), UsageUpdate(Usage(input_uncached=3, output_total=2)), *ENDED)
    assert names(wire) == [
        *HEAD,
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    final = accumulated(wire)
    assert (final.output_text, final.status) == ("Hello", "completed")
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens, final.usage.total_tokens) == (3, 2, 5)
    assert {event.data["item_id"] for event in wire if event.data and "item_id" in event.data} == {final.output[0].id}


def test_reasoning_words_and_calls() -> None:
    """Each item is done before the next begins; ids and names are the same from the first to the last."""
    seal = Seal("signature", "c2ln", "claude", "m", texts=("Hm.",))
    wire = checked(
        Start(format="anthropic"),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "H"),
        ReasoningDelta(0, "m."),
        SealDelta(0, seal),
        BlockEnd(0),
        *text(1, "Looking."),
        BlockStart(2, "tool_call", id="toolu_1", name="weather"),
        ArgumentsDelta(2, '{"city"'),
        ArgumentsDelta(2, ':"Oslo"}'),
        BlockEnd(2),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert names(wire)[2:] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    thought, message, call = items(wire)
    assert (thought["type"], message["content"][0]["text"], call["call_id"], call["arguments"]) == (
        "reasoning",
        "Looking.",
        "toolu_1",
        '{"city":"Oslo"}',
    )
    final = accumulated(wire)
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    for index, item in enumerate((thought, message, call)):
        (added,) = [e.data["item"] for e in wire if e.data and e.event == "response.output_item.added" and e.data["output_index"] == index]
        assert (added["id"], added["type"], added.get("name"), added.get("call_id")) == (
            item["id"],
            item["type"],
            item.get("name"),
            item.get("call_id"),
        )


def test_interleaved_calls_are_open_together() -> None:
    """A chat upstream ends no call before the finish; a delta never reaches an item that is done."""
    wire = checked(
        Start(),
        BlockStart(0, "tool_call", id="c1", name="a"),
        BlockStart(1, "tool_call", id="c2", name="b"),
        ArgumentsDelta(1, '{"y"'),
        ArgumentsDelta(0, '{"x":1}'),
        ArgumentsDelta(1, ":2}"),
        BlockEnd(0),
        BlockEnd(1),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert [(item["call_id"], item["arguments"]) for item in items(wire)] == [("c1", '{"x":1}'), ("c2", '{"y":2}')]
    assert [getattr(item, "arguments", None) for item in accumulated(wire).output] == ['{"x":1}', '{"y":2}']


def test_a_call_without_arguments_has_an_object() -> None:
    """Codex reads them as JSON; the deltas add up to what is done."""
    wire = checked(Start(), BlockStart(0, "tool_call", id="c", name="a"), BlockEnd(0), ChoiceEnd(0, Finish("tool_calls")), End())
    assert items(wire)[0]["arguments"] == "{}"
    assert [event.data["delta"] for event in wire if event.data and event.event == "response.function_call_arguments.delta"] == ["{}"]


def test_free_text_and_namespaces_go_back_as_codex_declared_them() -> None:
    """A custom call has ``input``; a namespaced one its ``namespace``, or Codex says "unsupported call"."""
    wire = checked(
        Start(),
        BlockStart(0, "tool_call", id="c1", name="exec", tool_kind="custom", namespace="functions"),
        ArgumentsDelta(0, "ls "),
        ArgumentsDelta(0, "-l"),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="c2", name="spawn", namespace="agents"),
        ArgumentsDelta(1, "{}"),
        BlockEnd(1),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    custom, function = items(wire)
    assert (custom["type"], custom["name"], custom["namespace"], custom["input"]) == ("custom_tool_call", "exec", "functions", "ls -l")
    assert (function["type"], function["name"], function["namespace"]) == ("function_call", "spawn", "agents")
    assert names(wire)[3:7] == [
        "custom_tool_call_input.delta",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]


def test_later_words_open_a_new_message() -> None:
    """Codex shows only the first words of a message that is opened again."""
    wire = checked(Start(), *text(0, "A"), BlockStart(1, "tool_call", id="c", name="a"), BlockEnd(1), *text(2, "B"), *ENDED)
    assert [item["type"] for item in items(wire)] == ["message", "function_call", "message"]
    assert accumulated(wire).output_text == "AB"


def test_texts_and_refusals_share_a_message_unless_the_phase_changes() -> None:
    """One message, several parts."""
    refusal = (BlockStart(1, "refusal"), RefusalDelta(1, "N"), RefusalDelta(1, "o."), BlockEnd(1))
    wire = checked(Start(), *text(0, "A"), *refusal, *text(2, "B"), *ENDED)
    (message,) = items(wire)
    assert [part.get("text") or part["refusal"] for part in message["content"]] == ["A", "No.", "B"]
    assert len(accumulated(wire).output) == 1
    said = (
        BlockStart(0, "text", phase="commentary"),
        TextDelta(0, "A"),
        BlockEnd(0),
        BlockStart(1, "text", phase="final_answer"),
        TextDelta(1, "B"),
        BlockEnd(1),
    )
    assert [item["phase"] for item in items(checked(Start(), *said, *ENDED))] == ["commentary", "final_answer"]


def test_citations_become_annotations() -> None:
    """Told when they come, and again with the part; without an address there is none."""
    web = Citation("openai_chat", {}, "https://a.test", "A", start=0, end=2)
    wire = checked(Start(), BlockStart(0, "text"), TextDelta(0, "Hi"), CitationDelta(0, web), BlockEnd(0), *ENDED)
    annotation = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}
    assert items(wire)[0]["content"][0]["annotations"] == [annotation]
    assert "output_text.annotation.added" in names(wire)
    quoted = Citation("anthropic", {}, "https://a.test", "A", "quote")
    file = Citation("anthropic", {"type": "char_location"})
    body = (Start(), BlockStart(0, "text"), TextDelta(0, "Hi"), CitationDelta(0, file), CitationDelta(0, file), BlockEnd(0))
    assert written(*body, *ENDED)[1] == [("citations", "dropped", "")]
    assert written(*body[:3], CitationDelta(0, quoted), BlockEnd(0), *ENDED)[1] == [("citations", "approximated", "")]


def test_log_probabilities_come_with_the_text() -> None:
    """With the next delta, at the latest with the part."""
    entry = {"token": "Hi", "logprob": -0.5, "bytes": [], "top_logprobs": []}
    wire = checked(
        Start(),
        BlockStart(0, "text"),
        TextDelta(0, "H"),
        LogprobsDelta(0, [entry]),
        TextDelta(0, "i"),
        LogprobsDelta(0, [entry]),
        BlockEnd(0),
        *ENDED,
    )
    deltas = [event.data["logprobs"] for event in wire if event.data and event.event == "response.output_text.delta"]
    assert deltas == [[], [entry]]
    assert items(wire)[0]["content"][0]["logprobs"] == [entry, entry]
    assert written(Start(), LogprobsDelta(0, [entry], "refusal"), *ENDED)[1] == [("logprobs", "dropped", "")]
    assert written(Start(), LogprobsDelta(0, [entry]), *ENDED)[1] == [("logprobs", "dropped", "")]


def test_several_summaries_are_several_parts() -> None:
    """Counted from 0 whatever the upstream's numbers; a verbatim chain of this wire streams as such."""
    wire = checked(Start(), BlockStart(0, "reasoning"), ReasoningDelta(0, "A", 1), ReasoningDelta(0, "B", 4), BlockEnd(0), *ENDED)
    assert [part["text"] for part in items(wire)[0]["summary"]] == ["A", "B"]
    assert [event.data["summary_index"] for event in wire if event.data and event.event == "response.reasoning_summary_text.delta"] == [
        0,
        1,
    ]
    own = checked(Start(format="openai_responses"), BlockStart(0, "reasoning"), ReasoningDelta(0, "A", raw=True), BlockEnd(0), *ENDED)
    assert names(own)[3:5] == ["reasoning_text.delta", "reasoning_text.done"]
    assert items(own)[0]["content"] == [{"type": "reasoning_text", "text": "A"}]


def test_pictures_and_hosted_calls_are_items() -> None:
    """Added and done at once; a foreign block is said in words or lost by name; progress is nobody else's."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    events: list[Event] = [Start(format="openai_responses")]
    own: tuple[Part, ...] = (Media("image", Inline("iVBORw0KGgo="), "image/png"), Opaque("openai_responses", "web_search_call", search))
    for block, part in enumerate(own):
        events += [BlockStart(block, "data"), BlockData(block, part), BlockEnd(block)]
    wire = checked(*events, OpaqueEvent(Opaque("openai_responses", "response.x", {})), *ENDED)
    assert [item["type"] for item in items(wire)] == ["image_generation_call", "web_search_call"]
    foreign: list[Part] = [
        Opaque("anthropic", "server_tool_use", {}, "c.0"),
        Opaque("anthropic", "result", {}, "c.1", "Found."),
        Media("audio", Inline("AA"), at="c.2"),
    ]
    events = [Start()]
    for block, part in enumerate(foreign):
        events += [BlockStart(block, "data"), BlockData(block, part), BlockEnd(block)]
    wire, losses = written(*events, *ENDED)
    assert [item["content"][0]["text"] for item in items(wire)] == ["Found."]
    assert losses == [("part", "dropped", "c.0"), ("part", "approximated", "c.1"), ("audio", "dropped", "c.2")]


@pytest.mark.parametrize("reason", ["length", "content_filter", "context_window"])
def test_a_cut_answer_is_incomplete_to_its_last_item(reason: FinishReason) -> None:
    """Although its block ended before anybody knew; what came before is complete."""
    wire = checked(
        Start(),
        *text(0, "A"),
        BlockStart(1, "tool_call", id="c", name="a"),
        ArgumentsDelta(1, '{"x'),
        BlockEnd(1),
        ChoiceEnd(0, Finish(reason)),
        End(),
    )
    message, call = items(wire)
    assert (message["status"], call["status"], call["arguments"]) == ("completed", "incomplete", '{"x')
    assert names(wire)[-1] == "incomplete"
    assert wire[-1].data is not None
    expected = "content_filter" if reason == "content_filter" else "max_output_tokens"
    assert wire[-1].data["response"]["incomplete_details"] == {"reason": expected}
    assert items(checked(Start(), *text(0, "A"), ChoiceEnd(0, Finish(reason)), End()))[0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("rate_limited", "rate_limit_exceeded"),
        ("context_too_long", "context_length_exceeded"),
        ("billing", "insufficient_quota"),
        ("overloaded", "server_error"),
        ("bad_request", "invalid_prompt"),
        ("truncated", "server_error"),
        ("upstream_error", "server_error"),
    ],
)
def test_a_failure_ends_the_stream_as_codex_understands_it(kind: FailureKind, code: str) -> None:
    """``response.failed`` with a code; what was open is not done, as a client would run a call that was cut."""
    wire = checked(
        Start(),
        *text(0, "A"),
        BlockStart(1, "tool_call", id="c", name="a"),
        ArgumentsDelta(1, "{}"),
        BlockEnd(1),
        Failed(Failure(kind, "m")),
        TextDelta(0, "late"),
        End(),
    )
    assert names(wire)[-1] == "failed"
    assert wire[-1].data is not None
    assert wire[-1].data["response"]["error"] == {"code": code, "message": "m"}
    assert [item["type"] for item in items(wire)] == ["message"]
    assert iterated(wire)[-1] == "response.failed"


def test_a_code_of_this_wire_is_kept_and_the_delay_is_told_in_words() -> None:
    """Codex looks for "try again in" within the message."""
    failure = Failure("rate_limited", "Too fast.", code="slow_down", retry_after_s=1.5)
    wire = checked(Failed(failure))
    assert names(wire) == [*HEAD, "failed"]
    assert wire[-1].data is not None
    assert wire[-1].data["response"]["error"] == {"code": "slow_down", "message": "Too fast. Please try again in 1.5s."}


def test_a_stream_that_nobody_ended_failed() -> None:
    """Silence is no completion."""
    assert names(checked(Start(), *text(0, "A")))[-1] == "failed"


def test_opening_is_told_once() -> None:
    """By ``open``, by the first event that shows something, or by the end; an empty answer is one."""
    encoder = CONVERTER.stream_encoder(reply())
    assert names(encoder.open()) == HEAD
    assert encoder.open() == []
    assert [event for data in (Start(id="resp_up", format="openai_responses"), *ENDED[:1]) for event in encoder.feed(data)] == []
    assert names(encoder.feed(End())) == ["completed"]
    assert [*encoder.open(), *encoder.feed(TextDelta(0, "late")), *encoder.finish()] == []
    assert names(checked(Start(), *ENDED)) == [*HEAD, "completed"]


def test_only_the_first_answer_is_told() -> None:
    """This wire has one; the loss is told once."""
    wire, losses = written(
        Start(),
        BlockStart(0, "text"),
        BlockStart(1, "text", choice=1),
        TextDelta(1, "other"),
        TextDelta(0, "this"),
        BlockStart(2, "tool_call", choice=2, id="c", name="a"),
        ArgumentsDelta(2, "{}"),
        BlockEnd(0),
        BlockEnd(1),
        BlockEnd(2),
        ChoiceEnd(0, Finish("stop")),
        ChoiceEnd(1, Finish("stop")),
        ChoiceEnd(2, Finish("tool_calls")),
        End(),
    )
    check(wire)
    assert [item["content"][0]["text"] for item in items(wire)] == ["this"]
    assert losses == [("choices", "dropped", "")]


def test_the_echo_holds_in_every_event_that_has_a_response() -> None:
    """The SDK demands it non-null."""
    asked = decoded({"tools": [{"type": "web_search"}], "tool_choice": "required", "parallel_tool_calls": False})
    wire = checked(Start(), *ENDED, asked=asked)
    for event in wire:
        assert event.data is not None
        response = event.data["response"]
        assert (response["tools"], response["tool_choice"], response["parallel_tool_calls"]) == (
            [{"type": "web_search"}],
            "required",
            False,
        )
        assert (response["model"], response["store"], response["id"]) == ("gpt-shown", False, wire[-1].data["response"]["id"])  # type: ignore[index] # has data


def test_a_stream_says_what_the_whole_answer_says() -> None:
    """The terminal response is the unary one, but for fresh ids."""
    parts = (
        Reasoning(("Hm.", "Well."), seals=(Seal("signature", "c2ln", "claude", "m"),)),
        Text("A", citations=(Citation("openai_chat", {}, "https://a.test", "A"),)),
        Refusal("No."),
        ToolCall("c1", "a", ""),
        ToolCall("c2", "p", "text", kind="custom"),
    )
    response = Response(
        "openai_chat", (Choice(0, parts, Finish("length")),), usage=Usage(input_uncached=1, output_total=2), service_tier="flex"
    )
    whole = CONVERTER.encode_response(response, reply())
    wire, losses = written(*unfold(response))
    check(wire)
    assert wire[-1].data is not None

    def plain(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "id": "", "output": [{**item, "id": ""} for item in body["output"]]}

    assert plain(wire[-1].data["response"]) == plain(whole.value)
    assert losses == told(whole.losses)


def test_what_the_encoder_says_the_decoder_understands() -> None:
    """There and back, through bytes that are JSON again."""
    parts = (
        Reasoning(("Hm.",)),
        Text("A"),
        ToolCall("c1", "a", '{"x":1}'),
        Text("B"),
        ToolCall("c2", "b", "free", kind="custom", namespace="n"),
    )
    response = Response(
        "openai_chat",
        (Choice(0, parts, Finish("tool_calls", "completed")),),
        usage=Usage(input_uncached=1, cache_read=0, cache_write=0, output_total=2, reasoning=0),
    )
    wire, _ = written(*unfold(response))
    decoder = CONVERTER.stream_decoder(ticket(new_id=counted_ids()))
    again = fold([found for event in wire for found in decoder.feed(event.event, event.data)], "openai_chat")
    assert (again.choices, again.usage) == (response.choices, response.usage)


@pytest.mark.parametrize("seal_first", [False, True])
def test_thoughts_that_go_on_behind_a_text_are_another_item(seal_first: bool) -> None:
    """OpenAI's own id is given once, and a state never stands bare under an id that is not its own."""
    seal = SealDelta(0, Seal("encrypted", "ENC", "openai", "gpt-x", "rs_9", texts=("a",)))
    rest = [seal, ReasoningDelta(0, "b")] if seal_first else [ReasoningDelta(0, "b"), seal]
    wire, losses = written(
        Start(format="openai_responses"),
        BlockStart(0, "reasoning", id="rs_9"),
        ReasoningDelta(0, "a"),
        BlockStart(1, "text"),
        TextDelta(1, "x"),
        *rest,
        BlockEnd(0),
        BlockEnd(1),
        ChoiceEnd(0, Finish("stop")),
        End(),
    )
    output = (wire[-1].data or {})["response"]["output"]
    assert ["rs_9", "message", "other"] == [
        item["type"] if item["type"] == "message" else item["id"] if item["id"] == "rs_9" else "other" for item in output
    ]
    assert str(output[2]["encrypted_content"]).startswith(seals.PREFIX)
    assert [] == losses
