"""How requests of other wires are said on this one, and what that loses."""

from __future__ import annotations

import base64
import copy
from typing import Any

import msgspec
import pytest

from rosetta.converters.converter import Unsupported
from rosetta.converters.google_genai import CONVERTER, Dialect
from rosetta.ir.parts import CacheMark, Citation, FileId, Inline, Link, Media, Opaque, PlainText, Refusal, Seal, Text, ToolResult
from rosetta.ir.request import (
    CacheRequest,
    CustomTool,
    Effort,
    FunctionTool,
    Grammar,
    HostedTool,
    Namespace,
    OutputFormat,
    ReasoningRequest,
    Request,
    Sampling,
    State,
    ToolChoice,
    ToolName,
    Turn,
)
from tests.converters.google_genai.surroundings import (
    GEMINI_1,
    GEMINI_3,
    GEMINI_25,
    SCHEMA,
    WEATHER,
    assistant,
    call,
    contents,
    decoded,
    encoded,
    foreign,
    result,
    target,
    told,
    turn,
    user,
)

PNG = "iVBORw0KGgo="


# ------------------------------------------------------------------------------------------------------------------------------ turns


def test_a_plain_conversation_loses_nothing() -> None:
    """System, a tool loop and an image are said in this wire's own way, and nothing is reported."""
    request = foreign(
        user("Weather?"),
        assistant("I look.", call()),
        user(result()),
        assistant("Cold."),
        user("And this?", Media("image", Inline(PNG), "image/png")),
        system=(turn("system", "You are terse."), turn("developer", "And kind.")),
        tools=(WEATHER,),
        tool_choice=ToolChoice("auto"),
        parallel_tool_calls=True,
        state=State(False),
        stream=True,
    )
    before = copy.deepcopy(msgspec.to_builtins(request))
    sent = encoded(request)
    assert sent.losses == ()
    assert sent.wire.path == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    assert sent.wire.body == {
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {
                "role": "model",
                "parts": [{"text": "I look."}, {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}}],
            },
            {"role": "user", "parts": [{"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "cold"}}}]},
            {"role": "model", "parts": [{"text": "Cold."}]},
            {"role": "user", "parts": [{"text": "And this?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        ],
        "systemInstruction": {"parts": [{"text": "You are terse."}, {"text": "And kind."}]},
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather.", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    }
    assert msgspec.to_builtins(request) == before


def test_a_batch_of_results_stands_in_one_content() -> None:
    """Calls in one model content, their results in one user content, in the order of the calls and before all words, whatever the source did."""
    request = foreign(
        user("Go"),
        assistant(call("a", "f"), call("b", "g"), call("c", "f")),
        user(result("c", "3"), "between", result("a", "1")),
        user(result("b", "2")),
        user("and on"),
        tools=(FunctionTool("f"), FunctionTool("g")),
    )
    sent = encoded(request)
    assert [content["role"] for content in sent.wire.body["contents"]] == ["user", "model", "user"]
    said = sent.wire.body["contents"][2]["parts"]
    assert [part["functionResponse"]["response"]["output"] for part in said[:3]] == ["1", "2", "3"]
    assert said[3:] == [{"text": "between"}, {"text": "and on"}]
    assert sent.losses == ()


def test_an_own_batch_in_pieces_is_one_batch() -> None:
    """A client that spreads one answer's calls and their results over several contents is understood, and Google gets equal numbers."""
    said, losses = contents(
        {"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "g", "args": {}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "g", "response": {"output": "2"}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]},
    )
    assert said[1:] == [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g", "args": {}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "1"}}},
                {"functionResponse": {"name": "g", "response": {"output": "2"}}},
            ],
        },
    ]
    assert losses == []


def test_the_results_of_chats_parallel_calls() -> None:
    """What a chat client says in two tool messages is one content here."""
    sent = encoded(
        foreign(user("Go"), assistant(call("a", "f"), call("b", "f")), user(result("b", "2"), result("a", "1")), tools=(FunctionTool("f"),))
    )
    assert [part["functionResponse"]["id"] for part in sent.wire.body["contents"][2]["parts"]] == ["a", "b"]
    assert sent.losses == ()


def test_a_call_without_a_result_gets_one() -> None:
    """Google demands as many results as calls."""
    sent = encoded(foreign(user("Go"), assistant(call("a", "f", at="messages.1.tool_calls.0")), user("Stop"), tools=(FunctionTool("f"),)))
    (answer, words) = sent.wire.body["contents"][2]["parts"]
    assert answer["functionResponse"]["response"] == {"error": "[no result provided]"}
    assert words == {"text": "Stop"}
    assert told(sent.losses) == [("injected", "tool_result", "messages.1.tool_calls.0")]


def test_a_system_message_in_the_middle_is_said_in_place() -> None:
    """Hoisting it would rewrite the cached prefix: the user says it, where it stood."""
    sent = encoded(foreign(user("A"), assistant("B"), turn("system", "Be brief.", at="messages.2"), user("C")))
    assert sent.wire.body["contents"][2] == {"role": "user", "parts": [{"text": "<system>\nBe brief.\n</system>"}, {"text": "C"}]}
    assert told(sent.losses) == [("approximated", "role", "messages.2")]


def test_a_conversation_begins_with_the_user_and_is_never_empty() -> None:
    """A history that begins with the model, one that has only a system prompt, and a message of nothing."""
    first = encoded(foreign(assistant("Hi"), user("Hello")))
    assert first.wire.body["contents"][0] == {"role": "user", "parts": [{"text": "."}]}
    assert told(first.losses) == [("injected", "text", "")]
    alone = encoded(foreign(system=(turn("system", "Speak."),), turns=()))
    assert alone.wire.body["contents"] == [{"role": "user", "parts": [{"text": "."}]}]
    assert told(alone.losses) == [("injected", "text", "")]
    empty = encoded(foreign(user("A"), assistant("B"), user("", at="messages.2"), assistant(Text("")), user("C")))
    assert [content["parts"] for content in empty.wire.body["contents"]] == [
        [{"text": "A"}],
        [{"text": "B"}],
        [{"text": "."}, {"text": "C"}],
    ]
    assert told(empty.losses) == [("injected", "text", "messages.2")]


def test_what_every_turn_may_lose() -> None:
    """Names of speakers, an effort of one turn, cache marks, unknown fields."""
    request = foreign(
        Turn("user", (Text("A", "messages.0.content.0", CacheMark("1h"), extras={"x": 1}),), "messages.0", name="bob", extras={"y": 1}),
        Turn("assistant", (Text("B", phase="commentary", citations=(Citation("openai_chat", {}),)),), "messages.1"),
        Turn("user", (Text("C"),), "messages.2", effort="low"),
    )
    sent = encoded(request)
    assert told(sent.losses) == [
        ("dropped", "cache", "messages.0.content.0"),
        ("dropped", "x", "messages.0.content.0"),
        ("dropped", "name", "messages.0"),
        ("dropped", "y", "messages.0"),
        ("dropped", "phase", ""),
        ("dropped", "citations", ""),
        ("approximated", "effort", "messages.2"),
    ]
    assert sent.wire.body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "LOW"}}


def test_turns_only_grow() -> None:
    """What is sent for the first turns is the beginning of what is sent for more: prompts are cached by their prefix."""
    turns = (
        user("Weather?"),
        assistant("I look.", call("a"), call("b")),
        user(result("b"), result("a")),
        assistant("Cold."),
        turn("system", "Be brief."),
        user("And in Bergen?"),
        assistant(call("c")),
        user(result("c", "wet")),
    )
    whole = encoded(foreign(*turns, tools=(WEATHER,)), GEMINI_3).wire.body["contents"]
    for end in (1, 3, 4, 6):
        part = encoded(foreign(*turns[:end], tools=(WEATHER,))).wire.body["contents"]
        assert [_unsigned(content) for content in whole[: len(part)]] == part


def _unsigned(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "parts": [{key: value for key, value in part.items() if key != "thoughtSignature"} for part in content["parts"]]}


# ------------------------------------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("media", "wire", "losses"),
    [
        (Media("image", Inline(PNG)), {"inlineData": {"mimeType": "image/png", "data": PNG}}, []),
        (Media("document", Inline("AAAA")), {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}, []),
        (Media("audio", Inline("AAAA"), "audio/wav"), {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}, []),
        (Media("image", Inline(PNG), "image/png", detail="high"), {"inlineData": {"mimeType": "image/png", "data": PNG}}, ["detail"]),
        (Media("image", Inline(PNG), "image/png", detail="auto"), {"inlineData": {"mimeType": "image/png", "data": PNG}}, []),
        (
            Media("document", Inline("AAAA"), "application/pdf", name="a.pdf", title="T", context="C", citable=True),
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
            ["filename", "title", "context", "citable"],
        ),
        (Media("document", PlainText("Words."), title="T", context="C"), {"text": "T\n\nWords."}, ["document", "context"]),
        (Media("image", Link("https://example.com/a.png")), None, ["image"]),
        (Media("image", FileId("file-1")), None, ["image"]),
        (Media("video", Link("https://youtu.be/x")), {"fileData": {"fileUri": "https://youtu.be/x"}}, []),
    ],
)
def test_media(media: Media, wire: dict[str, Any] | None, losses: list[str]) -> None:
    """Bytes as they are; what is stored elsewhere, and what the wire has no word for, is named."""
    sent = encoded(foreign(user("See", media)))
    assert sent.wire.body["contents"][0]["parts"][1:] == ([] if wire is None else [wire])
    assert [loss.field for loss in sent.losses] == losses


def test_an_address_where_the_target_fetches_it() -> None:
    """Some models take any https address."""
    sent = encoded(foreign(user(Media("image", Link("https://example.com/a.png"), "image/png"))), GEMINI_3)
    assert sent.wire.body["contents"][0]["parts"] == [{"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}}]
    assert sent.losses == ()


def test_refusals_and_opaque_parts() -> None:
    """A refusal is said as text; another wire's own part as its words, or not at all."""
    request = foreign(
        user("A"),
        assistant(
            Refusal("No.", "messages.1.refusal"),
            Opaque("anthropic", "web_search_tool_result", {"type": "x"}, "messages.1.content.1", text="Found."),
            Opaque("anthropic", "container_upload", {"type": "y"}, "messages.1.content.2"),
        ),
    )
    sent = encoded(request)
    assert sent.wire.body["contents"][1]["parts"] == [{"text": "No."}, {"text": "Found."}]
    assert told(sent.losses) == [
        ("approximated", "refusal", "messages.1.refusal"),
        ("approximated", "part", "messages.1.content.1"),
        ("dropped", "part", "messages.1.content.2"),
    ]


# ------------------------------------------------------------------------------------------------------------------------------ calls and results


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("cold", {"output": "cold"}),
        ('{"a": 1}', {"a": 1}),
        ("{}", {"output": "{}"}),
        ("[1]", {"output": "[1]"}),
        ('{"output": 1}', {"output": '{"output": 1}'}),
        ('{"error": 1}', {"output": '{"error": 1}'}),
        ('{"name": 1, "content": 2}', {"output": '{"name": 1, "content": 2}'}),
        ('{"cut', {"output": '{"cut'}),
    ],
)
def test_a_result_is_an_object(text: str, response: dict[str, Any]) -> None:
    """A text that is an object stands for itself, any other is wrapped; and it is read back as the same."""
    sent = encoded(foreign(user("Go"), assistant(call()), user(result(text=text)), tools=(WEATHER,)))
    (part,) = sent.wire.body["contents"][2]["parts"]
    assert part["functionResponse"]["response"] == response
    assert sent.losses == ()
    (back,) = decoded({"contents": sent.wire.body["contents"]}).turns[2].parts
    assert isinstance(back, ToolResult)
    (said,) = back.parts
    assert isinstance(said, Text)
    assert said.text == text.replace(": ", ":").replace(", ", ",") if response == {"a": 1} else text


def test_a_failed_result() -> None:
    """``error`` tells it."""
    sent = encoded(foreign(user("Go"), assistant(call()), user(result(text="broken", is_error=True)), tools=(WEATHER,)))
    assert sent.wire.body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"error": "broken"}
    assert sent.losses == ()


def test_media_in_a_result() -> None:
    """Gemini 3 takes pictures inside the result, older models beside it."""
    picture = Media("image", Inline(PNG), "image/png", name="a.png")
    answer = ToolResult("call_1", (Text("See"), picture, Text("there")), "messages.2")
    request = foreign(user("Go"), assistant(call()), user(answer), tools=(WEATHER,))
    (inside,) = encoded(request).wire.body["contents"][2]["parts"]
    assert inside["functionResponse"]["response"] == {"output": "See\n\nthere"}
    assert inside["functionResponse"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a.png"}}]
    older = encoded(request, GEMINI_25)
    (alone, beside) = older.wire.body["contents"][2]["parts"]
    assert "parts" not in alone["functionResponse"]
    assert "id" not in alone["functionResponse"]
    assert beside["inlineData"]["data"] == PNG
    assert told(older.losses) == [("emulated", "tool_result", "messages.2")]


def test_arguments_that_are_no_object_are_wrapped() -> None:
    """What a model wrote and broke stays visible."""
    request = foreign(
        user("Go"),
        assistant(call("a", arguments='{"city": "Os', at="messages.1.tool_calls.0"), call("b", arguments="")),
        user(result("a"), result("b")),
        tools=(WEATHER,),
    )
    sent = encoded(request)
    assert [part["functionCall"]["args"] for part in sent.wire.body["contents"][1]["parts"]] == [{"_raw": '{"city": "Os'}, {}]
    assert told(sent.losses) == [("approximated", "arguments", "messages.1.tool_calls.0")]


def test_ids_only_where_the_model_knows_them() -> None:
    """Gemini before 3 answers 400 to an id."""
    sent = encoded(foreign(user("Go"), assistant(call()), user(result()), tools=(WEATHER,)), GEMINI_25)
    assert all("id" not in next(iter(part.values())) for content in sent.wire.body["contents"][1:] for part in content["parts"])


# ------------------------------------------------------------------------------------------------------------------------------ tools


def test_names_that_google_refuses_and_their_way_back() -> None:
    """Blanks, a digit in front and too many letters go; namespaces are flattened; the ticket knows the client's names."""
    tools = (
        FunctionTool("1st tool"),
        FunctionTool("x" * 80),
        FunctionTool("close", namespace="agents"),
        FunctionTool("mcp.server:tool-1"),
        CustomTool("apply_patch"),
    )
    history = (user("Go"), assistant(call("a", "1st tool"), call("b", "close", namespace="agents")), user(result("a"), result("b")))
    sent = encoded(foreign(*history, tools=tools, tool_choice=ToolChoice("required", (ToolName("close", "agents"),))))
    names = [function["name"] for function in sent.wire.body["tools"][0]["functionDeclarations"]]
    assert names[0] == "_1st_tool"
    assert len(names[1]) == 64
    assert names[2:] == ["agents__close", "mcp.server:tool-1", "apply_patch"]
    assert [part["functionCall"]["name"] for part in sent.wire.body["contents"][1]["parts"]] == ["_1st_tool", "agents__close"]
    assert [part["functionResponse"]["name"] for part in sent.wire.body["contents"][2]["parts"]] == ["_1st_tool", "agents__close"]
    assert sent.wire.body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["agents__close"]}}
    assert sent.ticket.names == {
        "_1st_tool": ToolName("1st tool"),
        names[1]: ToolName("x" * 80),
        "agents__close": ToolName("close", "agents"),
        "apply_patch": ToolName("apply_patch", kind="custom"),
    }
    assert told(sent.losses) == [("emulated", "tool", "")]


