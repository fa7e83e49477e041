"""Whole answers, both ways, with Anthropic's own SDK as the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic.types as sdk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters.anthropic import CONVERTER
from rosetta.converters.anthropic.finish import FINISH, STOP_REASONS
from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.ir.parts import Citation, Inline, Media, Opaque, Reasoning, Refusal, Text, ToolCall
from rosetta.ir.request import ToolName
from rosetta.ir.response import Choice, Finish, Response
from rosetta.ir.usage import Usage
from tests.converters.anthropic.surroundings import reply, ticket, told
from tests.converters.anthropic.test_decoding import any_json

WIRE = Path(__file__).parents[2] / "wire" / "anthropic" / "responses"


def answer(*parts: Any, finish: Finish | None = None, **fields: Any) -> Response:
    return Response(**{"format": "openai_chat", "choices": (Choice(0, parts, finish or Finish("stop")),), **fields})


def read(response: Response, **fields: Any) -> tuple[dict[str, Any], list[Any]]:
    """The body, after the SDK's types accepted it, and the losses."""
    coded = CONVERTER.encode_response(response, reply(**fields))
    sdk.Message.model_validate(coded.value)
    return coded.value, told(coded.losses)


def test_an_answer_of_another_wire() -> None:
    """Text, thoughts and calls in their order, under the model's name that the client asked for and an id of this wire."""
    body, losses = read(
        answer(
            Text("I look."),
            ToolCall("call_1", "weather", '{"city":"Oslo"}'),
            ToolCall("call_2", "weather", ""),
            finish=Finish("tool_calls"),
            id="chatcmpl-1",
            model="upstream",
            usage=Usage(input_uncached=20, cache_read=80, cache_write=10, cache_write_long=4, output_total=30, reasoning=5),
            service_tier="default",
        )
    )
    assert body == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-shown",
        "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
            {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 20,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 80,
            "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 30,
            "output_tokens_details": {"thinking_tokens": 5},
            "service_tier": "standard",
        },
    }
    assert losses == []


@pytest.mark.parametrize("name", sorted(path.stem for path in WIRE.glob("*.json")))
def test_an_own_answer_is_the_same_again(name: str) -> None:
    """What Anthropic said is said again as it was, unknown blocks and fields, stop details and usage too."""
    body = json.loads((WIRE / f"{name}.json").read_bytes())
    coded = CONVERTER.decode_response(body, ticket())
    again = CONVERTER.encode_response(coded.value, reply())
    expected = {"id": "msg_1", "usage": {"input_tokens": 7, "output_tokens": 0}, "stop_sequence": None, **body, "model": "claude-shown"}
    assert again.value == expected
    assert (coded.losses, again.losses) == ((), ())


