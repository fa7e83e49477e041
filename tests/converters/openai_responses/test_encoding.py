"""What a Responses server is sent: the IR of other clients in this wire's words, and exactly what got lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rosetta.converters import custom
from rosetta.converters.converter import Unsupported, WireRequest
from rosetta.converters.openai_responses import CONVERTER, Dialect
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    PlainText,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import (
    CacheRequest,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Namespace,
    OutputFormat,
    ReasoningRequest,
    Sampling,
    State,
    ToolChoice,
    ToolName,
    Turn,
)
from tests.converters.openai_responses.surroundings import (
    OPENAI,
    PLAIN,
    SCHEMA,
    WEATHER,
    assistant,
    decoded,
    encoded,
    items,
    request,
    said,
    target,
    told,
    user,
)

CALL = ToolCall("call_1", "weather", '{"city": "Oslo"}', "messages.1.content.0")
RESULT = ToolResult("call_1", (Text("12°"),), "messages.2.content.0", "weather")


def body_of(*args: Any, **fields: Any) -> dict[str, Any]:
    """The body of a request which loses nothing."""
    body, losses = encoded(*args, **fields)
    assert losses == []
    return body


# ------------------------------------------------------------------------------------------------------------------------ conversation


def test_a_foreign_request_keeps_nothing_and_loses_nothing() -> None:
    """Nothing is stored for a client that did not know it could be, and sealed reasoning is asked for."""
    assert body_of(request(stream=True, system=(said("system", "Be terse."),))) == {
        "model": "gpt-x",
        "instructions": "Be terse.",
        "input": [{"role": "user", "content": "Hello"}],
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "stream": True,
    }
    assert "include" not in body_of(request(), Dialect(encrypted=False))


def test_a_tool_loop_is_told_in_true_order() -> None:
    """Words before and after a call are messages of their own; outputs stand before the words that came with them."""
    asked = request(
        user("Weather?"),
        assistant("Looking.", CALL, ToolCall("call_2", "weather", ""), "Soon."),
        user(RESULT, ToolResult("call_2", ()), "Well?"),
        tools=(WEATHER,),
    )
    body = body_of(asked)
    assert body["input"] == [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Looking."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{}"},
        {"role": "assistant", "content": "Soon."},
        {"type": "function_call_output", "call_id": "call_1", "output": "12°"},
        {"type": "function_call_output", "call_id": "call_2", "output": ""},
        {"role": "user", "content": "Well?"},
    ]
    assert body["tools"] == [{"type": "function", "name": "weather", "description": "The weather.", "parameters": SCHEMA, "strict": False}]


def test_turns_so_far_begin_the_turns_to_come() -> None:
    """What was sent of a conversation stays, item for item, the beginning of what is sent later: caches hang on it."""
    turns = (
        user("A"),
        assistant("B", CALL),
        user(RESULT),
        assistant("C"),
        said("system", "D"),
        user("E"),
        assistant(Refusal("F"), "G"),
        user("H"),
    )
    whole = body_of(request(*turns, tools=(WEATHER,)))["input"]
    for count in (1, 3, 4, 6, 7):
        part = body_of(request(*turns[:count], tools=(WEATHER,)))["input"]
        assert whole[: len(part)] == part


def test_texts_of_one_message_stay_in_one() -> None:
    """Consecutive texts of an answer share a message; a change of phase begins another one."""
    asked = request(user("A"), assistant("B", "C", Text("D", phase="final_answer")), user("E"))
    assert body_of(asked)["input"][1:3] == [
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "B", "annotations": []}, {"type": "output_text", "text": "C", "annotations": []}],
        },
        {"role": "assistant", "content": "D", "phase": "final_answer"},
    ]


def test_a_phase_is_lost_on_servers_that_do_not_know_it() -> None:
    """The words stay."""
    body, losses = encoded(request(user("A"), assistant(Text("B", "x.1", phase="commentary")), user("C")), PLAIN)
    assert body["input"][1] == {"role": "assistant", "content": "B"}
    assert losses == [("phase", "dropped", "x.1")]


@pytest.mark.parametrize(("mid", "role", "content"), [("keep", "developer", "Now."), ("user", "user", "<system>\nNow.\n</system>")])
def test_a_system_message_stays_in_its_place(mid: Any, role: str, content: str) -> None:
    """Never hoisted: that would rewrite what is cached. Where the server takes none, it becomes words of the user."""
    asked = request(user("A"), assistant("B"), said("developer", "Now.", at="messages.2"), user("C"))
    body, losses = encoded(asked, Dialect(mid_system=mid))
    assert body["input"][2] == {"role": role, "content": content}
    assert losses == ([] if mid == "keep" else [("role", "approximated", "messages.2")])


def test_marked_prompts_keep_their_marks_where_they_can() -> None:
    """A cache mark needs a message with parts; instructions have none."""
    marked = said("system", Text("Long.", "system.0", cache=CacheMark("1h")), Text("Short.", "system.1"))
    body, losses = encoded(request(system=(marked,)))
    assert body["input"][0] == {
        "role": "system",
        "content": [
            {"type": "input_text", "text": "Long.", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
            {"type": "input_text", "text": "Short."},
        ],
    }
    assert losses == [("cache", "approximated", "system.0")]
    body, losses = encoded(request(system=(marked,)), PLAIN)
    assert body["instructions"] == "Long.\n\nShort."
    assert losses == [("cache", "dropped", "system.0")]


def test_media_goes_in_as_parts() -> None:
    """Data URLs for bytes, addresses as they are; a name is invented only where the wire demands one."""
    parts = (
        Media("image", Inline("iVBORw0KGgo="), "image/png", detail="low"),
        Media("image", Link("https://a.test/i.png")),
        Media("document", Inline("JVBERi0="), "application/pdf", "m.2", name="a.pdf"),
        Media("document", Inline("JVBERi0="), "application/pdf", "m.3", title="Report"),
        Media("document", Inline("JVBERi0="), "application/pdf", "m.4"),
        Media("document", Link("https://a.test/d.pdf"), "application/pdf"),
    )
    body, losses = encoded(request(user(*parts)))
    assert body["input"][0]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
        {"type": "input_image", "image_url": "https://a.test/i.png", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "filename": "Report.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "file_url": "https://a.test/d.pdf"},
    ]
    assert losses == [("name", "injected", "m.4")]


def test_what_cannot_be_shown_is_named() -> None:
    """Sounds, films and files kept elsewhere have no part here; a text document becomes text; what cannot be told of a document is lost alone."""
    parts = (
        Media("audio", Inline("AAAA"), "audio/wav", "m.0"),
        Media("video", Link("https://a.test/v.mp4"), "video/mp4", "m.1"),
        Media("image", FileId("file_1"), None, "m.2"),
        Media("audio", Inline("AAAA"), "audio/wav", "m.3", transcript="Hi."),
        Media("document", PlainText("Words."), "text/plain", "m.4", title="T", context="C", citable=True),
        Media("document", Link("https://a.test/d.pdf"), "application/pdf", "m.5", title="T", context="C"),
        Opaque("anthropic", "container_upload", {"type": "container_upload"}, "m.6"),
        Opaque("anthropic", "search_result", {"type": "search_result"}, "m.7", text="Found."),
        Text("Cited.", "m.8", citations=(Citation("anthropic", {"type": "char_location"}),)),
    )
    body, losses = encoded(request(user(*parts)))
    assert [part.get("text") or part["file_url"] for part in body["input"][0]["content"]] == [
        "Hi.",
        "T\nC\n\nWords.",
        "https://a.test/d.pdf",
        "Found.",
        "Cited.",
    ]
    assert losses == [
        ("audio", "dropped", "m.0"),
        ("video", "dropped", "m.1"),
        ("image", "dropped", "m.2"),
        ("audio", "approximated", "m.3"),
        ("document", "approximated", "m.4"),
        ("citable", "dropped", "m.4"),
        ("title", "dropped", "m.5"),
        ("context", "dropped", "m.5"),
        ("part", "dropped", "m.6"),
        ("part", "approximated", "m.7"),
        ("citations", "dropped", "m.8"),
    ]


def test_results_tell_in_words_that_they_failed() -> None:
    """This wire has no flag for it; where the words tell already, none are added. Pictures stay in the result."""
    results = (
        ToolResult("c1", (Text("no such city"),), "m.0", is_error=True),
        ToolResult("c2", (Text("Error: down"),), "m.1", is_error=True),
        ToolResult("c3", (Text("see"), Media("image", Link("https://a.test/i.png"))), "m.2", is_error=False),
        ToolResult("c4", (Media("image", Link("https://a.test/i.png")),), "m.3", is_error=True),
    )
    asked = request(user("A"), assistant(*[ToolCall(f"c{n}", "weather", "{}") for n in range(1, 5)]), user(*results), tools=(WEATHER,))
    body, losses = encoded(asked)
    picture = {"type": "input_image", "image_url": "https://a.test/i.png", "detail": "auto"}
    assert [item["output"] for item in body["input"][5:]] == [
        "Error: no such city",
        "Error: down",
        [{"type": "input_text", "text": "see"}, picture],
        [{"type": "input_text", "text": "Error:"}, picture],
    ]
    assert losses == [("is_error", "approximated", at) for at in ("m.0", "m.1", "m.3")]


def test_unanswered_calls_and_orphans_are_put_right() -> None:
    """OpenAI refuses a call without a result and a result without a call."""
    asked = request(user("A"), assistant(CALL), user(ToolResult("other", (Text("x"),), "m.2"), "B"), tools=(WEATHER,))
    body, losses = encoded(asked)
    assert body["input"][2:] == [
        {"type": "function_call_output", "call_id": "call_1", "output": "[no result provided]"},
        {"role": "user", "content": "B"},
    ]
    assert losses == [("tool_result", "dropped", "m.2"), ("tool_result", "injected", "messages.1.content.0")]


def test_ids_of_other_wires_are_made_to_fit() -> None:
    """At most 64 of [A-Za-z0-9_-], the same for the call and its result, and the same every time."""
    odd = "functions.weather:0" + "x" * 60
    asked = request(user("A"), assistant(ToolCall(odd, "weather", "{}")), user(ToolResult(odd, (Text("B"),))), tools=(WEATHER,))
    call, output = body_of(asked)["input"][1:]
    assert call["call_id"] == output["call_id"]
    assert len(call["call_id"]) <= 64
    assert body_of(asked)["input"][1:] == [call, output]


def test_foreign_details_are_lost_by_name() -> None:
    """Names of speakers, unknown fields of nodes and of the request."""
    turn = Turn("user", (Text("A", "m.0.content.0", extras={"glow": 1}),), "m.0", name="bob", extras={"odd": 2})
    body, losses = encoded(request(turn, extras={"speed": "fast"}, betas=("x-1",), format="anthropic"))
    assert body["input"] == [{"role": "user", "content": [{"type": "input_text", "text": "A"}]}]
    assert losses == [
        ("glow", "dropped", "m.0.content.0"),
        ("name", "dropped", "m.0"),
        ("odd", "dropped", "m.0"),
        ("betas", "dropped", ""),
        ("speed", "dropped", ""),
    ]


def test_pictures_that_a_model_made_have_no_place_in_history() -> None:
    """An assistant's message holds text and refusals only."""
    asked = request(user("A"), assistant("B", Media("image", Inline("iVBORw0KGgo="), "image/png", "m.1")), user("C"))
    body, losses = encoded(asked)
    assert body["input"][1] == {"role": "assistant", "content": "B"}
    assert losses == [("image", "dropped", "m.1")]