def test_a_free_text_tool_is_a_function_with_one_string() -> None:
    """Its grammar stands in the description, its calls in history are wrapped alike."""
    tool = CustomTool("patch", "Edits.", Grammar("lark", "start: X"), "tools.0", deferred=True, extras={"x": 1})
    request = foreign(
        user("Go"), assistant(call("a", "patch", "*** Begin", kind="custom")), user(result("a", kind="custom")), tools=(tool,)
    )
    sent = encoded(request)
    (function,) = sent.wire.body["tools"][0]["functionDeclarations"]
    assert "start: X" in function["description"]
    assert function["parametersJsonSchema"]["required"] == ["input"]
    assert sent.wire.body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": "*** Begin"}
    assert told(sent.losses) == [("emulated", "grammar", "tools.0"), ("approximated", "deferred", "tools.0"), ("dropped", "x", "tools.0")]


def test_what_a_tool_may_lose() -> None:
    """strict, a cache mark, deferral, unknown fields, a namespace's words."""
    tool = FunctionTool("f", None, SCHEMA, "tools.0", True, "ns", True, CacheMark(), {"x": 1})
    sent = encoded(foreign(tools=(tool,), namespaces=(Namespace("ns", "Words.", "tools.1", {"y": 1}), Namespace("quiet"))))
    assert told(sent.losses) == [
        ("dropped", "namespace", "tools.1"),
        ("dropped", "y", "tools.1"),
        ("dropped", "strict", "tools.0"),
        ("approximated", "deferred", "tools.0"),
        ("dropped", "cache", "tools.0"),
        ("dropped", "x", "tools.0"),
    ]


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        (None, False),
        ({"type": "object", "properties": {}}, False),
        ({"type": "object", "properties": {}, "additionalProperties": False}, False),
        ({"type": "object", "additionalProperties": True}, True),
        ({"type": "object", "oneOf": [{"required": ["a"]}]}, True),
        (SCHEMA, True),
    ],
)
def test_a_function_without_arguments_has_no_schema(schema: dict[str, Any] | None, kept: bool) -> None:
    """And one that takes anything keeps its own."""
    (function,) = encoded(foreign(tools=(FunctionTool("f", schema=schema),))).wire.body["tools"][0]["functionDeclarations"]
    assert ("parametersJsonSchema" in function) is kept


