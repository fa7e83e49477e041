"""Streams both ways: what Google really sends, cut as it likes, and what its clients can read."""

from __future__ import annotations

import base64
from typing import Any

import google.genai.errors as sdk_errors
import pytest

from rosetta.converters.converter import Json, WireEvent
from rosetta.converters.google_genai import CONVERTER
from rosetta.converters.seals import unwrap
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
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.parts import Citation, Inline, Media, Opaque, Seal, ToolCall
from rosetta.ir.request import ToolName
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage
from tests.converters.google_genai.surroundings import reply, sdk_client, streamed_to_sdk, ticket, told
from tests.laws.grammar import check_events

SIGNATURE = base64.b64encode(b"sign").decode()
MADE = Seal("thought_signature", SIGNATURE, "gemini", "gemini-x", bound="part")


def chunk(*parts: Json, finish: str | None = None, index: int = 0, **fields: Any) -> Json:
    """One chunk of an upstream."""
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r", **fields}


def read(*chunks: Any, **fields: Any) -> list[Event]:
    """The events of an upstream's stream, its closing included, after the start; the grammar holds for all."""
    decoder = CONVERTER.stream_decoder(ticket(**fields))
    events = [event for data in chunks for event in decoder.feed(None, data)]
    events += decoder.finish()
    check_events(events)
    return [event for event in events if not isinstance(event, Start)]


def written(*events: Event, visible: bool | None = True, source: Any = "anthropic") -> tuple[list[WireEvent], list[tuple[str, str, str]]]:
    """What a client gets of these events, and what they lost."""
    encoder = CONVERTER.stream_encoder(reply(visible=visible))
    wire = [found for event in (Start("id", "model", 1, source), *events) for found in encoder.feed(event)]
    return wire + encoder.finish(), told(encoder.losses)


def parts(wire: list[WireEvent]) -> list[Json]:
    """All parts of the first candidate, in order."""
    return [
        part
        for event in wire
        for candidate in (event.data or {})["candidates"]
        for part in candidate["content"]["parts"]
        if candidate["index"] == 0
    ]


STOP = (ChoiceEnd(0, Finish("stop")), End())


# ------------------------------------------------------------------------------------------------------------------------ in