# ------------------------------------------------------------------------------------------------------------------------ tools


def test_namespaces_and_free_text_are_said_where_they_are_known() -> None:
    """To OpenAI a namespace is a namespace and a custom tool is custom, in the declaration, in history and in the choice."""
    asked = msgspec.structs.replace(_codex(), tool_choice=ToolChoice("required", (ToolName("exec", "functions", "custom"),)))
    body, losses = encoded(asked)
    assert losses == []
    assert body["tools"] == [
        {
            "type": "namespace",
            "name": "functions",
            "description": "Code.",
            "tools": [
                {
                    "type": "custom",
                    "name": "exec",
                    "description": "Run.",
                    "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
                },
                {"type": "function", "name": "wait", "parameters": SCHEMA, "strict": False},
            ],
        }
    ]
    assert body["tool_choice"] == {"type": "custom", "name": "exec", "namespace": "functions"}
    assert body["input"][1:] == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "input": "ls", "namespace": "functions"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "a"},
    ]


def test_namespaces_are_flattened_and_free_text_is_wrapped_elsewhere() -> None:
    """A plain server gets functions under joined names; the ticket knows the way back; history is told likewise."""
    sent = CONVERTER.encode_request(_codex(), target(PLAIN))
    tools = {tool["name"]: tool for tool in sent.wire.body["tools"]}
    assert list(tools) == ["functions__exec", "functions__wait"]
    assert tools["functions__exec"]["parameters"] == custom.schema()
    assert "start: X" in tools["functions__exec"]["description"]
    assert sent.wire.body["input"][1:] == [
        {"type": "function_call", "call_id": "c1", "name": "functions__exec", "arguments": '{"input":"ls"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "a"},
    ]
    assert sent.ticket.names == {
        "functions__exec": ToolName("exec", "functions", "custom"),
        "functions__wait": ToolName("wait", "functions"),
    }
    assert told(sent.losses) == [("namespace", "dropped", "tools.0"), ("grammar", "emulated", "tools.0.tools.0")]


def _codex() -> Any:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "namespace": "functions", "input": "ls"}
    tools = [
        {
            "type": "custom",
            "name": "exec",
            "description": "Run.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
        },
        {"type": "function", "name": "wait", "parameters": SCHEMA, "strict": False},
    ]
    return items(
        {"role": "user", "content": "A"},
        call,
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "a"},
        tools=[{"type": "namespace", "name": "functions", "description": "Code.", "tools": tools}],
    )


