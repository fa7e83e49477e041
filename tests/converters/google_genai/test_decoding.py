"""What Google's clients send, in every spelling, and what the IR holds of it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters.converter import Malformed, WireRequest
from rosetta.converters.google_genai import CONVERTER, Dialect
from rosetta.ir.parts import FileId, Inline, Link, Media, Opaque, Text, ToolCall, ToolResult
from rosetta.ir.request import (
    CacheRequest,
    FunctionTool,
    HostedTool,
    OutputFormat,
    ReasoningRequest,
    Request,
    Sampling,
    State,
    ToolChoice,
    ToolName,
)
from tests.converters.google_genai.surroundings import SCHEMA, decoded, encoded, target

REQUESTS = Path(__file__).parents[2] / "wire" / "google_genai" / "requests"
PNG = "iVBORw0KGgo="

RICH: dict[str, Any] = {
    "contents": [
        {"role": "user", "parts": [{"text": "Look."}, {"inlineData": {"mimeType": "image/png", "data": "+/+/YQ=="}}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "c1", "name": "weather", "args": {"home_city": "Oslo"}}, "thoughtSignature": "c2ln"},
                {"executableCode": {"language": "PYTHON", "code": "1 + 1"}},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": {"output": "cold"}}}]},
    ],
    "systemInstruction": {"parts": [{"text": "You are terse."}]},
    "tools": [
        {"functionDeclarations": [{"name": "weather", "description": "The weather.", "parametersJsonSchema": SCHEMA}]},
        {"googleSearch": {"timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"}}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "serviceTier": "flex",
    "labels": {"cost_center": "a_b"},
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "candidateCount": 2,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {"home_city": {"type": "string"}}},
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "seed": 7,
        "responseLogprobs": True,
        "logprobs": 3,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"},
    },
}
OF_THE_CALLER = {"args", "response", "parametersJsonSchema", "responseJsonSchema", "labels"}


def snake(node: Any, *, every: int = 1, _count: list[int] | None = None) -> Any:
    """The same body with every (second, third, …) key in snake_case, but for what is the caller's own."""
    count = _count if _count is not None else [0]
    if isinstance(node, dict):
        made = {}
        for key, value in node.items():
            count[0] += 1
            name = "".join(f"_{char.lower()}" if char.isupper() else char for char in key) if count[0] % every == 0 else key
            made[name] = value if key in OF_THE_CALLER else snake(value, every=every, _count=count)
        return made
    return [snake(item, every=every, _count=count) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("every", [1, 2, 3])
def test_every_spelling_is_the_same_request(every: int) -> None:
    """camelCase, snake_case and both mixed say the same, at every level; what is the caller's own keeps its keys."""
    body = snake(RICH, every=every)
    assert body != RICH
    before = copy.deepcopy(body)
    assert decoded(body) == decoded(RICH)
    assert body == before, "the caller's body is left as it was"


def test_a_rich_request() -> None:
    """Every documented field has its place in the IR."""
    assert decoded(RICH) == Request(
        format="google_genai",
        model="gemini-x",
        system=(decoded({"systemInstruction": {"parts": [{"text": "You are terse."}]}}).system),
        turns=decoded({"contents": RICH["contents"]}).turns,
        tools=(
            FunctionTool("weather", "The weather.", SCHEMA, "tools.0.functionDeclarations.0"),
            HostedTool(
                "web_search",
                "google_genai",
                {"googleSearch": {"timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"}}},
                "tools.1.googleSearch",
            ),
        ),
        tool_choice=ToolChoice("required", (ToolName("weather"),)),
        sampling=Sampling(0.5, 0.9, 40, 7, 0.1, 0.2, None, True, 3, 2),
        max_output_tokens=100,
        stop=("END",),
        reasoning=ReasoningRequest(effort="high", visible=True),
        output=OutputFormat("json_schema", {"type": "object", "properties": {"home_city": {"type": "string"}}}),
        cache=CacheRequest(content="cachedContents/1"),
        service_tier="flex",
        metadata={"cost_center": "a_b"},
        extras={
            "generationConfig.mediaResolution": "MEDIA_RESOLUTION_LOW",
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        },
    )


