"""Whole answers: an upstream's in the IR's words, and the IR's as a Responses client reads it."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.converters.openai_responses import CONVERTER
from rosetta.ir.parts import Citation, Inline, Link, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import ReasoningRequest, Request, Sampling, ToolName
from rosetta.ir.response import Choice, Finish, FinishReason, Response
from rosetta.ir.usage import NO_USAGE, Usage
from tests.converters.openai_responses.surroundings import CREATED, SCHEMA, decoded, reply, strictly, ticket, told

MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}


def answer(*output: Any, **fields: Any) -> Response:
    """What the IR says of an upstream's answer."""
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 5.0,
        "status": "completed",
        "model": "gpt-x",
        "output": list(output),
        **fields,
    }
    coded = CONVERTER.decode_response(body, ticket(**fields.pop("ticket", {})))
    assert coded.losses == ()
    return coded.value


def shown(
    *parts: Part, format: Any = "anthropic", finish: Finish | None = None, **fields: Any
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """The answer as a client reads it, and what it lost; OpenAI's own types accept it."""
    coded = CONVERTER.encode_response(Response(format, (Choice(0, parts, finish or Finish("stop")),), **fields), reply())
    strictly(coded.value)
    return coded.value, told(coded.losses)


# ------------------------------------------------------------------------------------------------------------------------ from the upstream


def test_an_answers_parts_keep_their_order() -> None:
    """Reasoning, words, calls: each where it stood, its seal made by this upstream."""
    found = answer(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "ZW5j"},
        {**MESSAGE, "phase": "commentary"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "a", "arguments": "{}", "namespace": "n", "status": "completed"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "p", "input": "text"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        usage={"input_tokens": 10, "output_tokens": 4},
        service_tier="default",
        billing={"payer": "me"},
        store=True,
    )
    assert found == Response(
        "openai_responses",
        (
            Choice(
                0,
                (
                    Reasoning(("Hm.",), at="output.0", seals=(Seal("encrypted", "ZW5j", "openai", "gpt-x", "rs_1", texts=("Hm.",)),)),
                    Text("Hi", "output.1.content.0", phase="commentary"),
                    ToolCall("c1", "a", "{}", "output.2", namespace="n"),
                    ToolCall("c2", "p", "text", "output.3", "custom"),
                    Opaque(
                        "openai_responses", "web_search_call", {"type": "web_search_call", "id": "ws_1", "status": "completed"}, "output.4"
                    ),
                ),
                Finish("tool_calls", "completed"),
            ),
        ),
        "resp_1",
        "gpt-x",
        5,
        Usage(input_uncached=10, output_total=4),
        "default",
        {"billing": {"payer": "me"}},
    )


@pytest.mark.parametrize(
    ("fields", "output", "finish"),
    [
        ({}, [MESSAGE], Finish("stop", "completed")),
        ({}, [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}], Finish("refusal", "completed")),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, [MESSAGE], Finish("length", "max_output_tokens")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            [{"type": "function_call", "call_id": "c", "name": "a", "arguments": '{"x'}],
            Finish("length", "max_output_tokens"),
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, [], Finish("content_filter", "content_filter")),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, [], Finish("other", "steered")),
        ({"status": "incomplete", "incomplete_details": None}, [], Finish("other", "incomplete")),
        ({"status": "in_progress"}, [], None),
    ],
)
def test_why_it_stopped(fields: dict[str, Any], output: list[Any], finish: Finish | None) -> None:
    """Calls and refusals explain a plain end; a cut call stays visible as cut."""
    assert answer(*output, **fields).choices[0].finish == finish


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, NO_USAGE),
        (
            {
                "input_tokens": 100,
                "input_tokens_details": {
                    "cached_tokens": 70,
                    "cache_write_tokens": 20,
                    "cache_write_tokens_details": {"ttl_30m_tokens": 15, "ttl_12h_tokens": 5},
                },
                "output_tokens": 50,
                "output_tokens_details": {"reasoning_tokens": 30},
                "total_tokens": 150,
            },
            Usage(input_uncached=10, cache_read=70, cache_write=20, cache_write_long=5, output_total=50, reasoning=30),
        ),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9}}, Usage(input_uncached=0, cache_read=9)),
        ({"input_tokens": "many", "output_tokens": True}, Usage()),
    ],
)
def test_counts_are_taken_apart(usage: Any, expected: Usage) -> None:
    """What was read from and written to the cache is inside ``input_tokens``; nothing goes below zero."""
    assert answer(MESSAGE, usage=usage).usage == expected