def test_strictness_is_never_guessed() -> None:
    """Left out, strict would be tried: so it is always said. A foreign strict schema which OpenAI's strict mode refuses is sent without."""
    loose = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (
        FunctionTool("a", None, SCHEMA, "t.0", strict=True),
        FunctionTool("b", None, loose, "t.1", strict=True),
        FunctionTool("c", None, loose, "t.2"),
        FunctionTool("d", None, None, "t.3", strict=False),
    )
    body, losses = encoded(request(tools=tools))
    assert [tool["strict"] for tool in body["tools"]] == [True, False, False, False]
    assert body["tools"][3]["parameters"] == {"type": "object", "properties": {}}
    assert losses == [("strict", "approximated", "t.1")]
    body, losses = encoded(request(tools=tools), Dialect(strict=False))
    assert not any("strict" in tool for tool in body["tools"])
    assert losses == [("strict", "dropped", "t.0"), ("strict", "dropped", "t.1")]


def test_foreign_tool_details() -> None:
    """Deferred tools are sent from the beginning; marks on tools have no place; names are made to fit and restored."""
    long = "mcp__server__" + "x" * 70
    tools = (FunctionTool("a", deferred=True, at="t.0", cache=CacheMark()), FunctionTool(long, at="t.1"), FunctionTool("b.c", at="t.2"))
    sent = CONVERTER.encode_request(request(tools=tools), target())
    names = [tool["name"] for tool in sent.wire.body["tools"]]
    assert names[0] == "a"
    assert names[2] == "b_c"
    assert len(names[1]) == 64
    assert {wire: tool.name for wire, tool in sent.ticket.names.items()} == {names[1]: long, "b_c": "b.c"}
    assert told(sent.losses) == [("deferred", "approximated", "t.0"), ("cache", "dropped", "t.0")]