def test_the_parts_of_a_conversation() -> None:
    """Each part carries the place it came from; arguments are text, a result is named, code is opaque and readable."""
    first, second, third = decoded(RICH).turns
    assert first.parts == (
        Text("Look.", "contents.0.parts.0"),
        Media("image", Inline("+/+/YQ=="), "image/png", "contents.0.parts.1"),
    )
    made, code = second.parts
    assert isinstance(made, ToolCall)
    assert (made.id, made.name, made.arguments, made.at) == ("c1", "weather", '{"home_city":"Oslo"}', "contents.1.parts.0")
    assert isinstance(code, Opaque)
    assert (code.kind, code.text) == ("executableCode", "1 + 1")
    assert third.parts == (
        ToolResult("c1", (Text("cold", "contents.2.parts.0.functionResponse.response"),), "contents.2.parts.0", "weather"),
    )


@pytest.mark.parametrize("data", ["-_-_YQ==", "-_-_YQ", "+/+/YQ", "+/+/\nYQ=="])
def test_both_alphabets_of_base64(data: str) -> None:
    """The Python SDK sends the URL-safe alphabet; padding and line breaks are as they may be."""
    (only,) = decoded({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}).turns
    assert only.parts == (Media("image", Inline("+/+/YQ=="), "image/png", "contents.0.parts.0"),)


@pytest.mark.parametrize(
    ("part", "kind", "source", "mime"),
    [
        ({"inlineData": {"data": PNG}}, "image", Inline(PNG), "image/png"),
        ({"inlineData": {"mimeType": "AUDIO/WAV", "data": "AAAA"}}, "audio", Inline("AAAA"), "audio/wav"),
        ({"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}, "document", Inline("AAAA"), "application/pdf"),
        ({"fileData": {"fileUri": "gs://b/v.mp4", "mimeType": "video/mp4"}}, "video", FileId("gs://b/v.mp4"), "video/mp4"),
        ({"fileData": {"fileUri": "https://youtu.be/x"}}, "video", FileId("https://youtu.be/x"), None),
        ({"fileData": {"fileUri": "https://example.com/a.png?x=1"}}, "image", Link("https://example.com/a.png?x=1"), None),
        (
            {"fileData": {"fileUri": "https://example.com/a", "mimeType": "image/webp"}},
            "image",
            Link("https://example.com/a"),
            "image/webp",
        ),
    ],
)
def test_media(part: dict[str, Any], kind: str, source: Any, mime: str | None) -> None:
    """Bytes, files of Google's own store and addresses, told apart; the kind comes from the type, else from the address or the bytes."""
    (only,) = decoded({"contents": [{"parts": [part]}]}).turns
    assert only.parts == (Media(kind, source, mime, "contents.0.parts.0"),)  # type: ignore[arg-type]


def test_what_nobody_knows_stays_where_it_was() -> None:
    """Unknown fields of a part and of the object in it come back on their own wire, each at its level; null ones are absent."""
    contents = [
        {
            "role": "user",
            "parts": [{"text": "Hello", "partMetadata": {"a": 1}}, {"inlineData": {"mimeType": "a/b", "data": "AAAA", "x": 1}, "y": 2}],
        },
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "f", "args": {}, "willContinue": True}, "partMetadata": {"b": 2}}],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "x"}, "scheduling": "SILENT"}, "partMetadata": {}, "z": None}
            ],
        },
    ]
    sent = CONVERTER.encode_request(decoded({"contents": contents, "newField": {"a": 1}, "nullField": None}), target())
    del contents[2]["parts"][0]["z"]  # type: ignore[attr-defined]
    assert sent.wire.body == {"contents": contents, "newField": {"a": 1}}
    assert sent.losses == ()