RICH_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"kind": {"const": "a"}, "of": {"oneOf": [{"type": "string"}, {"type": "integer"}]}, "to": {"$ref": "#/$defs/T"}},
    "$defs": {"T": {"type": ["string", "null"]}},
}


def test_schemas_by_dialect() -> None:
    """JSON Schema keeps oneOf, const and references; the OpenAPI subset says them its own way."""
    plain = encoded(foreign(tools=(FunctionTool("f", schema=RICH_SCHEMA, at="tools.0"),)))
    (function,) = plain.wire.body["tools"][0]["functionDeclarations"]
    assert function["parametersJsonSchema"] == {key: value for key, value in RICH_SCHEMA.items() if key != "$schema"}
    assert plain.losses == ()
    old = encoded(
        foreign(tools=(FunctionTool("f", schema=RICH_SCHEMA, at="tools.0"), FunctionTool("g", schema={"type": "object"}))), GEMINI_1
    )
    first, second = old.wire.body["tools"][0]["functionDeclarations"]
    assert first["parameters"]["type"] == "OBJECT"
    assert first["parameters"]["properties"]["kind"] == {"type": "STRING", "enum": ["a"]}
    assert first["parameters"]["properties"]["to"] == {"type": "STRING", "nullable": True}
    assert "parameters" not in second