@pytest.mark.parametrize(
    ("tool", "wire", "losses"),
    [
        (
            HostedTool(
                "web_search",
                "anthropic",
                {
                    "type": "web_search_20250305",
                    "name": "web_search",
                    "max_uses": 3,
                    "allowed_domains": ["a.test"],
                    "user_location": {"type": "approximate", "city": "Oslo"},
                },
                "t.0",
            ),
            {"type": "web_search", "filters": {"allowed_domains": ["a.test"]}, "user_location": {"type": "approximate", "city": "Oslo"}},
            [("max_uses", "dropped", "t.0")],
        ),
        (HostedTool("web_search", "google_genai", {"googleSearch": {}}, "t.0"), {"type": "web_search"}, []),
        (
            HostedTool(
                "web_search",
                "openai_chat",
                {"search_context_size": "low", "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}},
                "t.0",
            ),
            {"type": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}, "search_context_size": "low"},
            [],
        ),
        (
            HostedTool("code_execution", "google_genai", {"codeExecution": {}}, "t.0"),
            {"type": "code_interpreter", "container": {"type": "auto"}},
            [],
        ),
        (
            HostedTool("bash_20250124", "anthropic", {"type": "bash_20250124", "name": "bash"}, "t.0"),
            None,
            [("hosted_tool", "dropped", "t.0")],
        ),
    ],
)
def test_hosted_tools_are_mapped_where_the_server_runs_them(tool: HostedTool, wire: Any, losses: Any) -> None:
    """What the server does not run is a loss, never a function that nobody answers."""
    body, lost = encoded(request(tools=(tool,)))
    assert body.get("tools", [None]) == [wire]
    assert lost == losses
    assert encoded(request(tools=(tool,)), PLAIN)[1] == [("hosted_tool", "dropped", "t.0")]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", (ToolName("weather"),)), {"type": "function", "name": "weather"}),
        (
            ToolChoice("auto", (ToolName("weather"),)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]},
        ),
    ],
)
def test_every_form_of_tool_choice_is_said(choice: ToolChoice, wire: Any) -> None:
    """Modes, the forced tool, and the subset, which is never widened to auto."""
    assert body_of(request(tools=(WEATHER,), tool_choice=choice))["tool_choice"] == wire