def test_thoughts_text_and_a_call() -> None:
    """Each kind is a block; what comes whole is told whole; calls make the stop a call's."""
    events = read(
        chunk({"text": "Hm", "thought": True}),
        chunk({"text": ".", "thought": True}),
        chunk({"text": "I look."}),
        chunk({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": SIGNATURE}),
        chunk({"functionCall": {"name": "weather", "args": {}, "id": "given"}}, finish="STOP"),
    )
    assert events == [
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "."),
        BlockEnd(0),
        BlockStart(1, "text"),
        TextDelta(1, "I look."),
        BlockEnd(1),
        BlockStart(2, "tool_call", id="call_1", name="weather", seal=MADE),
        ArgumentsDelta(2, '{"city":"Oslo"}'),
        BlockEnd(2),
        BlockStart(3, "tool_call", id="given", name="weather"),
        ArgumentsDelta(3, "{}"),
        BlockEnd(3),
        ChoiceEnd(0, Finish("tool_calls", "STOP")),
        End(),
    ]


def test_text_in_the_chunk_that_finishes_is_kept() -> None:
    """Short answers come in one chunk."""
    assert read(chunk({"text": "Yes"}, finish="STOP"))[:2] == [BlockStart(0, "text"), TextDelta(0, "Yes")]


def test_a_signature_on_an_empty_last_part_belongs_to_the_text() -> None:
    """Gemini 3 signs its words at the end."""
    events = read(chunk({"text": "Yes"}), chunk({"text": "", "thoughtSignature": SIGNATURE}, finish="STOP"))
    assert events[:4] == [BlockStart(0, "text"), TextDelta(0, "Yes"), SealDelta(0, MADE), BlockEnd(0)]


def test_a_thoughts_own_signature_ends_it() -> None:
    """What comes after is not signed by it."""
    events = read(
        chunk({"text": "a", "thought": True, "thoughtSignature": SIGNATURE}), chunk({"text": "b", "thought": True}, finish="STOP")
    )
    assert [type(event) for event in events[:6]] == [BlockStart, ReasoningDelta, SealDelta, BlockEnd, BlockStart, ReasoningDelta]


def test_snake_case_is_read_too() -> None:
    """Gateways and old servers write it."""
    events = read(
        {
            "candidates": [
                {
                    "content": {"parts": [{"function_call": {"name": "f", "args": {"a_b": 1}}, "thought_signature": SIGNATURE}]},
                    "finish_reason": "STOP",
                }
            ],
            "usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 1},
        }
    )
    assert BlockStart(0, "tool_call", id="call_1", name="f", seal=MADE) in events
    assert ArgumentsDelta(0, '{"a_b":1}') in events
    assert UsageUpdate(Usage(input_uncached=3, output_total=1)) in events


def test_custom_tools_are_unwrapped() -> None:
    """Under the client's own name."""
    names = {"ns__patch": ToolName("patch", "ns", "custom")}
    events = read(chunk({"functionCall": {"name": "ns__patch", "args": {"input": "*** x"}}}, finish="STOP"), names=names)
    assert events[:2] == [BlockStart(0, "tool_call", 0, "call_1", "patch", "custom", "ns"), ArgumentsDelta(0, "*** x")]


def test_the_last_counts_win() -> None:
    """They are running totals, told once."""
    counts = [{"promptTokenCount": 5, "candidatesTokenCount": n, "thoughtsTokenCount": 2, "totalTokenCount": 7 + n} for n in (1, 4)]
    events = read(chunk({"text": "a"}, usageMetadata=counts[0]), chunk({"text": "b"}, finish="STOP", usageMetadata=counts[1]))
    assert [event.usage for event in events if isinstance(event, UsageUpdate)][-1] == Usage(input_uncached=5, output_total=6, reasoning=2)


def test_media_and_googles_own_parts_come_whole() -> None:
    """An image is media; code and its result are opaque, with words."""
    events = read(
        chunk({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}),
        chunk({"executableCode": {"language": "PYTHON", "code": "1+1"}}, finish="STOP"),
    )
    held = [event.part for event in events if isinstance(event, BlockData)]
    assert [type(part) for part in held] == [Media, Opaque]
    assert isinstance(held[1], Opaque)
    assert held[1].text == "1+1"


def test_sources_are_told_once() -> None:
    """Chunks repeat them."""
    grounding = {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}], "webSearchQueries": ["q"]}
    first = chunk({"text": "Oslo"})
    first["candidates"][0]["groundingMetadata"] = grounding
    last = chunk({"text": " is cold"}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = grounding
    events = read(first, last)
    assert [event.citation.url for event in events if isinstance(event, CitationDelta)] == ["https://a"]
    assert next(event.extras for event in events if isinstance(event, ChoiceEnd)) == {"groundingMetadata.webSearchQueries": ["q"]}


def test_a_call_is_a_call_and_a_draft_no_answer() -> None:
    """Calls are marked as thoughts by some; image models think in images, which no other wire has."""
    call = {"functionCall": {"name": "f", "args": {}}, "thought": True}
    draft = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thought": True}
    events = read(chunk(call, draft, finish="STOP"))
    assert [event.name for event in events if isinstance(event, BlockStart) and event.kind == "tool_call"] == ["f"]
    assert [event.part for event in events if isinstance(event, BlockData)] == [
        Opaque("google_genai", "inlineData", draft, "candidates.0.content.parts")
    ]
    whole = CONVERTER.decode_response(chunk(call, draft, finish="STOP"), ticket()).value.choices[0].parts
    assert [type(part) for part in whole] == [ToolCall, Opaque]


def test_what_the_answer_says_late_is_kept() -> None:
    """Once, where chunks repeat it."""
    events = read(chunk({"text": "a"}, modelStatus={"a": 1}), chunk({"text": "b"}, finish="STOP", modelStatus={"a": 1}, other=2))
    assert events[-1] == End({"other": 2})


@pytest.mark.parametrize(
    ("chunks", "finish"),
    [
        ([chunk({"text": "a"}, finish="MAX_TOKENS")], Finish("length", "MAX_TOKENS")),
        ([chunk({"functionCall": {"name": "f", "args": {}}}, finish="MAX_TOKENS")], Finish("length", "MAX_TOKENS")),
        ([chunk({"text": "a"}, finish="OTHER")], Finish("stop", "OTHER")),
        ([chunk(finish="OTHER")], Finish("content_filter", "OTHER")),
        ([chunk({"text": "a"}, finish="IMAGE_OTHER")], Finish("content_filter", "IMAGE_OTHER")),
        ([chunk(finish="MALFORMED_FUNCTION_CALL")], Finish("malformed_tool_call", "MALFORMED_FUNCTION_CALL")),
        ([{"candidates": [{"finishReason": "SAFETY"}]}], Finish("content_filter", "SAFETY")),
        ([{"promptFeedback": {"blockReason": "SAFETY"}}], Finish("content_filter", "SAFETY", details={"blockReason": "SAFETY"})),
        ([chunk({"text": "a"}, finish="NEWER")], Finish("other", "NEWER")),
    ],
)
def test_why_it_stopped(chunks: list[Json], finish: Finish) -> None:
    """Calls hide no other reason; OTHER without content is a filter; a blocked prompt has no candidate."""
    events = read(*chunks)
    assert [event.finish for event in events if isinstance(event, ChoiceEnd)] == [finish]
    assert isinstance(events[-1], End)


def test_several_candidates_interleave() -> None:
    """Each has blocks of its own."""
    events = read(chunk({"text": "a"}), chunk({"text": "b"}, index=1), chunk({"text": "c"}, finish="STOP"), chunk(finish="STOP", index=1))
    starts = {event.block: event.choice for event in events if isinstance(event, BlockStart)}
    said: dict[int, str] = {}
    for event in events:
        if isinstance(event, TextDelta):
            said[starts[event.block]] = said.get(starts[event.block], "") + event.text
    assert said == {0: "ac", 1: "b"}


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([chunk({"text": "a"})], "truncated"),
        ([], "truncated"),
        ([chunk({"text": "a"}), {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}], "overloaded"),
        ([[{"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED"}}]], "rate_limited"),
        ([{"candidates": 1}], "upstream_error"),
        ([chunk({"functionCall": {"args": {}}})], "upstream_error"),
        ([chunk({"text": 1})], "upstream_error"),
    ],
)
def test_what_fails(chunks: list[Any], kind: str) -> None:
    """A stream that just ends is no answer; an error may come at any time; nothing is raised."""
    last = read(*chunks)[-1]
    assert isinstance(last, Failed)
    assert last.failure.kind == kind


