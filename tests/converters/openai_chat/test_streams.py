"""What chat servers really send, and what chat clients can really read."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from rosetta.converters.converter import Reply, Ticket
from rosetta.converters.openai_chat import CONVERTER, Dialect
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
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.parts import Citation, Inline, Media, Seal
from rosetta.ir.request import Request, ToolName
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage
from tests.converters.openai_chat.surroundings import accumulated, iterated, read, written
from tests.laws.grammar import check_events


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


# ------------------------------------------------------------------------------------------------------------------------ in, as servers differ


def told_extras(events: list[Event]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The unknown fields of the start, of the first choice and of the end."""
    start, choice, end = events[0], next(event for event in events if isinstance(event, ChoiceEnd)), events[-1]
    assert isinstance(start, Start)
    assert isinstance(end, End)
    return start.extras, choice.extras, end.extras


def test_sources_that_come_late_are_kept() -> None:
    """Perplexity and xAI tell them with the last chunk, Azure its filters with each choice, LiteLLM more in a delta."""
    events = decoded(
        chunk({"role": "assistant", "content": ""}, system_fingerprint="fp"),
        chunk({"content": "a", "note": "x"}, system_fingerprint="fp"),
        chunk({"note": "y", "more": {"z": 1}}, "stop", system_fingerprint="fp", citations=["https://a"]),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}, "x_groq": {"id": "r"}},
        None,
    )
    assert told_extras(events) == (
        {"system_fingerprint": "fp"},
        {"message.note": "xy", "message.more": {"z": 1}},
        {"citations": ["https://a"], "x_groq": {"id": "r"}},
    )


@pytest.mark.parametrize(
    ("pieces", "names"),
    [
        (
            [{"index": 0, "id": "a", "function": {"name": "get_"}}, {"index": 0, "function": {"name": "weather", "arguments": "{}"}}],
            ["get_weather"],
        ),
        ([{"index": 0, "id": "a", "function": {"arguments": "{}"}}, {"index": 0, "function": {"name": "f"}}], ["f"]),
        ([{"id": "a", "function": {"name": "f", "arguments": "{"}}, {"function": {"arguments": "}"}}], ["f"]),
        ([{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "a", "function": {"arguments": ""}}], ["f"]),
        ([{"index": 1, "id": "a", "function": {"name": "f", "arguments": "{}"}}], ["f"]),
        ([{"index": 0, "id": "a", "function": {"name": "f"}}, {"index": 1, "id": "b", "function": {"name": "g"}}], ["f", "g"]),
        (
            [{"index": 0, "function": {"name": "f", "arguments": "{}"}}, {"index": 0, "function": {"name": "g", "arguments": "{}"}}],
            ["f", "g"],
        ),
        (
            [
                {"index": 0, "function": {"name": "f", "arguments": "{"}},
                {"index": 0, "function": {"name": "f", "arguments": "}"}},
                {"index": 0, "function": {"name": "f", "arguments": "{}"}},
            ],
            ["f", "f"],
        ),
        ([{"index": 0, "id": "a", "type": None, "function": {"name": "f", "arguments": None}}], ["f"]),
    ],
    ids=[
        "a name in pieces",
        "arguments before the name",
        "no index at all",
        "the id repeated without an index",
        "an index that begins at 1",
        "no arguments",
        "one index for all, no ids",
        "nor other names",
        "nulls",
    ],
)
def test_calls_as_servers_tell_them(pieces: list[dict[str, Any]], names: list[str]) -> None:
    """Each call begins once, with its whole name and some id; its arguments are whole."""
    events = read(*[calls(piece) for piece in pieces], chunk({}, "tool_calls"), None)
    check_events(events)
    assert [event.name for event in events if isinstance(event, BlockStart)] == names
    assert set(arguments(events).values()) <= {"{}", ""}


