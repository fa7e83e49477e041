"""Whole answers, both ways; Google's own SDK reads what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.converters.google_genai import CONVERTER
from rosetta.converters.google_genai.finish import FINISH, WORDS
from rosetta.ir.parts import (
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import ToolName
from rosetta.ir.response import Choice, Finish, FinishReason, Response
from rosetta.ir.usage import Usage
from tests.converters.google_genai.surroundings import call, read_by_sdk, reply, ticket, told
from tests.converters.google_genai.test_decoding import any_object

RESPONSES = Path(__file__).parents[2] / "wire" / "google_genai" / "responses"


def answer(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0, **fields}]}


def decode(body: dict[str, Any], **fields: Any) -> Response:
    coded = CONVERTER.decode_response(body, ticket(**fields))
    assert coded.losses == ()
    return coded.value


def choice(body: dict[str, Any], **fields: Any) -> Choice:
    (only,) = decode(body, **fields).choices
    return only


def encode(
    *parts: Part, format: Any = "openai_chat", finish: Finish | None = None, **fields: Any
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """An answer for the client, and its losses."""
    whole = Response(format, (Choice(0, parts, finish or Finish("stop"), **fields),))
    coded = CONVERTER.encode_response(whole, reply())
    read_by_sdk(coded.value)
    return coded.value, told(coded.losses)


# ------------------------------------------------------------------------------------------------------------------------------ decode


def test_an_answer_in_snake_case() -> None:
    """Peers answer so."""
    body = {
        "candidates": [{"content": {"parts": [{"function_call": {"name": "f", "args": {"a_b": 1}}}]}, "finish_reason": "STOP"}],
        "usage_metadata": {"prompt_token_count": 3},
        "model_version": "m",
        "response_id": "r",
    }
    response = decode(body)
    assert (response.id, response.model, response.usage.input_uncached) == ("r", "m", 3)
    (made,) = response.choices[0].parts
    assert isinstance(made, ToolCall)
    assert made.arguments == '{"a_b":1}'


def test_calls_have_ids_of_their_own() -> None:
    """Two calls of one function without ids, and one with."""
    calls = [
        {"functionCall": {"name": "f"}},
        {"functionCall": {"name": "f", "args": {}}},
        {"functionCall": {"name": "g", "id": "x", "args": {"a": 1}}},
    ]
    only = choice(answer(*calls))
    assert [(part.id, part.arguments) for part in only.parts if isinstance(part, ToolCall)] == [
        ("call_1", "{}"),
        ("call_2", "{}"),
        ("x", '{"a":1}'),
    ]
    assert only.finish == Finish("tool_calls", "STOP")


def test_the_clients_tool_stands_behind_a_wire_name() -> None:
    """Namespaces are restored, free text is unwrapped, a name that nobody declared stays."""
    names = {"agents__close": ToolName("close", "agents"), "patch": ToolName("patch", kind="custom")}
    calls = [
        {"functionCall": {"name": name, "args": args}}
        for name, args in (("agents__close", {}), ("patch", {"input": "*** Begin"}), ("patch", {"code": "x"}), ("other", {}))
    ]
    found = [part for part in choice(answer(*calls), names=names).parts if isinstance(part, ToolCall)]
    assert [(part.name, part.namespace, part.kind, part.arguments) for part in found] == [
        ("close", "agents", "function", "{}"),
        ("patch", None, "custom", "*** Begin"),
        ("patch", None, "custom", "x"),
        ("other", None, "function", "{}"),
    ]


def test_several_candidates() -> None:
    """Each is a choice, in whatever order they come and with or without its number."""
    body = {"candidates": [{"index": 1, "content": {"parts": [{"text": "B"}]}}, {"content": {"parts": [{"text": "C"}]}}]}
    assert [(each.index, each.finish) for each in decode(body).choices] == [(1, Finish("stop")), (1, Finish("stop"))]


@pytest.mark.parametrize(
    ("word", "reason"),
    [(word, reason) for word, reason in FINISH.items()] + [("NEWER_REASON", "other"), ("stop", "stop")],
)
def test_finish_reasons(word: str, reason: str) -> None:
    """Every documented word, and what is newer."""
    assert choice(answer({"text": "Hi"}, finishReason=word)).finish == Finish(reason, word)  # type: ignore[arg-type]


def test_finish_reasons_depend_on_what_was_said() -> None:
    """A call makes STOP a call, and never hides a cut; OTHER with nothing said is a filter; no word at all is a stop."""
    called = {"functionCall": {"name": "f"}}
    assert choice(answer(called, finishReason="MAX_TOKENS")).finish == Finish("length", "MAX_TOKENS")
    assert choice(answer(called, finishReason=None)).finish == Finish("tool_calls")
    assert choice(answer(finishReason="OTHER")).finish == Finish("content_filter", "OTHER")
    assert choice(answer({"text": "x"}, finishReason="OTHER")).finish == Finish("stop", "OTHER")
    assert choice(answer(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="f(")).finish == Finish(
        "malformed_tool_call", "MALFORMED_FUNCTION_CALL", details="f("
    )


def test_a_blocked_prompt() -> None:
    """No candidates, but a reason."""
    feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}
    only = choice({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 3}})
    assert (only.parts, only.finish) == ((), Finish("content_filter", "PROHIBITED_CONTENT", details=feedback))


@pytest.mark.parametrize("body", [{"usageMetadata": {"promptTokenCount": 3}, "candidates": []}, {"usageMetadata": {"promptTokenCount": 3}}])
def test_counts_and_nothing_else_are_no_answer(body: dict[str, Any]) -> None:
    """Gemini does it now and then: to ask again helps, and a stream of that kind is cut off too."""
    with pytest.raises(UpstreamFailed) as caught:
        CONVERTER.decode_response(body, ticket())
    assert caught.value.failure.kind == "upstream_error"


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        (
            {
                "promptTokenCount": 10,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 3,
                "totalTokenCount": 20,
            },
            Usage(input_uncached=6, cache_read=4, output_total=10, reasoning=3),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": 17},
            Usage(input_uncached=10, output_total=7, reasoning=3),
        ),
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 3,
                "totalTokenCount": 22,
            },
            Usage(input_uncached=10, tool_prompt=5, output_total=7, reasoning=3),
        ),
        ({"promptTokenCount": 3, "cachedContentTokenCount": 9}, Usage(input_uncached=0, cache_read=9)),
        ({"thoughtsTokenCount": 3}, Usage(output_total=3, reasoning=3)),
        ({"promptTokenCount": True, "candidatesTokenCount": "7"}, Usage()),
        (
            {"promptTokenCount": 9, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 5}]},
            Usage(
                input_uncached=9,
                input_audio=5,
                extras={"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 5}]},
            ),
        ),
    ],
)
def test_usage(wire: dict[str, Any], usage: Usage) -> None:
    """The cache is a slice of the prompt; thoughts stand beside the candidates, unless the total tells that they stand within."""
    assert decode({**answer({"text": "x"}), "usageMetadata": wire}).usage == usage


def test_what_else_an_answer_holds() -> None:
    """Pictures, code and its result, log probabilities, unknown fields."""
    body = answer(
        {"inlineData": {"mimeType": "image/png", "data": "-_-_"}},
        {"executableCode": {"code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        {"newThing": {}},
        logprobsResult={
            "chosenCandidates": [{"token": "é", "tokenId": 1, "logProbability": -0.5}],
            "topCandidates": [{"candidates": [{"token": "e", "logProbability": -1.0}]}],
        },
        safetyRatings=[{"category": "X"}],
    )
    only = choice({**body, "modelStatus": {"a": 1}})
    picture, code, outcome, newer = only.parts
    assert isinstance(picture, Media)
    assert picture.source == Inline("+/+/")
    assert [(part.kind, part.text) for part in (code, outcome, newer) if isinstance(part, Opaque)] == [
        ("executableCode", "1"),
        ("codeExecutionResult", "1\n"),
        ("newThing", ""),
    ]
    assert only.logprobs == {
        "content": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}]},
        ]
    }
    assert only.extras == {"safetyRatings": [{"category": "X"}]}
    assert decode({**body, "modelStatus": {"a": 1}}).extras == {"modelStatus": {"a": 1}}


def test_sources_are_cited_where_they_are_used() -> None:
    """Google counts bytes of the whole answer; the IR counts letters of each text."""
    first, second = "Blåbær. ", "Også bær."
    chunks = [{"web": {"uri": "https://a", "title": "A"}}, {"retrievedContext": {"uri": "https://b"}}, {"web": {"uri": "https://unused"}}]
    begin = len(first.encode())
    supports = [
        {"segment": {"endIndex": 9, "text": "Blåbær."}, "groundingChunkIndices": [0, 7]},
        {"segment": {"startIndex": begin, "endIndex": begin + 5}, "groundingChunkIndices": [1]},
        {"segment": {"partIndex": 2, "startIndex": 6, "endIndex": 10}, "groundingChunkIndices": [0]},
    ]
    body = answer(
        {"text": first},
        {"text": "Hm.", "thought": True},
        {"text": second},
        groundingMetadata={"groundingChunks": chunks, "groundingSupports": supports, "webSearchQueries": ["bær"]},
        citationMetadata={"citationSources": [{"startIndex": begin, "endIndex": begin + 5, "uri": "https://c", "license": "mit"}]},
    )
    only = choice(body)
    one, _, two = only.parts
    assert isinstance(one, Text)
    assert isinstance(two, Text)
    assert [(cited.url, cited.title, cited.quote, one.text[cited.start : cited.end]) for cited in one.citations] == [
        ("https://a", "A", "Blåbær.", "Blåbær.")
    ]
    assert [(cited.url, None if cited.start is None else two.text[cited.start : cited.end]) for cited in two.citations] == [
        ("https://b", "Også"),
        ("https://a", "bær"),
        ("https://unused", None),
        ("https://c", "Også"),
    ]
    assert only.extras == {"groundingMetadata.webSearchQueries": ["bær"]}
    again = CONVERTER.encode_response(decode(body), reply()).value["candidates"][0]
    supports[0]["groundingChunkIndices"] = [0, 7]
    assert again["groundingMetadata"] == body["candidates"][0]["groundingMetadata"]
    assert again["citationMetadata"] == body["candidates"][0]["citationMetadata"]


def test_sources_without_any_text() -> None:
    """They have nowhere to stand but an empty text."""
    only = choice(answer({"functionCall": {"name": "f"}}, groundingMetadata={"groundingChunks": [{"web": {"uri": "https://a"}}, 1]}))
    (_, text) = only.parts
    assert isinstance(text, Text)
    assert (text.text, [cited.url for cited in text.citations]) == ("", ["https://a"])


def test_an_error_with_status_200() -> None:
    """An error is one, whatever the status."""
    with pytest.raises(UpstreamFailed) as failed:
        decode({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
    assert (failed.value.failure.kind, failed.value.failure.message) == ("overloaded", "busy")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], ""),
        ({}, "candidates"),
        ({"candidates": {}}, "candidates"),
        ({"candidates": [1]}, "candidates.0"),
        (answer(1), "candidates.0.content.parts.0"),
        (answer({"functionCall": {}}), "candidates"),
        (answer({"functionCall": "x"}), "candidates"),
        (answer({"text": 1}), "candidates.0.content.parts.0.text"),
    ],
)
def test_what_is_no_answer(body: Any, path: str) -> None:
    """A reply of another shape is told with its path."""
    with pytest.raises(Malformed) as fault:
        decode(body)
    assert fault.value.path == path


@settings(max_examples=150)
@given(any_object(), any_object())
def test_any_json_is_an_answer_or_a_fault(body: dict[str, Any], part: dict[str, Any]) -> None:
    """Nothing else escapes, and what was read can be said again."""
    for whole in (body, answer(part), answer({"text": "bær"}, part, **{key: value for key, value in body.items() if key != "content"})):
        try:
            response = CONVERTER.decode_response(whole, ticket()).value
        except (Malformed, UpstreamFailed):
            continue
        json.dumps(CONVERTER.encode_response(response, reply()).value)


# ------------------------------------------------------------------------------------------------------------------------------ encode


def test_a_whole_answer() -> None:
    """Thoughts, words, calls, counts, and who speaks, as the SDK understands them."""
    response = Response(
        "openai_chat",
        (
            Choice(
                0,
                (Reasoning(("Hm.",)), Text("I look."), call("call_1", "weather"), call("call_2", "close", "", namespace="agents")),
                Finish("tool_calls"),
            ),
        ),
        id="chatcmpl-1",
        model="gpt",
        usage=Usage(input_uncached=6, cache_read=4, output_total=10, reasoning=3),
    )
    coded = CONVERTER.encode_response(response, reply())
    assert coded.losses == ()
    assert coded.value == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "I look."},
                        {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}},
                        {"functionCall": {"id": "call_2", "name": "agents__close", "args": {}}},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 7,
            "totalTokenCount": 20,
            "cachedContentTokenCount": 4,
            "thoughtsTokenCount": 3,
        },
        "modelVersion": "gemini-shown",
        "responseId": "1",
        "createTime": "2026-09-21T14:13:20Z",
    }
    read = read_by_sdk(coded.value)
    assert read.text == "I look."
    assert [made.name for made in read.function_calls or ()] == ["weather", "agents__close"]


@pytest.mark.parametrize("reason", list(WORDS))
def test_every_finish_has_a_word(reason: FinishReason) -> None:
    """And the SDK knows it."""
    body, losses = encode(Text("x"), finish=Finish(reason, "raw"))
    assert body["candidates"][0]["finishReason"] == WORDS[reason]
    finish = (read_by_sdk(body).candidates or [])[0].finish_reason
    assert finish is not None
    assert finish.value == WORDS[reason]
    assert losses == ([("approximated", "finish", "")] if reason in ("context_window", "compaction", "other") else [])


def test_the_stop_sequence_that_was_met_has_no_field() -> None:
    """Only Anthropic tells it."""
    assert encode(Text("x"), finish=Finish("stop_sequence", "stop_sequence", "END"))[1] == [("approximated", "finish", "")]


def test_an_answer_without_a_finish_or_a_part_is_still_one() -> None:
    """Clients take an answer without parts for a fault."""
    coded = CONVERTER.encode_response(Response("openai_chat", (Choice(0, ()),)), reply())
    assert coded.value["candidates"] == [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}]


def test_parts_that_google_has_no_word_for() -> None:
    """Refusals as text, foreign parts as their words, files of others by name."""
    body, losses = encode(
        Refusal("No.", "choices.0.message.refusal"),
        Text("So.", "t", phase="final_answer", extras={"x": 1}),
        Opaque("anthropic", "web_search_tool_result", {}, "o1", text="Found."),
        Opaque("anthropic", "server_tool_use", {}, "o2"),
        Media("audio", Inline("AAAA"), "audio/wav", "m1", transcript="Hi"),
        Media("image", Link("https://example.com/a.png"), None, "m2", name="a.png"),
        Media("document", FileId("file-1"), None, "m3"),
        ToolResult("x", (), "r"),
    )
    assert body["candidates"][0]["content"]["parts"] == [
        {"text": "No."},
        {"text": "So."},
        {"text": "Found."},
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://example.com/a.png", "displayName": "a.png"}},
    ]
    assert losses == [
        ("approximated", "refusal", "choices.0.message.refusal"),
        ("dropped", "x", "t"),
        ("dropped", "phase", "t"),
        ("approximated", "part", "o1"),
        ("dropped", "part", "o2"),
        ("dropped", "transcript", "m1"),
        ("dropped", "document", "m3"),
        ("dropped", "tool_result", "r"),
    ]


def test_broken_arguments_stay_visible() -> None:
    """A cut call is wrapped, and the finish tells that it was cut."""
    body, losses = encode(call(arguments='{"city": "Os', at="c"), finish=Finish("length"))
    (part,) = body["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"] == {"_raw": '{"city": "Os'}
    assert body["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert losses == [("approximated", "arguments", "c")]


def test_citations_of_other_wires() -> None:
    """Offsets in bytes of the whole answer; a title will do for an address; a quote alone will not."""
    body, losses = encode(
        Text("Blåbær. "),
        Text(
            "Også bær.",
            "t",
            citations=(
                Citation("openai_chat", {}, "https://a", "A", None, 0, 4),
                Citation("anthropic", {}, None, "Book", "Words"),
                Citation("anthropic", {}, None, None, "Words"),
            ),
        ),
    )
    begin = len("Blåbær. ".encode())
    assert body["candidates"][0]["citationMetadata"] == {
        "citationSources": [{"startIndex": begin, "endIndex": begin + 5, "uri": "https://a", "title": "A"}, {"title": "Book"}]
    }
    assert losses == [("approximated", "citations", "t"), ("dropped", "citations", "t")]
    cited = (read_by_sdk(body).candidates or [])[0].citation_metadata
    assert cited is not None
    assert [source.uri for source in cited.citations or ()] == ["https://a", None]


def test_log_probabilities() -> None:
    """Chat's shape is said in Google's; those of a refusal have no place."""
    entry = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": [{"token": "Ho", "logprob": -2.0, "bytes": None}]}
    body, losses = encode(Text("Hi"), logprobs={"content": [entry], "refusal": [entry]})
    assert body["candidates"][0]["logprobsResult"] == {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -2.0}]}],
    }
    assert losses == [("dropped", "logprobs", "")]


def test_what_an_answer_may_lose() -> None:
    """Counts without a word, the tier, unknown fields of each level: one Loss each."""
    usage = Usage(
        input_uncached=9, cache_write=3, input_audio=2, output_total=5, output_audio=4, server_tools={"web": 1}, extras={"cost": 1}
    )
    whole = Response("anthropic", (Choice(0, (Text("x"),), extras={"a": 1}),), usage=usage, service_tier="priority", extras={"b": 1})
    coded = CONVERTER.encode_response(whole, reply())
    assert told(coded.losses) == [("dropped", "a", ""), ("dropped", "usage", ""), ("dropped", "service_tier", ""), ("dropped", "b", "")]
    assert coded.losses[1].detail == "cache_write, server_tools, cost"
    assert coded.value["usageMetadata"]["promptTokenCount"] == 12
    assert coded.value["usageMetadata"]["promptTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 2},
        {"modality": "TEXT", "tokenCount": 10},
    ]
    read_by_sdk(coded.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in RESPONSES.glob("*.json")))
def test_recorded_answers_can_be_said_again(name: str) -> None:
    """An own answer goes through the IR and comes out as it was, but for the name it is shown under, and the SDK reads it."""
    body = json.loads((RESPONSES / f"{name}.json").read_bytes())
    first = decode(body)
    coded = CONVERTER.encode_response(first, reply())
    assert coded.losses == ()
    again = decode(coded.value)
    assert again.choices == first.choices or name == "calls-without-ids"
    assert (again.usage, again.extras) == (first.usage, first.extras)
    if name != "unknown-fields":
        read_by_sdk(coded.value)