# ------------------------------------------------------------------------------------------------------------------------ out


def test_a_client_reads_thoughts_text_and_calls() -> None:
    """Google's SDK sees what was meant; only the last chunk says why it ended, and counts run along."""
    wire, losses = written(
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        BlockEnd(0),
        BlockStart(1, "text"),
        TextDelta(1, "I "),
        TextDelta(1, "look."),
        BlockEnd(1),
        BlockStart(2, "tool_call", id="a", name="weather"),
        ArgumentsDelta(2, '{"city":'),
        ArgumentsDelta(2, '"Oslo"}'),
        BlockEnd(2),
        UsageUpdate(Usage(input_uncached=3, cache_read=4, output_total=6, reasoning=2)),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert losses == []
    assert ["finishReason" in event.data["candidates"][0] for event in wire if event.data] == [False] * (len(wire) - 1) + [True]
    responses = streamed_to_sdk(wire)
    seen = [part for response in responses for part in response.parts or ()]
    assert "".join(part.text or "" for part in seen if part.thought) == "Hm."
    assert "".join(part.text or "" for part in seen if not part.thought) == "I look."
    (called,) = [part.function_call for part in seen if part.function_call]
    assert (called.id, called.name, called.args) == ("a", "weather", {"city": "Oslo"})
    counts = responses[-1].usage_metadata
    assert counts is not None
    assert (counts.prompt_token_count, counts.cached_content_token_count, counts.candidates_token_count, counts.thoughts_token_count) == (
        7,
        4,
        4,
        2,
    )


def test_thoughts_are_shown_to_who_asked() -> None:
    """Google shows none unasked; their state rides on the next call all the same."""
    seal = Seal("signature", "sig", "claude", "m", texts=("Hm.",))
    wire, _ = written(
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        SealDelta(0, seal),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="a", name="f"),
        BlockEnd(1),
        *STOP,
        visible=None,
    )
    made, _ = parts(wire)
    assert made["functionCall"] == {"id": "a", "name": "f", "args": {}}
    assert unwrap(base64.b64decode(made["thoughtSignature"]).decode()) == (seal,)


def test_a_state_without_a_call_rides_on_an_empty_text() -> None:
    """Gemini itself ends so."""
    seal = Seal("encrypted", "e", "openai", "m", item_id="rs_1")
    wire, losses = written(
        BlockStart(0, "reasoning"), SealDelta(0, seal), BlockEnd(0), BlockStart(1, "text"), TextDelta(1, "Yes"), BlockEnd(1), *STOP
    )
    assert losses == []
    assert parts(wire)[-1].keys() == {"text", "thoughtSignature"}