def test_usage_is_never_counted_twice() -> None:
    """Anthropic's input excludes the cache, the IR's total includes it."""
    usage = {"input_tokens": 10, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 20, "output_tokens": 5}
    found = CONVERTER.decode_response({"content": [], "usage": usage}, ticket()).value.usage
    assert (found.input_total, found.output_total, found.reasoning) == (100, 5, None)
    split = {"cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}}
    only = CONVERTER.decode_response({"content": [], "usage": split}, ticket()).value.usage
    assert (only.cache_write, only.cache_write_long) == (5, 3)


def test_an_answer_without_counts_has_an_estimate() -> None:
    """A zero would keep Claude Code from compacting its history."""
    body, _ = read(answer(Text("x")), input_tokens=1234)
    assert body["usage"] == {"input_tokens": 1234, "output_tokens": 0}


@pytest.mark.parametrize(("word", "reason"), STOP_REASONS.items())
def test_stop_reasons_come_and_go(word: str, reason: Any) -> None:
    """Each reason of the wire is itself again."""
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    body = {"content": [block] if word == "tool_use" else [], "stop_reason": word}
    found = CONVERTER.decode_response(body, ticket()).value
    assert found.choices[0].finish == Finish(reason, word)
    assert CONVERTER.encode_response(found, reply()).value["stop_reason"] == word


@pytest.mark.parametrize(
    ("finish", "parts", "word", "losses"),
    [
        (Finish("stop"), (ToolCall("c", "f", "{}"),), "tool_use", []),
        (Finish("length"), (ToolCall("c", "f", "{}"),), "max_tokens", []),
        (Finish("tool_calls"), (Text("x"),), "end_turn", []),
        (Finish("content_filter"), (), "refusal", []),
        (Finish("stop"), (Refusal("No."),), "refusal", []),
        (Finish("pause"), (), "pause_turn", []),
        (Finish("context_window"), (), "model_context_window_exceeded", []),
        (Finish("malformed_tool_call", "MALFORMED_FUNCTION_CALL"), (Text("x"),), "end_turn", [("approximated", "finish", "")]),
        (Finish("other", "OTHER"), (Text("x"),), "end_turn", [("approximated", "finish", "")]),
        (None, (Text("x"),), "end_turn", []),
    ],
)
def test_reasons_of_other_wires(finish: Finish | None, parts: Any, word: str, losses: list[Any]) -> None:
    """Calls explain a plain end and hide nothing else; a word for nothing we know is a loss."""
    coded = CONVERTER.encode_response(Response("google_genai", (Choice(0, parts, finish),)), reply())
    assert coded.value["stop_reason"] == word
    assert told(coded.losses) == losses
    assert set(FINISH.values()) == set(STOP_REASONS)


def test_a_call_explains_a_plain_end() -> None:
    """Servers that say end_turn after a call are understood."""
    body = {"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}], "stop_reason": "end_turn"}
    finish = CONVERTER.decode_response(body, ticket()).value.choices[0].finish
    assert finish == Finish("tool_calls", "end_turn")


def test_stop_sequences_and_details() -> None:
    """The sequence that was met and the details of a refusal are kept."""
    body = {"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert CONVERTER.decode_response(body, ticket()).value.choices[0].finish == Finish("stop_sequence", "stop_sequence", "END")
    coded, _ = read(answer(finish=Finish("stop_sequence", sequence="X")))
    assert coded["stop_sequence"] == "X"


def test_the_clients_tools_come_back() -> None:
    """A renamed tool, a namespaced one and a free-text one are given back as the client knows them; an unknown name is left alone."""
    names = {"ns__f": ToolName("f", "ns"), "patch": ToolName("patch", None, "custom")}
    blocks = [
        {"type": "tool_use", "id": "1", "name": "ns__f", "input": {"a": 1}},
        {"type": "tool_use", "id": "2", "name": "patch", "input": {"input": "*** Begin"}},
        {"type": "tool_use", "id": "3", "name": "other", "input": {}},
        {"type": "tool_use", "id": "", "name": "other", "input": None},
    ]
    parts = CONVERTER.decode_response({"content": blocks}, ticket(names=names)).value.choices[0].parts
    assert [(part.name, part.namespace, part.kind, part.arguments) for part in parts if isinstance(part, ToolCall)] == [
        ("f", "ns", "function", '{"a":1}'),
        ("patch", None, "custom", "*** Begin"),
        ("other", None, "function", "{}"),
        ("other", None, "function", ""),
    ]
    assert parts[3].id == "toolu_1"  # type: ignore[union-attr]


def test_what_an_answer_cannot_hold_is_named() -> None:
    """Further choices, media, foreign opaques and citations, log probabilities, audio counts, and fields that nobody knows."""
    citation = Citation("openai_chat", {}, url="https://e.com")
    response = Response(
        "openai_chat",
        (
            Choice(
                0,
                (
                    Text("a", citations=(citation,), phase="commentary", extras={"x": 1}),
                    Media("image", Inline("aa"), "image/png"),
                    Opaque("google_genai", "executableCode", {}, text="code"),
                    Opaque("google_genai", "x", {}),
                    ToolCall("c", "f", "{", namespace="ns"),
                ),
                Finish("stop"),
                logprobs={"content": [{"token": "a"}], "refusal": None},
            ),
            Choice(1, (Text("b"),), Finish("stop")),
        ),
        usage=Usage(output_audio=3, extras={"cost": 1}),
        extras={"system_fingerprint": "x"},
    )
    body, losses = read(response)
    assert [block.get("text", block.get("name")) for block in body["content"]] == ["a", "code", "ns__f"]
    assert body["content"][2]["input"] == {"_raw": "{"}
    assert [loss[:2] for loss in losses] == [
        ("dropped", "choices"),
        ("dropped", "phase"),
        ("dropped", "x"),
        ("dropped", "citations"),
        ("dropped", "image"),
        ("approximated", "part"),
        ("dropped", "part"),
        ("approximated", "arguments"),
        ("dropped", "logprobs"),
        ("dropped", "usage"),
        ("dropped", "system_fingerprint"),
    ]


def test_thoughts_of_an_answer_without_choices() -> None:
    """An answer of nothing is an empty message."""
    body, _ = read(Response("google_genai", ()))
    assert (body["content"], body["stop_reason"]) == ([], "end_turn")
    assert read(answer(Reasoning(), Text("")))[0]["content"] == []


@pytest.mark.parametrize("body", [{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, {"error": {"message": "x"}}])
def test_an_error_with_status_200_is_an_error(body: dict[str, Any]) -> None:
    """Some proxies answer 200 to everything."""
    with pytest.raises(UpstreamFailed) as failed:
        CONVERTER.decode_response(body, ticket())
    assert failed.value.failure.message in {"Busy", "x"}


@pytest.mark.parametrize("body", [{}, {"content": "x"}, {"content": [1]}, {"content": [{"type": "tool_use", "id": "a"}]}])
def test_what_is_no_message_is_malformed(body: dict[str, Any]) -> None:
    """A broken upstream is told from a broken client by its caller."""
    with pytest.raises(Malformed):
        CONVERTER.decode_response(body, ticket())


BODIES = [json.loads(path.read_bytes()) for path in sorted(WIRE.glob("*.json"))]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BODIES), st.data())
def test_any_reply_is_read_or_refused(body: dict[str, Any], data: st.DataObject) -> None:
    """A reply with any of its fields replaced is an answer, a failure or malformed."""
    key = data.draw(st.sampled_from(sorted(body)))
    if key == "content" and body[key] and data.draw(st.booleans()):
        block = dict(body[key][0])
        block[data.draw(st.sampled_from(sorted(block)))] = data.draw(any_json)
        spoiled = {**body, "content": [block, *body[key][1:]]}
    else:
        spoiled = {**body, key: data.draw(any_json)}
    try:
        response = CONVERTER.decode_response(spoiled, ticket()).value
    except (Malformed, UpstreamFailed):
        return
    assert CONVERTER.encode_response(response, reply()).value["role"] == "assistant"


def test_log_probabilities_of_nothing_are_no_loss() -> None:
    """Some servers send the empty object with every answer."""
    assert read(Response("openai_chat", (Choice(0, (Text("a"),), Finish("stop"), {"content": None, "refusal": None}),)))[1] == []