def test_hosted_tools() -> None:
    """A web search is a web search where the target runs one; its settings, and what Google does not have, are named."""
    tools = (
        WEATHER,
        HostedTool("web_search", "anthropic", {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}, "tools.1"),
        HostedTool("code_execution", "openai_responses", {"type": "code_interpreter"}, "tools.2"),
        HostedTool("mcp", "openai_responses", {"type": "mcp"}, "tools.3"),
    )
    sent = encoded(foreign(tools=tools))
    assert sent.wire.body["tools"][1:] == [{"googleSearch": {}}, {"codeExecution": {}}]
    assert told(sent.losses) == [("dropped", "max_uses", "tools.1"), ("dropped", "hosted_tool", "tools.3")]
    without = encoded(foreign(tools=tools), GEMINI_1)
    assert told(without.losses) == [("dropped", "hosted_tool", f"tools.{place}") for place in (1, 2, 3)]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", (ToolName("weather"),)), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (ToolChoice("auto", (ToolName("weather"),)), {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_tool_choice(choice: ToolChoice, config: dict[str, Any]) -> None:
    """Every choice has its word here; VALIDATED is a choice among some, or none."""
    sent = encoded(foreign(tools=(WEATHER,), tool_choice=choice))
    assert sent.wire.body["toolConfig"] == {"functionCallingConfig": config}
    assert sent.losses == ()
    assert decoded(sent.wire.body).tool_choice == choice