def test_calls_come_back_under_the_clients_names() -> None:
    """Flattened namespaces, shortened names and wrapped free text are restored; a name nobody knows stays as it is."""
    names = {"ns__exec": ToolName("exec", "ns", "custom"), "short": ToolName("a.long.name")}
    body = {
        "status": "completed",
        "output": [
            {"type": "function_call", "call_id": "c1", "name": "ns__exec", "arguments": '{"input":"ls\\n"}'},
            {"type": "function_call", "call_id": "c2", "name": "short", "arguments": "{}"},
            {"type": "function_call", "call_id": "", "name": "other", "arguments": {"a": 1}},
            {"type": "function_call", "call_id": "c4", "name": "exec", "namespace": "ns", "arguments": '{"input":"pwd"}'},
        ],
    }
    parts = CONVERTER.decode_response(body, ticket(names=names)).value.choices[0].parts
    assert parts == (
        ToolCall("c1", "exec", "ls\n", "output.0", "custom", "ns"),
        ToolCall("c2", "a.long.name", "{}", "output.1"),
        ToolCall("call_1", "other", '{"a":1}', "output.2"),
        ToolCall("c4", "exec", "pwd", "output.3", "custom", "ns"),
    )


def test_pictures_and_log_probabilities() -> None:
    """A generated picture is a picture; the log probabilities of all texts are the choice's."""
    entry = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    found = answer(
        {"type": "message", "content": [{"type": "output_text", "text": "Hi", "logprobs": [entry]}]},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo=", "revised_prompt": "A cat"},
        {"type": "image_generation_call", "id": "ig_2", "status": "failed", "result": None},
    ).choices[0]
    assert found.logprobs == {"content": [entry]}
    assert found.parts[1] == Media("image", Inline("iVBORw0KGgo="), "image/png", "output.1", extras={"revised_prompt": "A cat"})
    assert isinstance(found.parts[2], Opaque)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "m"}, "output": []}, "rate_limited"),
        ({"status": "failed", "error": {"code": "context_length_exceeded", "message": "m"}}, "context_too_long"),
        ({"status": "failed", "error": None}, "upstream_error"),
        ({"error": {"message": "m", "type": "server_error"}}, "upstream_error"),
        ({"status": "cancelled", "output": []}, "cancelled"),
    ],
)
def test_an_answer_may_say_that_it_failed(body: dict[str, Any], kind: str) -> None:
    """With status 200."""
    with pytest.raises(UpstreamFailed) as caught:
        CONVERTER.decode_response(body, ticket())
    assert caught.value.failure.kind == kind


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "output"),
        ({"output": [3]}, "output.0"),
        ({"output": [{}]}, "output.0.type"),
        ({"output": [{"type": "message", "content": 3}]}, "output.0.content"),
    ],
)
def test_a_broken_answer_is_told_with_its_path(body: dict[str, Any], path: str) -> None:
    """The gateway's 502."""
    with pytest.raises(Malformed) as caught:
        CONVERTER.decode_response(body, ticket())
    assert caught.value.path == path


# ------------------------------------------------------------------------------------------------------------------------ to the client