def test_a_call_without_a_name_is_no_answer() -> None:
    """Nobody could execute it."""
    last = decoded(calls({"index": 0, "id": "a", "function": {"arguments": "{}"}}), chunk({}, "tool_calls"), None)[-1]
    assert isinstance(last, Failed)
    assert last.failure.kind == "upstream_error"


def test_a_signature_rides_on_a_calls_first_piece() -> None:
    """Whoever the server is; one that comes when the call has begun is lost."""
    extra = {"extra_content": {"google": {"thought_signature": "s"}}}
    events = decoded(calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}, **extra}), chunk({}, "tool_calls"), None)
    assert next(event for event in events if isinstance(event, BlockStart)).seal == Seal(
        "thought_signature", "s", "maker", "model", bound="part"
    )
    decoder = CONVERTER.stream_decoder(Ticket("maker", "model", new_id, {}, True, Dialect()))
    decoder.feed(None, calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}))
    decoder.feed(None, calls({"index": 0, "function": {"arguments": "}"}, **extra}))
    assert [(loss.field, loss.kind) for loss in decoder.losses] == [("seal", "dropped")]


def test_images_sources_and_speech_come_in_deltas() -> None:
    """OpenRouter's images, OpenAI's annotations and speech in pieces."""
    note = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 1}}
    events = decoded(
        chunk({"content": "a"}),
        chunk({"annotations": [{**note, "index": 0}]}),
        chunk({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}, "index": 0}]}),
        chunk({"audio": {"id": "s", "data": "AAAA"}}),
        chunk({"audio": {"data": "BBBB", "transcript": "Hi"}}),
        chunk({}, "stop"),
        None,
    )
    check_events(events)
    assert [event.citation.raw for event in events if isinstance(event, CitationDelta)] == [note]
    image, speech = [event.part for event in events if isinstance(event, BlockData)]
    assert image == Media("image", Inline("iVBORw0KGgo="), "image/png")
    assert isinstance(speech, Media)
    assert (speech.source, speech.transcript, speech.extras) == (Inline("AAAABBBB"), "Hi", {"id": "s"})


def test_thoughts_in_a_servers_own_form() -> None:
    """Mistral's parts of content, OpenRouter's details with and without the plain field, leaked tags cut anywhere."""
    mistral = decoded(
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}), chunk({"content": "a"}, "stop"), None
    )
    assert [event.text for event in mistral if isinstance(event, ReasoningDelta)] == ["Hm."]
    detail = {"type": "reasoning.text", "text": "Hm.", "index": 0}
    for delta in ({"reasoning_details": [detail]}, {"reasoning": "Hm.", "reasoning_details": [detail]}):
        events = decoded(chunk(delta), chunk({"content": "a"}, "stop"), None)
        assert [event.text for event in events if isinstance(event, ReasoningDelta)] == ["Hm."]
        assert [event.seal.texts for event in events if isinstance(event, SealDelta)] == [("Hm.",)]
    decoder = CONVERTER.stream_decoder(Ticket("maker", "model", new_id, {}, True, Dialect(think_tags=True)))
    pieces = [*(chunk({"content": piece}) for piece in ("<th", "ink>Hm", ".</thi", "nk>\n\na<b")), chunk({}, "stop"), None]
    events = [event for value in pieces for event in decoder.feed(None, value)]
    check_events(events)
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == "Hm."
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a<b"


def test_several_choices_are_kept_apart() -> None:
    """Each with its own blocks and its own end."""
    other = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]}
    events = decoded(chunk({"content": "a"}), other, chunk({}, "stop"), None)
    check_events(events)
    assert [(event.choice, event.finish.reason) for event in events if isinstance(event, ChoiceEnd)] == [(0, "stop"), (1, "length")]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": {"message": "x", "code": 429}}, "rate_limited"),
        ([{"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}], "overloaded"),
        ({"object": "error", "message": "x", "code": 400}, "bad_request"),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "x", "code": 502}}]}, "upstream_error"),
        ({"choices": 1}, "upstream_error"),
        ({"choices": [1]}, "upstream_error"),
        ({"choices": [{"delta": {"content": 1}}]}, "upstream_error"),
        ({"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": 1}}]}}]}, "upstream_error"),
        ("text", "upstream_error"),
    ],
)
def test_whatever_comes_nothing_is_raised(data: Any, kind: str) -> None:
    """An error in any of its forms, or a chunk that cannot be read, ends the stream."""
    events = decoded(chunk({"content": "a"}), data, chunk({"content": "b"}))
    check_events(events)
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.failure.kind == kind