def test_a_choice_without_functions() -> None:
    """Nothing can be forced then; parallel calls are nothing to speak of either."""
    sent = encoded(foreign(tool_choice=ToolChoice("required"), parallel_tool_calls=False))
    assert "toolConfig" not in sent.wire.body
    assert told(sent.losses) == [("approximated", "tool_choice", "")]
    assert encoded(foreign(tool_choice=ToolChoice("none"))).losses == ()


def test_a_choice_that_is_not_known_here() -> None:
    """Another wire's hosted tool cannot be forced; parallel calls cannot be forbidden."""
    choice = ToolChoice("required", hosted={"type": "mcp"}, format="openai_responses", extras={"x": 1})
    sent = encoded(foreign(tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=False))
    assert sent.wire.body["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}
    assert told(sent.losses) == [("dropped", "parallel_tool_calls", ""), ("dropped", "x", ""), ("approximated", "tool_choice", "")]


# ------------------------------------------------------------------------------------------------------------------------------ settings


def test_settings() -> None:
    """What Google has, in its words; what it has not, by name."""
    request = foreign(
        sampling=Sampling(1.5, 0.9, 40, 7, 0.1, 0.2, {"1": 2.0}, True, 3, 2),
        max_output_tokens=100,
        stop=("a", "b", "c", "d", "e", "f"),
        verbosity="low",
        modalities=("text", "audio"),
        cache=CacheRequest("k", "24h", CacheMark()),
        state=State(True, background=True),
        service_tier="default",
        user="u",
        metadata={"a": "b"},
        include=("reasoning.encrypted_content", "message.output_text.logprobs"),
        betas=("b",),
        extras={"prediction": {}},
    )
    sent = encoded(request)
    assert sent.wire.body["generationConfig"] == {
        "maxOutputTokens": 100,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "temperature": 1.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "candidateCount": 2,
        "responseModalities": ["TEXT", "AUDIO"],
    }
    assert sent.wire.body["serviceTier"] == "standard"
    assert {(loss.kind, loss.field) for loss in sent.losses} == {
        ("dropped", "background"),
        ("dropped", "store"),
        ("approximated", "stop"),
        ("dropped", "logit_bias"),
        ("dropped", "metadata"),
        ("dropped", "cache_key"),
        ("dropped", "cache_retention"),
        ("dropped", "cache"),
        ("dropped", "verbosity"),
        ("dropped", "user"),
        ("dropped", "betas"),
        ("dropped", "include"),
        ("dropped", "prediction"),
    }
    assert len(sent.losses) == 13


def test_settings_that_a_model_refuses() -> None:
    """Rows say which; one candidate is what everybody gives."""
    request = foreign(sampling=Sampling(temperature=1.0, presence_penalty=0.5, n=1, seed=1), service_tier="auto", modalities=("text",))
    sent = encoded(request, Dialect(sampling=False, penalties=False, candidates=False))
    assert sent.wire.body["generationConfig"] == {"seed": 1}
    assert told(sent.losses) == [("dropped", "temperature", ""), ("dropped", "presence_penalty", "")]
    many = encoded(foreign(sampling=Sampling(n=2), service_tier="scale"), Dialect(candidates=False))
    assert told(many.losses) == [("dropped", "n", ""), ("dropped", "service_tier", "")]


def test_structured_output() -> None:
    """A schema, JSON without one, text; its description goes into the schema."""
    form = OutputFormat("json_schema", SCHEMA, "city", "A city.", True)
    sent = encoded(foreign(output=form))
    assert sent.wire.body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {**SCHEMA, "description": "A city."},
    }
    assert sent.losses == ()
    old = encoded(foreign(output=form), GEMINI_1)
    assert old.wire.body["generationConfig"]["responseSchema"]["type"] == "OBJECT"
    assert encoded(foreign(output=OutputFormat("json_object"))).wire.body["generationConfig"] == {"responseMimeType": "application/json"}
    assert "generationConfig" not in encoded(foreign(output=OutputFormat("text"))).wire.body
    both = encoded(foreign(output=form, tools=(WEATHER,)), GEMINI_25)
    assert told(both.losses) == [("dropped", "output", "")]