def test_an_answer_as_openai_would_write_it() -> None:
    """Items with their own ids, counts with all details, and the echo of the request."""
    entry = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    asked = decoded(
        {
            "instructions": "I",
            "temperature": 0.5,
            "reasoning": {"effort": "low"},
            "tools": [{"type": "function", "name": "a", "parameters": SCHEMA, "strict": False}, {"type": "web_search"}],
            "tool_choice": {"type": "function", "name": "a"},
            "parallel_tool_calls": False,
            "metadata": {"k": "v"},
            "max_output_tokens": 50,
            "store": True,
        }
    )
    response = Response(
        "openai_chat",
        (
            Choice(
                0,
                (
                    Reasoning(("Hm.",)),
                    Text("Hi"),
                    Refusal("But no."),
                    ToolCall("call_1", "a", ""),
                    ToolCall("c2", "p", "text", kind="custom", namespace="n"),
                ),
                Finish("tool_calls"),
                {"content": [entry]},
            ),
        ),
        usage=Usage(input_uncached=10, cache_read=70, cache_write=20, tool_prompt=5, output_total=50, reasoning=30),
    )
    coded = CONVERTER.encode_response(response, reply(asked))
    assert coded.losses == ()
    strictly(coded.value)
    assert coded.value["output"] == [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "id": "msg_2",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "annotations": [], "logprobs": [entry], "text": "Hi"},
                {"type": "refusal", "refusal": "But no."},
            ],
        },
        {"id": "fc_3", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "a", "arguments": "{}"},
        {"id": "ctc_4", "type": "custom_tool_call", "status": "completed", "call_id": "c2", "name": "p", "input": "text", "namespace": "n"},
    ]
    assert coded.value["usage"] == {
        "input_tokens": 105,
        "input_tokens_details": {"cached_tokens": 70, "cache_write_tokens": 20},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 155,
    }
    echo = {
        "object": "response",
        "created_at": CREATED,
        "model": "gpt-shown",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": "I",
        "temperature": 0.5,
        "top_p": 1.0,
        "tools": [{"type": "function", "name": "a", "parameters": SCHEMA, "strict": False}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "a"},
        "parallel_tool_calls": False,
        "metadata": {"k": "v"},
        "max_output_tokens": 50,
        "store": False,
        "previous_response_id": None,
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
    }
    assert {key: coded.value[key] for key in echo} == echo
    assert coded.value["reasoning"]["effort"] == "low"
    assert coded.value["id"].startswith("resp_")


@pytest.mark.parametrize(
    ("reason", "refused", "status", "detail", "lost"),
    [
        ("stop", False, "completed", None, False),
        ("stop_sequence", False, "completed", None, False),
        ("length", False, "incomplete", "max_output_tokens", False),
        ("context_window", False, "incomplete", "max_output_tokens", False),
        ("tool_calls", False, "completed", None, False),
        ("refusal", True, "completed", None, False),
        ("refusal", False, "incomplete", "content_filter", False),
        ("content_filter", False, "incomplete", "content_filter", False),
        ("pause", False, "incomplete", "max_output_tokens", True),
        ("compaction", False, "incomplete", "max_output_tokens", True),
        ("malformed_tool_call", False, "completed", None, True),
        ("too_many_tool_calls", False, "completed", None, True),
        ("other", False, "completed", None, True),
    ],
)
def test_every_reason_has_its_status(reason: FinishReason, refused: bool, status: str, detail: str | None, lost: bool) -> None:
    """And an incomplete answer's last item is incomplete."""
    parts: list[Part] = [Text("Hi"), *([Refusal("No.")] if refused else [])]
    body, losses = shown(*parts, finish=Finish(reason))
    assert (body["status"], (body["incomplete_details"] or {}).get("reason")) == (status, detail)
    assert body["output"][-1]["status"] == ("incomplete" if status == "incomplete" else "completed")
    assert losses == ([("finish", "approximated", "")] if lost else [])


def test_a_malformed_call_and_nothing_else_failed() -> None:
    """There is nothing to show for it: the client shall try again."""
    body, _ = shown(finish=Finish("malformed_tool_call"))
    assert (body["status"], body["error"]["code"]) == ("failed", "server_error")