def test_a_choice_needs_a_tool() -> None:
    """Without tools the field is a 400: left out, which is a loss only where something was to be forced."""
    assert "tool_choice" not in body_of(request(tool_choice=ToolChoice("auto")))
    body, losses = encoded(request(tool_choice=ToolChoice("required")))
    assert "tool_choice" not in body
    assert losses == [("tool_choice", "approximated", "")]


# ------------------------------------------------------------------------------------------------------------------------ settings


def test_settings_that_the_wire_lacks_are_named() -> None:
    """Each by its own name; what is unset is none."""
    sampling = Sampling(0.5, 0.9, 40, 1, 0.1, 0.2, {"1": 1.0}, True, 2, 3)
    body, losses = encoded(request(sampling=sampling, stop=("x",), modalities=("text", "audio"), max_output_tokens=5))
    assert {key: body[key] for key in ("temperature", "top_p", "top_logprobs", "max_output_tokens", "include")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_logprobs": 2,
        "max_output_tokens": 16,
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
    }
    assert losses == [
        ("max_output_tokens", "approximated", ""),
        ("stop", "dropped", ""),
        ("top_k", "dropped", ""),
        ("seed", "dropped", ""),
        ("presence_penalty", "dropped", ""),
        ("frequency_penalty", "dropped", ""),
        ("logit_bias", "dropped", ""),
        ("n", "dropped", ""),
        ("modalities", "dropped", ""),
    ]
    assert encoded(request(sampling=Sampling(0.5, 0.9, n=1), modalities=("text",)), Dialect(sampling=False))[1] == [
        ("temperature", "dropped", ""),
        ("top_p", "dropped", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "wire", "losses"),
    [
        (ReasoningRequest(effort="high", visible=True), {"effort": "high", "summary": "auto"}, []),
        (ReasoningRequest(effort="max"), {"effort": "xhigh"}, [("effort", "approximated", "")]),
        (ReasoningRequest(effort="minimal"), {"effort": "low"}, [("effort", "approximated", "")]),
        (ReasoningRequest(mode="on", budget=10_000), {"effort": "high"}, [("budget", "approximated", "")]),
        (ReasoningRequest(mode="off"), {"effort": "none"}, []),
        (ReasoningRequest(mode="adaptive"), None, []),
        (ReasoningRequest(mode="adaptive", visible=False), None, []),
        (ReasoningRequest(summary="detailed"), {"summary": "detailed"}, []),
        (ReasoningRequest(), None, []),
    ],
)
def test_thinking_is_asked_for_in_levels(wanted: ReasoningRequest, wire: Any, losses: Any) -> None:
    """Budgets become levels; a level the model lacks becomes the next lower one."""
    body, lost = encoded(request(reasoning=wanted))
    assert body.get("reasoning") == wire
    assert lost == losses