@pytest.mark.parametrize(
    ("wanted", "dialect", "config", "losses"),
    [
        (ReasoningRequest(effort="high"), Dialect(), {"thinkingLevel": "HIGH"}, []),
        (ReasoningRequest(effort="minimal"), Dialect(), {"thinkingLevel": "LOW"}, ["approximated effort"]),
        (ReasoningRequest(effort="max"), Dialect(), {"thinkingLevel": "HIGH"}, ["approximated effort"]),
        (ReasoningRequest(effort="none"), Dialect(), {"thinkingLevel": "LOW"}, ["approximated effort"]),
        (ReasoningRequest("off"), Dialect(levels=("MINIMAL", "HIGH")), {"thinkingLevel": "MINIMAL"}, ["approximated reasoning"]),
        (ReasoningRequest("on", budget=10_000), Dialect(), {"thinkingLevel": "HIGH"}, ["approximated budget"]),
        (ReasoningRequest("on", "low", 10_000), Dialect(), {"thinkingLevel": "LOW"}, ["approximated budget"]),
        (ReasoningRequest("adaptive", visible=True), Dialect(), {"includeThoughts": True}, []),
        (ReasoningRequest(summary="auto"), Dialect(), {"includeThoughts": True}, []),
        (
            ReasoningRequest(effort="high", summary="detailed"),
            Dialect(),
            {"includeThoughts": True, "thinkingLevel": "HIGH"},
            ["approximated summary"],
        ),
        (ReasoningRequest("on", budget=5000), GEMINI_25, {"thinkingBudget": 5000}, []),
        (
            ReasoningRequest("on", budget=64, visible=False),
            GEMINI_25,
            {"includeThoughts": False, "thinkingBudget": 128},
            ["approximated budget"],
        ),
        (ReasoningRequest("on", "high", 5000), GEMINI_25, {"thinkingBudget": 5000}, ["approximated effort"]),
        (ReasoningRequest(effort="medium"), GEMINI_25, {"thinkingBudget": 8192}, ["emulated effort"]),
        (ReasoningRequest("off"), GEMINI_25, {"thinkingBudget": 0}, []),
        (ReasoningRequest(effort="none"), Dialect(thinking="budget", budget_min=128), {"thinkingBudget": 128}, ["approximated effort"]),
        (ReasoningRequest("adaptive"), GEMINI_25, {"thinkingBudget": -1}, []),
        (ReasoningRequest(effort="high", visible=True), GEMINI_1, None, ["dropped effort", "dropped visible"]),
        (ReasoningRequest("off", "none", visible=False), GEMINI_1, None, []),
        (ReasoningRequest(extras={"x": 1}), Dialect(), None, ["dropped x"]),
    ],
)
def test_thinking(wanted: ReasoningRequest, dialect: Dialect, config: dict[str, Any] | None, losses: list[str]) -> None:
    """A level or a budget, never both, in what the model has of them."""
    sent = encoded(foreign(reasoning=wanted), dialect)
    assert sent.wire.body.get("generationConfig", {}).get("thinkingConfig") == config
    assert [f"{loss.kind} {loss.field}" for loss in sent.losses] == losses


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
@pytest.mark.parametrize("dialect", [Dialect(), GEMINI_25, GEMINI_1, Dialect(levels=("LOW", "HIGH"))])
def test_every_effort_is_sendable(effort: Effort, dialect: Dialect) -> None:
    """Whatever the client wants, the target gets a value that it knows."""
    body = encoded(foreign(reasoning=ReasoningRequest(effort=effort)), dialect).wire.body
    thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
    assert thinking.get("thinkingLevel", dialect.levels[0]) in dialect.levels
    assert thinking.get("thinkingBudget", 0) <= dialect.budget_max