def test_a_type_with_parameters_keeps_them() -> None:
    """``audio/L16;rate=16000`` means nothing without its rate."""
    contents = [{"role": "user", "parts": [{"inlineData": {"mimeType": "audio/L16;rate=16000", "data": "AAAA"}}]}]
    request = decoded({"contents": contents})
    (only,) = request.turns[0].parts
    assert isinstance(only, Media)
    assert only.mime == "audio/l16"
    assert CONVERTER.encode_request(request, target()).wire.body["contents"] == contents


# ------------------------------------------------------------------------------------------------------------------------------ calls


def test_calls_without_ids_get_them_from_their_place() -> None:
    """Two calls of one function differ; results without an id find them by name and order, whatever the order of names."""
    contents = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {
            "role": "model",
            "parts": [{"text": "I look."}, *({"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate("fgf"))],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": name, "response": {"output": str(n)}}} for n, name in ((1, "g"), (0, "f"), (2, "f"))],
        },
    ]
    request = decoded({"contents": contents})
    calls = [part.id for part in request.turns[1].parts if isinstance(part, ToolCall)]
    assert calls == ["call_1_1", "call_1_2", "call_1_3"]
    results = [(part.call_id, part.parts[0].text) for part in request.turns[2].parts if isinstance(part, ToolResult)]  # type: ignore[union-attr]
    assert results == [("call_1_2", "1"), ("call_1_1", "0"), ("call_1_3", "2")]
    longer = decoded({"contents": [*contents, {"role": "model", "parts": [{"text": "Cold."}]}, {"parts": [{"text": "Thanks"}]}]})
    assert longer.turns[:3] == request.turns, "the next request repeats the same ids"


def test_an_id_that_the_client_did_not_give_is_not_sent() -> None:
    """Back on its own wire a call without an id has none, and its result neither."""
    contents = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"id": "x", "name": "f", "args": {}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "a"}}},
                {"functionResponse": {"id": "x", "name": "f", "response": {"output": "b"}}},
            ],
        },
    ]
    sent = CONVERTER.encode_request(decoded({"contents": contents}), target())
    assert sent.wire.body["contents"] == contents
    assert sent.losses == ()


def test_a_result_names_its_call() -> None:
    """A result without a name takes it from the call; one with an id of its own for a call without one is matched by name; a stale call of an earlier step
    is not the one that is meant."""
    request = decoded(
        {
            "contents": [
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
                {"role": "user", "parts": [{"text": "Never mind, again."}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"id": "9", "name": "h"}}]},
                {"role": "function", "parts": [{"functionResponse": {"id": "sdk-1", "name": "f", "response": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"id": "9", "response": {"a": 1}}}]},
                {"role": "user", "parts": [{"functionResponse": {"response": {"late": 1}}}, {"functionResponse": {"name": "nobody"}}]},
            ]
        }
    )
    results = [(part.call_id, part.name) for turn in request.turns for part in turn.parts if isinstance(part, ToolResult)]
    assert results == [("call_2_0", "f"), ("9", "h"), ("call_0_0", "f"), ("call_5_1", "nobody")]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "cold"}, "cold", None),
        ({"output": {"a": [1]}}, '{"a":[1]}', None),
        ({"output": None}, "", None),
        ({"error": "broken"}, "broken", True),
        ({"error": {"code": 1}}, '{"code":1}', True),
        ({"name": "weather", "content": "cold"}, "cold", None),
        ({"r": "cold"}, '{"r":"cold"}', None),
        ({"output": "cold", "exit_code": 1}, '{"output":"cold","exit_code":1}', None),
        ({}, "{}", None),
    ],
)
def test_results_in_every_form(response: dict[str, Any], text: str, is_error: bool | None) -> None:
    """``output``, ``error``, the Vercel SDK's form, and any object for itself."""
    contents = [
        {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "f"}}]},
        {"parts": [{"functionResponse": {"id": "1", "name": "f", "response": response}}]},
    ]
    (only,) = decoded({"contents": contents}).turns[1].parts
    assert isinstance(only, ToolResult)
    assert "".join(part.text for part in only.parts if isinstance(part, Text)) == text
    assert only.is_error is is_error