def test_googles_own_states_stay_bare() -> None:
    """From a Google upstream by way of the IR."""
    wire, _ = written(BlockStart(0, "text"), TextDelta(0, "Yes"), SealDelta(0, MADE), BlockEnd(0), *STOP, source="google_genai")
    assert {"text": "", "thoughtSignature": SIGNATURE} in parts(wire)


def test_summaries_are_paragraphs_and_the_raw_chain_is_not_told_twice() -> None:
    """OpenAI's summaries come in parts, and some servers send both."""
    wire, _ = written(
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "One."),
        ReasoningDelta(0, "Two.", part=1),
        ReasoningDelta(0, "raw", raw=True),
        BlockEnd(0),
        *STOP,
    )
    assert "".join(part["text"] for part in parts(wire) if part.get("thought")) == "One.\n\nTwo."


def test_arguments_that_are_no_object_are_wrapped() -> None:
    """Free text by its own name, broken text as ``_raw`` with a Loss."""
    wire, losses = written(
        BlockStart(0, "tool_call", id="a", name="patch", tool_kind="custom"),
        ArgumentsDelta(0, "*** x"),
        BlockEnd(0),
        BlockStart(1, "tool_call", id="b", name="f", namespace="ns"),
        ArgumentsDelta(1, '{"a": '),
        BlockEnd(1),
        *STOP,
    )
    calls = [part["functionCall"] for part in parts(wire) if "functionCall" in part]
    assert calls == [
        {"id": "a", "name": "patch", "args": {"input": "*** x"}},
        {"id": "b", "name": "ns__f", "args": {"_raw": '{"a": '}},
    ]
    assert losses == [("approximated", "arguments", "")]


def test_what_this_wire_has_no_place_for() -> None:
    """Refusals are words; sources keep their address and place in bytes; a refusal's log probabilities are lost."""
    wire, losses = written(
        BlockStart(0, "text"),
        TextDelta(0, "Ø is"),
        CitationDelta(0, Citation("anthropic", {}, "https://a", "A", start=0, end=1)),
        BlockEnd(0),
        BlockStart(1, "refusal"),
        RefusalDelta(1, "No."),
        BlockEnd(1),
        BlockStart(2, "data"),
        BlockData(2, Media("image", Inline("iVBORw0KGgo="), "image/png")),
        BlockEnd(2),
        LogprobsDelta(0, [{"token": "No", "logprob": -1.0}], "refusal"),
        ChoiceEnd(0, Finish("stop_sequence", "stop_sequence", "END")),
        End(service_tier="flex"),
    )
    last = (wire[-1].data or {})["candidates"][0]
    assert last["citationMetadata"] == {"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://a", "title": "A"}]}
    assert sorted(loss[1] for loss in losses) == ["finish", "logprobs", "refusal", "service_tier"]
    assert "No." in [part.text for response in streamed_to_sdk(wire) for part in response.parts or ()]


def test_a_chat_remembers_what_was_said() -> None:
    """Google's SDK forgets a whole turn when one of its chunks has no content: log probabilities come with one too."""
    wire, _ = written(
        BlockStart(0, "text"),
        TextDelta(0, "Yes"),
        LogprobsDelta(0, [{"token": "Yes", "logprob": -0.1}]),
        BlockEnd(0),
        UsageUpdate(Usage(input_uncached=1, output_total=1)),
        *STOP,
    )
    chat = sdk_client(b"".join(CONVERTER.frame(event) for event in wire)).chats.create(model="m")
    for _ in chat.send_message_stream("Hello"):
        pass
    history = chat.get_history(curated=True)
    assert [content.role for content in history][:2] == ["user", "model"]
    assert "Yes" in "".join(part.text or "" for content in history for part in content.parts or () if content.role == "model")


def test_an_answer_of_nothing_ends_well() -> None:
    """Clients take a chunk without parts for a fault."""
    wire, _ = written(*STOP)
    assert parts(wire) == [{"text": ""}]
    assert len(streamed_to_sdk(wire)) == 1


@pytest.mark.parametrize("events", [(Failed(Failure("overloaded", "busy")),), ()], ids=["failed", "just ended"])
def test_a_failure_in_mid_stream_is_raised_by_the_sdk(events: tuple[Event, ...]) -> None:
    """As an error object with a number for its code; nothing follows."""
    wire, _ = written(BlockStart(0, "text"), TextDelta(0, "a"), *events)
    with pytest.raises(sdk_errors.APIError) as caught:
        streamed_to_sdk(wire)
    assert caught.value.code in (502, 503)
    assert "candidates" not in (wire[-1].data or {})