def test_a_model_without_levels_is_not_asked() -> None:
    """Nor one without summaries for them."""
    body, losses = encoded(request(reasoning=ReasoningRequest(effort="high", visible=True)), Dialect(efforts=(), summaries=False))
    assert "reasoning" not in body
    assert losses == [("effort", "dropped", ""), ("visible", "dropped", "")]


def test_a_change_of_effort_amid_the_turns() -> None:
    """OpenAI takes it where it came; elsewhere the last one counts for the whole request."""
    turns = (user("A"), assistant("B"), Turn("user", (Text("C"),), "messages.2", effort="high"))
    assert body_of(request(*turns))["input"][2] == {"type": "configuration_update", "reasoning": {"effort": "high"}}
    body, losses = encoded(request(*turns, reasoning=ReasoningRequest(effort="low")), PLAIN)
    assert body["reasoning"] == {"effort": "high"}
    assert losses == [("effort", "approximated", "messages.2")]


@pytest.mark.parametrize(
    ("output", "best", "wire", "losses"),
    [
        (
            OutputFormat("json_schema", SCHEMA, "my city", "D", True),
            "json_schema",
            {"type": "json_schema", "name": "my_city", "schema": SCHEMA, "description": "D", "strict": True},
            [],
        ),
        (
            OutputFormat("json_schema", SCHEMA),
            "json_schema",
            {"type": "json_schema", "name": "response", "schema": SCHEMA, "strict": True},
            [],
        ),
        (
            OutputFormat("json_schema", {"type": "object", "properties": {}, "minProperties": 1}),
            "json_schema",
            {
                "type": "json_schema",
                "name": "response",
                "schema": {"type": "object", "properties": {}, "minProperties": 1},
                "strict": False,
            },
            [],
        ),
        (OutputFormat("json_object"), "json_schema", {"type": "json_object"}, []),
        (OutputFormat("text"), "json_schema", None, []),
        (OutputFormat("json_schema", SCHEMA), "json_object", {"type": "json_object"}, [("output", "approximated", "")]),
        (OutputFormat("json_schema", SCHEMA), "none", None, [("output", "dropped", "")]),
    ],
)
def test_the_shape_of_the_answer_is_flat(output: OutputFormat, best: Any, wire: Any, losses: Any) -> None:
    """``text.format`` has no wrapper, always a name, and strict only where the schema fits."""
    body, lost = encoded(request(output=output), Dialect(output=best))
    assert body.get("text", {}).get("format") == wire
    assert lost == losses