def test_media_in_a_result() -> None:
    """Pictures that a tool returns stand in the result, after its words."""
    part = {
        "functionResponse": {"name": "f", "response": {"output": "see"}, "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}
    }
    (only,) = decoded({"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f"}}]}, {"parts": [part]}]}).turns[1].parts
    assert isinstance(only, ToolResult)
    assert [type(piece) for piece in only.parts] == [Text, Media]


# ------------------------------------------------------------------------------------------------------------------------------ settings


def test_types_in_upper_case_become_json_schema() -> None:
    """``parameters`` and ``responseSchema`` are an OpenAPI dialect: types in upper case, ``nullable``."""
    google = {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING", "nullable": True}, "n": {"type": "INTEGER"}},
        "required": ["city"],
    }
    plain = {"type": "object", "properties": {"city": {"type": ["string", "null"]}, "n": {"type": "integer"}}, "required": ["city"]}
    request = decoded(
        {"tools": [{"functionDeclarations": [{"name": "f", "parameters": google}]}], "generationConfig": {"responseSchema": google}}
    )
    (tool,) = request.tools
    assert isinstance(tool, FunctionTool)
    assert tool.schema == plain
    assert request.output == OutputFormat("json_schema", plain)


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "auto"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "any"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("required", (ToolName("f"), ToolName("g")))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("auto", (ToolName("f"),))),
        ({"mode": "VALIDATED"}, ToolChoice("auto", extras={"toolConfig.functionCallingConfig.mode": "VALIDATED"})),
        ({"mode": "NEWER"}, ToolChoice("auto", extras={"toolConfig.functionCallingConfig.mode": "NEWER"})),
        ({}, ToolChoice("auto")),
    ],
)
def test_tool_choice(config: dict[str, Any], choice: ToolChoice) -> None:
    """Modes in any case; what has no equal elsewhere is kept for its own wire."""
    assert decoded({"toolConfig": {"functionCallingConfig": config}}).tool_choice == choice


@pytest.mark.parametrize(
    ("thinking", "wanted"),
    [
        ({"thinkingLevel": "low"}, ReasoningRequest(effort="low")),
        ({"thinking_level": "MINIMAL", "include_thoughts": False}, ReasoningRequest(effort="minimal", visible=False)),
        ({"thinkingBudget": 0}, ReasoningRequest("off")),
        ({"thinkingBudget": -1}, ReasoningRequest("adaptive")),
        ({"thinkingBudget": 8192, "includeThoughts": True}, ReasoningRequest("on", budget=8192, visible=True)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, ReasoningRequest()),
        (
            {"thinkingLevel": "ULTRA", "x": 1},
            ReasoningRequest(extras={f"generationConfig.thinkingConfig.{k}": v for k, v in (("thinkingLevel", "ULTRA"), ("x", 1))}),
        ),
    ],
)
def test_thinking(thinking: dict[str, Any], wanted: ReasoningRequest) -> None:
    """A level, a budget with its two special values, and what is newer than this code."""
    assert decoded({"generationConfig": {"thinkingConfig": thinking}}).reasoning == wanted


def test_small_things() -> None:
    """A system instruction as text, system contents that lead, one content without its list, modalities, state, JSON without a schema."""
    request = decoded(
        {
            "systemInstruction": "Be terse.",
            "contents": {"parts": {"text": "Hello"}},
            "store": False,
            "generationConfig": {"responseModalities": ["TEXT", "Image"], "responseMimeType": "application/json", "topK": 40.0},
        }
    )
    assert [part for turn in request.system for part in turn.parts] == [Text("Be terse.", "systemInstruction")]
    assert [turn.role for turn in request.turns] == ["user"]
    assert request.state == State(False)
    assert request.modalities == ("text", "image")
    assert request.output == OutputFormat("json_object")
    assert request.sampling.top_k == 40
    leading = decoded({"contents": [{"role": "system", "parts": [{"text": "A"}]}, {"parts": [{"text": "B"}]}]})
    assert [turn.role for turn in (*leading.system, *leading.turns)] == ["system", "user"]