def test_what_an_answer_can_lose() -> None:
    """More answers than one, foreign blocks, sounds, counts and unknown fields."""
    parts = (
        Text("Hi", "c.0", citations=(Citation("anthropic", {"type": "char_location"}),)),
        Text("Ho", "c.1", citations=(Citation("anthropic", {"url": "https://a.test"}, "https://a.test", "A", "quoted"),)),
        Opaque("anthropic", "server_tool_use", {}, "c.2"),
        Opaque("anthropic", "web_search_tool_result", {}, "c.3", text="Found."),
        Media("audio", Inline("AAAA"), "audio/wav", "c.4"),
        Media("image", Link("https://a.test/i.png"), None, "c.5"),
        ToolResult("x", (), "c.6"),
    )
    response = Response(
        "anthropic",
        (Choice(0, parts, Finish("stop"), {"refusal": [{"token": "N"}]}, {"odd": 1}), Choice(1, ())),
        usage=Usage(input_uncached=1, server_tools={"web_search_requests": 1}),
        extras={"container": {}},
    )
    coded = CONVERTER.encode_response(response, reply())
    content = coded.value["output"][0]["content"]
    assert [part["text"] for part in content] == ["Hi", "Ho", "Found."]
    assert content[1]["annotations"] == [{"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}]
    assert told(coded.losses) == [
        ("choices", "dropped", ""),
        ("citations", "dropped", "c.0"),
        ("citations", "approximated", "c.1"),
        ("part", "dropped", "c.2"),
        ("part", "approximated", "c.3"),
        ("audio", "dropped", "c.4"),
        ("image", "dropped", "c.5"),
        ("tool_result", "dropped", "c.6"),
        ("logprobs", "dropped", ""),
        ("usage", "dropped", ""),
        ("container", "dropped", ""),
        ("odd", "dropped", ""),
    ]


def test_own_answers_keep_what_is_theirs() -> None:
    """Id, hosted calls, unknown fields and reasons; nobody's dicts are changed."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    body, losses = shown(
        Text("Hi"),
        Opaque("openai_responses", "web_search_call", search, "output.1"),
        format="openai_responses",
        id="resp_up",
        finish=Finish("other", "steered"),
        extras={"billing": {"payer": "me"}},
    )
    assert (body["id"], body["billing"], body["incomplete_details"], losses) == ("resp_up", {"payer": "me"}, {"reason": "steered"}, [])
    assert body["output"][1] == search
    assert search["status"] == "completed"


def test_nothing_counted_is_null() -> None:
    """Never a zero that nobody counted."""
    assert shown(Text("Hi"))[0]["usage"] is None


def test_an_empty_answer_is_an_answer() -> None:
    """Empty texts make no message; no choice at all no item."""
    assert shown(Text(""), Refusal(""), Reasoning())[0]["output"] == []
    coded = CONVERTER.encode_response(Response("openai_chat", ()), reply())
    assert (coded.value["output"], coded.value["status"]) == ([], "completed")


def test_the_echo_of_other_shapes() -> None:
    """Structured output, free-text tools and sampling that was left to the server."""
    asked = decoded(
        {
            "text": {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA}, "verbosity": "low"},
            "tools": [{"type": "namespace", "name": "n", "description": "D", "tools": [{"type": "custom", "name": "exec"}]}],
        }
    )
    body = CONVERTER.encode_response(Response("openai_chat", (Choice(0, ()),)), reply(asked)).value
    strictly(body)
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": False, "description": None},
        "verbosity": "low",
    }
    assert body["tools"] == [{"type": "namespace", "name": "n", "description": "D", "tools": [{"type": "custom", "name": "exec"}]}]
    request = Request("openai_responses", "m", (), sampling=Sampling(), reasoning=ReasoningRequest())
    assert CONVERTER.encode_response(Response("openai_chat", ()), reply(request)).value["tool_choice"] == "auto"