def test_what_only_openai_knows() -> None:
    """Metadata, tiers, cache keys and end users go to OpenAI's own servers alone; another vendor's user only as a hash for the cache."""
    asked = request(
        metadata={"a": "b"},
        service_tier="standard_only",
        cache=CacheRequest(key="k", retention="24h"),
        user="u",
        verbosity="low",
        format="openai_chat",
    )
    body, losses = encoded(asked)
    assert losses == []
    assert {
        key: body[key] for key in ("metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "text")
    } == {
        "metadata": {"a": "b"},
        "service_tier": "default",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "safety_identifier": "u",
        "text": {"verbosity": "low"},
    }
    assert encoded(msgspec.structs.replace(asked, service_tier="flex"), PLAIN)[1] == [
        ("verbosity", "dropped", ""),
        ("metadata", "dropped", ""),
        ("service_tier", "dropped", ""),
        ("cache_key", "dropped", ""),
        ("cache_retention", "dropped", ""),
        ("user", "dropped", ""),
    ]
    body, losses = encoded(request(user='{"device_id": "someone"}'))
    assert "someone" not in str(body)
    assert len(body["prompt_cache_key"]) == 32
    assert losses == [("user", "approximated", "")]


def test_nothing_is_stored_for_chat_clients() -> None:
    """A store of chat completions is not one of responses."""
    body, losses = encoded(request(format="openai_chat", state=State(store=True)))
    assert body["store"] is False
    assert losses == [("store", "dropped", "")]


def test_cached_contents_and_marks_of_the_whole() -> None:
    """Anthropic's top-level mark is a hint; Google's cached contents are a part of the prompt."""
    assert encoded(request(cache=CacheRequest(mark=CacheMark(), content="cachedContents/1")))[1] == [
        ("cache", "dropped", ""),
        ("prompt", "dropped", ""),
    ]


def test_another_providers_compaction_is_refused() -> None:
    """It stands for the conversation, and nobody else can read it."""
    part = Opaque("anthropic", "compaction", {"type": "compaction"}, "messages.0.content.0")
    with pytest.raises(Unsupported) as caught:
        encoded(request(assistant(part), user("A")))
    assert caught.value.path == "messages.0.content.0"


# ------------------------------------------------------------------------------------------------------------------------ own clients


def test_a_kept_conversation_is_not_put_right() -> None:
    """With ``previous_response_id`` or references, results answer calls that only the provider knows; their kind is what they say."""
    request = items(
        {"type": "item_reference", "id": "msg_1"},
        {"type": "custom_tool_call_output", "call_id": "call_9", "output": "x"},
        previous_response_id="resp_1",
        store=True,
    )
    body, losses = encoded(request)
    assert body["input"] == [
        {"type": "item_reference", "id": "msg_1"},
        {"type": "custom_tool_call_output", "call_id": "call_9", "output": "x"},
    ]
    assert (body["previous_response_id"], body["store"], losses) == ("resp_1", True, [])


def test_unknown_fields_come_back_to_their_own_wire() -> None:
    """At the top, in nested settings, on tools, messages, parts, calls and results."""
    body = {
        "model": "gpt-x",
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"context": "all_turns"},
        "text": {"tone": "dry"},
        "shiny": True,
        "tools": [{"type": "function", "name": "a", "parameters": SCHEMA, "output_schema": SCHEMA}],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "A", "hue": 1}], "weight": 2},
            {"type": "function_call", "call_id": "c", "name": "a", "arguments": "{}", "caller": {"type": "direct"}},
            {"type": "function_call_output", "call_id": "c", "output": "x", "async": True},
            {"type": "input_poem", "lines": 3},
        ],
    }
    assert encoded(CONVERTER.decode_request(WireRequest(body)).value) == (body, [])


def test_a_function_call_of_a_custom_tool_is_wrapped_likewise() -> None:
    """A custom tool without a grammar is emulated as a whole."""
    asked = request(user("A"), tools=(CustomTool("patch", "Edit.", None, "t.0"), CustomTool("sed", None, Grammar("regex", "s/.*/"), "t.1")))
    assert encoded(asked, PLAIN)[1] == [("tool", "emulated", "t.0"), ("grammar", "emulated", "t.1")]
    assert encoded(asked, OPENAI)[1] == []


def test_empty_groups_and_refusals() -> None:
    """A namespace without a description loses nothing when it is flattened; a refusal of history stays one."""
    asked = request(
        user("A"),
        assistant(Refusal("No.")),
        user("B"),
        tools=(FunctionTool("a", namespace="n"),),
        namespaces=(Namespace("n"),),
    )
    body, losses = encoded(asked, PLAIN)
    assert body["input"][1] == {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert (body["tools"][0]["name"], losses) == ("n__a", [])


def test_counting_sends_what_counts() -> None:
    """The count endpoint refuses the rest."""
    assert CONVERTER.encode_count_request is not None
    sent = CONVERTER.encode_count_request(
        decoded(
            {
                "instructions": "I",
                "max_output_tokens": 100,
                "temperature": 1.0,
                "stream": True,
                "store": False,
                "tools": [{"type": "web_search"}],
            }
        ),
        target(),
    )
    assert sent.wire.path == "/v1/responses/input_tokens"
    assert set(sent.wire.body) == {"model", "instructions", "input", "tools"}