def test_the_model_and_the_stream_come_from_the_path() -> None:
    """A name with its collection, with slashes and with colons is the name."""
    wire = WireRequest({"contents": [{"parts": [{"text": "Hello"}]}]}, model="models/org/llama3.2:3b", stream=True)
    request = CONVERTER.decode_request(wire).value
    assert (request.model, request.stream) == ("org/llama3.2:3b", True)


# ------------------------------------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "contents"),
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "Hello"}, "contents"),
        ({"contents": [1]}, "contents.0"),
        ({"contents": [{"role": 1, "parts": []}]}, "contents.0.role"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents.0.role"),
        ({"contents": [{"parts": "x"}]}, "contents.0.parts"),
        ({"contents": [{"parts": [None]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents.0.parts.0.text"),
        ({"contents": [{"role": "model", "parts": [{"text": 1, "thought": True}]}]}, "contents.0.parts.0.text"),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "contents.0.parts.0.inlineData.data"),
        ({"contents": [{"parts": [{"inline_data": 1}]}]}, "contents.0.parts.0.inlineData"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": 1}}]}]}, "contents.0.parts.0.fileData.fileUri"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": []}]}]}, "contents.0.parts.0.functionCall"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]}, "contents.0.parts.0.functionCall.name"),
        (
            {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": "{}"}}]}]},
            "contents.0.parts.0.functionCall.args",
        ),
        ({"contents": [{"parts": [{"functionResponse": "x"}]}]}, "contents.0.parts.0.functionResponse"),
        ({"contents": [{"parts": [{"functionResponse": {"response": "x"}}]}]}, "contents.0.parts.0.functionResponse.response"),
        ({"contents": [{"parts": [{"functionResponse": {"parts": {}}}]}]}, "contents.0.parts.0.functionResponse.parts"),
        ({"contents": [{"parts": [{"functionResponse": {"parts": [1]}}]}]}, "contents.0.parts.0.functionResponse.parts.0"),
        ({"systemInstruction": 1}, "systemInstruction"),
        ({"systemInstruction": {"parts": 1}}, "systemInstruction.parts"),
        ({"tools": {}}, "tools"),
        ({"tools": [1]}, "tools.0"),
        ({"tools": [{"functionDeclarations": {}}]}, "tools.0.functionDeclarations"),
        ({"tools": [{"functionDeclarations": [1]}]}, "tools.0.functionDeclarations.0"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools.0.functionDeclarations.0.name"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": []}]}]}, "tools.0.functionDeclarations.0.parameters"),
        ({"toolConfig": 1}, "toolConfig"),
        ({"toolConfig": {"functionCallingConfig": 1}}, "toolConfig.functionCallingConfig"),
        ({"toolConfig": {"functionCallingConfig": {"mode": 1}}}, "toolConfig.functionCallingConfig.mode"),
        (
            {"tool_config": {"function_calling_config": {"allowed_function_names": [1]}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"topK": True}}, "generationConfig.topK"),
        ({"generationConfig": {"topK": float("inf")}}, "generationConfig.topK"),
        ({"generationConfig": {"maxOutputTokens": 1.5}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"stopSequences": ["a", 1]}}, "generationConfig.stopSequences.1"),
        ({"generationConfig": {"thinkingConfig": 1}}, "generationConfig.thinkingConfig"),
        ({"generation_config": {"thinking_config": {"thinking_budget": "1"}}}, "generationConfig.thinkingConfig.thinkingBudget"),
        ({"generationConfig": {"responseSchema": "x"}}, "generationConfig.responseSchema"),
    ],
)
def test_a_wrong_shape_is_told_with_its_path(body: dict[str, Any], path: str) -> None:
    """Wrong types of known fields, and what must be there and is not."""
    whole = body if "contents" in body or not body else {"contents": [{"parts": [{"text": "Hello"}]}], **body}
    with pytest.raises(Malformed) as fault:
        CONVERTER.decode_request(WireRequest(whole, model="m"))
    assert fault.value.path == path