def test_a_stream_of_nothing_is_no_answer() -> None:
    """[DONE] alone, or filters alone."""
    for chunks in ((None,), ({"choices": [], "prompt_filter_results": []}, None), ()):
        last = decoded(*chunks)[-1]
        assert isinstance(last, Failed)
        assert last.failure.kind == "truncated"


# ------------------------------------------------------------------------------------------------------------------------ out, as the SDK reads it


def test_openais_helper_puts_an_answer_together() -> None:
    """Thoughts, text, two calls that interleave, sources, an image, counts: each list's entries have an index, by which it joins them."""
    seal = Seal("signature", "sig", "claude", "m", texts=("Hm.",))
    wire, losses = written(
        Start("m", "claude", 1, "anthropic"),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        SealDelta(0, seal),
        BlockEnd(0),
        BlockStart(1, "text"),
        TextDelta(1, "Os"),
        TextDelta(1, "lo."),
        CitationDelta(1, Citation("anthropic", {}, "https://a", "A", start=0, end=4)),
        BlockEnd(1),
        BlockStart(2, "data"),
        BlockData(2, Media("image", Inline("iVBORw0KGgo="), "image/png")),
        BlockEnd(2),
        BlockStart(3, "data"),
        BlockData(3, Media("image", Inline("iVBORw0KGgo="), "image/png")),
        BlockEnd(3),
        BlockStart(4, "tool_call", id="a", name="f"),
        BlockStart(5, "tool_call", id="b", name="g", namespace="ns"),
        ArgumentsDelta(4, '{"x"'),
        ArgumentsDelta(5, "{}"),
        ArgumentsDelta(4, ":1}"),
        BlockEnd(4),
        BlockEnd(5),
        UsageUpdate(Usage(input_uncached=3, cache_read=1, output_total=2, reasoning=1)),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert losses == [("image", "emulated", ""), ("image", "emulated", "")]
    completion = accumulated(wire)
    message = completion.choices[0].message
    assert (message.content, completion.model, completion.choices[0].finish_reason) == ("Oslo.", "shown", "tool_calls")
    held = message.model_extra or {}
    assert held["reasoning_content"] == "Hm."
    assert [image["image_url"]["url"] for image in held["images"]] == ["data:image/png;base64,iVBORw0KGgo="] * 2
    made = [made for made in message.tool_calls or () if made.type == "function"]
    assert [(each.id, each.function.name, each.function.arguments) for each in made] == [("a", "f", '{"x":1}'), ("b", "ns__g", "{}")]
    note = (message.annotations or [])[0].url_citation
    assert (note.url, note.start_index, note.end_index) == ("https://a", 0, 4)
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (4, 2, 6)


def test_free_text_calls_are_streamed_as_functions() -> None:
    """OpenAI's helper fails on ``custom`` in a delta; the text is wrapped while it comes, whatever is in it."""
    wire, losses = written(
        Start(),
        BlockStart(0, "tool_call", id="a", name="patch", tool_kind="custom"),
        ArgumentsDelta(0, 'say "'),
        ArgumentsDelta(0, 'x"\n'),
        BlockEnd(0),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    assert losses == []
    (made,) = accumulated(wire).choices[0].message.tool_calls or ()
    assert made.type == "function"
    assert json.loads(made.function.arguments) == {"input": 'say "x"\n'}


def test_what_a_server_says_late_is_shown() -> None:
    """On the chunks that end the answer; lists within a message have no way past OpenAI's helper and are lost."""
    wire, losses = written(
        Start("c", "m", 1, "openai_chat", extras={"system_fingerprint": "fp"}),
        BlockStart(0, "text"),
        TextDelta(0, "a"),
        BlockEnd(0),
        ChoiceEnd(0, Finish("stop", "stop"), {"content_filter_results": {}, "message.note": "x", "message.list": [1]}),
        End({"citations": ["https://a"]}),
    )
    first, last = wire[0].data or {}, wire[-2].data or {}
    assert (first["system_fingerprint"], "citations" in first) == ("fp", False)
    assert (last["citations"], last["choices"][0]["delta"], last["choices"][0]["content_filter_results"]) == (
        ["https://a"],
        {"note": "x"},
        {},
    )
    assert losses == [("list", "dropped", "choices.0.message")]
    assert accumulated(wire).choices[0].message.content == "a"


@pytest.mark.parametrize(
    ("kinds", "lost"),
    [
        (("reasoning", "text", "tool_call"), False),
        (("text", "tool_call", "text"), True),
        (("text", "reasoning", "text"), True),
        (("tool_call", "reasoning", "tool_call"), True),
        (("tool_call", "tool_call"), False),
    ],
)
def test_an_order_that_clients_lose_is_told(kinds: tuple[Any, ...], lost: bool) -> None:
    """Chunks come in order, and clients put them together as thoughts, words and calls."""
    events: list[Event] = [Start("m", "claude", 1, "anthropic")]
    for number, kind in enumerate(kinds):
        delta: Event = ReasoningDelta(number, "t") if kind == "reasoning" else TextDelta(number, "x")
        called = {"id": f"c{number}", "name": "f"} if kind == "tool_call" else {}
        events += [BlockStart(number, kind, **called), *([] if called else [delta]), BlockEnd(number)]
    _, losses = written(*events, ChoiceEnd(0, Finish("tool_calls")), End())
    assert losses == ([("order", "approximated", "")] if lost else [])


def test_a_failure_in_mid_stream_is_raised_by_the_sdk() -> None:
    """Its own words, and no [DONE]."""
    wire, _ = written(Start(), BlockStart(0, "text"), TextDelta(0, "a"), Failed(Failure("overloaded", "busy")))
    with pytest.raises(openai.APIError, match="busy"):
        iterated(wire)
    assert all(event.data is not None for event in wire)


def test_log_probabilities_of_both_channels() -> None:
    """OpenAI's SDK reads them; the other channel is null."""
    entry = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    wire, losses = written(
        Start(), BlockStart(0, "text"), TextDelta(0, "a"), LogprobsDelta(0, [entry]), BlockEnd(0), ChoiceEnd(0, Finish("stop")), End()
    )
    logprobs = accumulated(wire).choices[0].logprobs
    assert logprobs is not None
    assert ([each.token for each in logprobs.content or ()], losses) == (["a"], [])


def test_a_model_that_nobody_asked_for_is_the_upstreams() -> None:
    """Tools convert streams without knowing the request."""
    encoder = CONVERTER.stream_encoder(Reply(Request("openai_chat", "", ()), "", 7, new_id))
    wire = [found for event in (Start("m", "claude", 1, "anthropic"), *TEXT[1:]) for found in encoder.feed(event)]
    assert (wire[0].data or {})["model"] == "claude"


def test_arguments_of_blanks_are_none() -> None:
    """Some servers say so that a function takes none; blanks within a text that has begun are its own."""
    blank = decoded(calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": " "}}), chunk({}, "tool_calls"), None)
    assert arguments(blank) == {"a": ""}
    piece = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a":'}}
    rest = [{"index": 0, "function": {"arguments": text}} for text in (" ", "1}")]
    said = decoded(calls(piece), *[calls(each) for each in rest], chunk({}, "tool_calls"), None)
    assert arguments(said) == {"a": '{"a": 1}'}