@pytest.mark.parametrize("state", [State(previous_response_id="resp_1"), State(conversation="conv_1")])
def test_state_at_another_provider_is_refused(state: State) -> None:
    """The client is told to send its whole input."""
    with pytest.raises(Unsupported) as refused:
        CONVERTER.encode_request(foreign(state=state), target())
    assert refused.value.code == "previous_response_not_found"
    assert "whole input" in refused.value.message


# ------------------------------------------------------------------------------------------------------------------------------ the own wire


def test_an_own_request_is_said_as_it_was() -> None:
    """Unknown fields, hosted tools, an own mode, levels newer than this code, a file of Google's, thoughts: everything goes back."""
    body: dict[str, Any] = {
        "contents": [
            {"role": "user", "parts": [{"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v"}, "videoMetadata": {"fps": 1}}]},
            {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Yes."}, {"toolCall": {"id": "1", "toolType": "X"}}]},
            {"role": "user", "parts": [{"text": "A"}], "newField": 1},
            {"role": "user", "parts": [{"text": "B"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}, {"urlContext": {}}, {"newTool": {"a": 1}}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED", "x": 1}, "retrievalConfig": {"languageCode": "no"}},
        "safetySettings": [],
        "cachedContent": "cachedContents/1",
        "labels": {"a": "b"},
        "store": True,
        "generationConfig": {
            "responseMimeType": "text/x.enum",
            "responseJsonSchema": {"$schema": "x", "type": "string", "enum": ["a"]},
            "stopSequences": list("abcdef"),
            "thinkingConfig": {"thinkingLevel": "ULTRA", "newOption": 1},
            "speechConfig": {"a": 1},
        },
    }
    sent = encoded_own(body)
    assert sent.wire.body == body
    assert sent.losses == ()


def encoded_own(body: dict[str, Any]) -> Any:
    return CONVERTER.encode_request(decoded(body), target())


def test_foreign_losses_of_an_own_request_name_the_clients_words() -> None:
    """The IR's words, told in this wire's."""
    words = CONVERTER.words
    assert words["max_output_tokens"] == "generationConfig.maxOutputTokens"
    assert words["tool_choice"] == "toolConfig.functionCallingConfig"
    assert words["filename"] == "displayName"


def test_an_empty_own_message_stays_empty() -> None:
    """Nothing is put into an own client's mouth."""
    said, losses = contents(
        {"role": "user", "parts": [{"text": "A"}]}, {"role": "model", "parts": [{"text": "B"}]}, {"role": "user", "parts": [{"text": ""}]}
    )
    assert said[-1] == {"role": "user", "parts": [{"text": ""}]}
    assert losses == []


def test_signatures_are_valid_base64() -> None:
    """The Python SDK sends the URL-safe alphabet and the server's own proto JSON takes both; here it is always the standard one."""
    said, losses = contents(
        {"role": "user", "parts": [{"text": "A"}]}, {"role": "model", "parts": [{"text": "B", "thoughtSignature": "-_-_YQ"}]}
    )
    assert base64.b64decode(said[1]["parts"][0]["thoughtSignature"], validate=True) == base64.urlsafe_b64decode("-_-_YQ==")
    assert losses == []


def test_a_request_of_any_format_is_encoded_from_hand_built_ir() -> None:
    """Turns without places, parts without marks: what tests and tools build by hand."""
    request = Request(format="anthropic", model="m", turns=(user("Hello"),))
    assert encoded(request).wire.body == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_every_step_of_gemini_3_has_a_signature() -> None:
    """Its own, else the documented value that switches validation off, in turns that are over too: they are the prefix of the next request."""
    signed = Seal("thought_signature", "c2ln", "gemini", "gemini-x", bound="part")
    sent = encoded(
        foreign(
            user("Go"),
            assistant(call("a", seal=signed), call("b")),
            user(result("a"), result("b")),
            assistant(call("c", at="c")),
            user(result("c")),
            assistant("Done."),
            user("Again"),
            assistant(call("d", at="d")),
            user(result("d")),
        ),
        GEMINI_3,
    )
    signatures = [
        part.get("thoughtSignature") for content in sent.wire.body["contents"] for part in content["parts"] if "functionCall" in part
    ]
    assert [value and base64.b64decode(value) for value in signatures] == [
        b"sig",
        None,
        b"skip_thought_signature_validator",
        b"skip_thought_signature_validator",
    ]
    assert told(sent.losses) == [("injected", "seal", "c"), ("injected", "seal", "d")]