def test_what_is_nested_too_deeply_is_malformed() -> None:
    """Neither the recursion limit nor the stack is the caller's business."""
    node: Any = {}
    for _ in range(100_000):
        node = {"a": node}
    for body in ({"contents": [{"parts": [{"text": "x"}]}], "x": node}, node):
        with pytest.raises(Malformed):
            CONVERTER.decode_request(WireRequest(body, model="m"))


_KEYS = """
    contents role parts text thought thoughtSignature inline_data inlineData mimeType data fileData fileUri
    functionCall function_response functionResponse name args id response output error content executableCode
    systemInstruction tools functionDeclarations parameters googleSearch toolConfig functionCallingConfig mode
    allowedFunctionNames generationConfig thinkingConfig thinkingBudget thinkingLevel stopSequences responseSchema
    responseMimeType candidates finishReason usageMetadata promptTokenCount groundingMetadata groundingChunks
    groundingSupports segment groundingChunkIndices web uri startIndex endIndex citationMetadata citationSources
    promptFeedback blockReason index logprobsResult chosenCandidates token error message status details
"""
_WORDS = "user model system function application/json ANY STOP LOW cnN0MS5XMQ== rst1.W10 SAFETY /"
KEYS = st.sampled_from(_KEYS.split())
WORDS = st.sampled_from(_WORDS.split())
SCALARS = st.none() | st.booleans() | st.integers(-3, 50) | st.floats(allow_nan=False) | WORDS | st.text(max_size=5)


def any_json() -> st.SearchStrategy[Any]:
    """JSON made of this wire's words."""
    return st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5), max_leaves=25
    )


def any_object() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS | st.text(max_size=3), any_json(), max_size=6)


PARTS = st.lists(any_object(), max_size=4)


@settings(max_examples=150)
@given(any_object(), st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "model"]), "parts": PARTS}), max_size=4))
def test_any_json_is_a_request_or_malformed(body: dict[str, Any], contents: list[Any]) -> None:
    """Nothing else escapes, and what was decoded can be said again, to its own wire and once more."""
    for whole in (body, {**body, "contents": contents}, {"contents": contents}):
        try:
            request = CONVERTER.decode_request(WireRequest(whole, model="m")).value
        except Malformed:
            continue
        sent = CONVERTER.encode_request(request, target()).wire.body
        json.dumps(sent)
        again = CONVERTER.decode_request(WireRequest(sent, model="m")).value
        assert CONVERTER.encode_request(again, target()).wire.body == sent


@pytest.mark.parametrize("name", sorted(path.stem for path in REQUESTS.glob("*.json")))
def test_recorded_requests_can_be_said_again(name: str) -> None:
    """What real clients send goes through the IR and out again without a loss."""
    fixture = json.loads((REQUESTS / f"{name}.json").read_bytes())
    request = CONVERTER.decode_request(WireRequest(fixture["body"], model="m", stream=True)).value
    by_budget = request.reasoning.budget is not None or request.reasoning.mode == "off"
    dialect = Dialect(thinking="budget", thinking_off=True) if by_budget else Dialect(levels=("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))
    sent = CONVERTER.encode_request(request, target(dialect))
    assert sent.losses == ()
    assert CONVERTER.decode_request(WireRequest(sent.wire.body, model="m", stream=True)).value.turns


def test_a_call_marked_as_a_thought_is_a_call_all_the_same() -> None:
    """And a thought that is no text goes back to Google as it came."""
    call = {"functionCall": {"name": "f", "args": {}, "id": "a"}, "thought": True}
    draft = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thought": True}
    request = decoded(
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Hello"}]},
                {"role": "model", "parts": [draft, call]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "a", "response": {"output": "1"}}}]},
            ]
        }
    )
    assert [type(part) for part in request.turns[1].parts] == [Opaque, ToolCall]
    assert encoded(request).wire.body["contents"][1]["parts"][0] == draft


def test_how_many_candidates() -> None:
    """Zero is nothing said; fewer cannot be."""
    assert decoded({"generationConfig": {"candidateCount": 0}}).sampling == Sampling()
    with pytest.raises(Malformed) as caught:
        decoded({"generationConfig": {"candidateCount": -1}})
    assert caught.value.path == "generationConfig.candidateCount"
