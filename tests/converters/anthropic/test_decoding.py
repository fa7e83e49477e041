"""What a Messages request means."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters.anthropic import CONVERTER, WORDS, Dialect
from rosetta.converters.converter import Malformed, WireRequest
from rosetta.ir.loss import FIELD_CLASS
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    PlainText,
    Reasoning,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import FunctionTool, HostedTool, OutputFormat, ReasoningRequest, ToolChoice, ToolName
from tests.converters.anthropic.surroundings import FULL, decoded, target, told

WIRE = Path(__file__).parents[2] / "wire" / "anthropic" / "requests"
HELLO = [{"role": "user", "content": "Hello"}]


def parts_of(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    messages = [{"role": role, "content": list(blocks)}]
    return decoded({"messages": messages}).turns[0].parts


def test_headers_become_version_and_betas() -> None:
    """The API version and each beta flag are read from the headers, unknown flags too."""
    request = decoded({"messages": HELLO}, {"anthropic-version": "2026-10-21", "anthropic-beta": "a-1, b-2,,c-3 "})
    assert (request.version, request.betas) == ("2026-10-21", ("a-1", "b-2", "c-3"))


def test_the_billing_header_is_no_part_of_the_prompt() -> None:
    """Claude Code's first block of system changes with every version: it is kept apart, so that others can leave it out."""
    header = "x-anthropic-billing-header: cc_version=2.1.330;"
    request = decoded({"messages": HELLO, "system": [{"type": "text", "text": header}, {"type": "text", "text": "You are an agent."}]})
    assert request.extras == {"system.x-anthropic-billing-header": header}
    assert [part.text for turn in request.system for part in turn.parts if isinstance(part, Text)] == ["You are an agent."]
    assert FIELD_CLASS["system.x-anthropic-billing-header"] == "hint"


def test_system_messages_stand_where_they_stood() -> None:
    """Leading ones are the system prompt, later ones turns of their own, with the effort that came along."""
    request = decoded(
        {
            "system": "A.",
            "messages": [
                {"role": "system", "content": "B."},
                {"role": "user", "content": "Hello"},
                {"role": "system", "content": "C.", "output_config": {"effort": "low"}},
            ],
        }
    )
    assert [turn.at for turn in request.system] == ["system", "messages.0"]
    assert [(turn.role, turn.at, turn.effort) for turn in request.turns] == [("user", "messages.1", None), ("system", "messages.2", "low")]


def test_neighbouring_answers_are_one() -> None:
    """The server joins consecutive assistant messages, and so do we; the user's stay apart."""
    request = decoded(
        {
            "messages": [
                {"role": "user", "content": "A"},
                {"role": "user", "content": "B"},
                {"role": "assistant", "content": "C"},
                {"role": "assistant", "content": [{"type": "text", "text": "D"}]},
            ]
        }
    )
    assert [(turn.role, len(turn.parts)) for turn in request.turns] == [("user", 1), ("user", 1), ("assistant", 2)]


def test_sources_in_all_their_forms() -> None:
    """Images and documents come as base64, address, file or text."""
    found = parts_of(
        {"type": "image", "source": {"type": "base64", "media_type": "Image/PNG;x=1", "data": "iVBORw0KGgo="}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    )
    at = [f"messages.0.content.{index}" for index in range(6)]
    assert found == (
        Media("image", Inline("iVBORw0KGgo="), "image/png", at[0]),
        Media("image", Link("https://example.com/a.png"), None, at[1]),
        Media("image", FileId("file_1"), None, at[2]),
        Media("document", Inline("JVBERi0="), "application/pdf", at[3], title="T", context="C", citable=True, cache=CacheMark("1h")),
        Media("document", PlainText("words"), "text/plain", at[4]),
        Media("document", Link("https://example.com/a.pdf"), None, at[5]),
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}, "title": "T"}, "T\na"),
        ({"type": "document", "source": {"type": "content", "content": "plain"}}, "plain"),
        (
            {"type": "search_result", "source": "https://e.com", "title": "S", "content": [{"type": "text", "text": "f"}]},
            "S\nhttps://e.com\nf",
        ),
        ({"type": "container_upload", "file_id": "file_1"}, ""),
        ({"type": "compaction", "content": "Summary."}, "Summary."),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, ""),
        ({"type": "novelty", "a": 1}, ""),
        ({"type": "image", "source": {"type": "teleport"}}, ""),
    ],
)
def test_what_only_anthropic_understands_stays_as_it_is(block: dict[str, Any], words: str) -> None:
    """An unknown or hosted block is kept whole, with the words another wire may say in its place."""
    assert parts_of(block) == (Opaque("anthropic", block["type"], block, "messages.0.content.0", words),)


def test_results_know_their_calls() -> None:
    """A result has its parts, its error flag, its mark and the name of the function that was called."""
    request = decoded(
        {
            "messages": [
                {"role": "user", "content": "Go"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}}],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t1",
                            "is_error": True,
                            "cache_control": {"type": "ephemeral"},
                            "content": [{"type": "text", "text": "no"}, {"type": "tool_reference", "tool_name": "g"}],
                        }
                    ],
                },
            ]
        }
    )
    assert request.turns[1].parts == (ToolCall("t1", "f", '{"a":1}', "messages.1.content.0", extras={"caller": {"type": "direct"}}),)
    (found,) = request.turns[2].parts
    assert isinstance(found, ToolResult)
    assert (found.name, found.is_error, found.cache) == ("f", True, CacheMark())
    assert found.parts == (
        Text("no", "messages.2.content.0.content.0"),
        Opaque(
            "anthropic",
            "tool_reference",
            {"type": "tool_reference", "tool_name": "g"},
            "messages.2.content.0.content.1",
            "Tool g is available",
        ),
    )


def test_citations_are_kept_with_what_others_understand() -> None:
    """A citation keeps its own object, and its address, title and quote; its offsets count in the cited document, not in the answer."""
    raw = {"type": "char_location", "cited_text": "cold", "document_index": 0, "document_title": "Oslo", "start_char_index": 3}
    (text,) = parts_of({"type": "text", "text": "x", "citations": [raw]}, role="assistant")
    assert text.citations == (Citation("anthropic", raw, title="Oslo", quote="cold", more=True),)


def test_thoughts_are_sealed() -> None:
    """A signature seals the text before it, redacted thinking is a seal alone, and what is neither is nothing."""
    found = parts_of(
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "cmVk"},
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking", "thinking": "Unsigned.", "signature": ""},
        role="assistant",
    )
    assert found == (
        Reasoning(("Hm.",), at="messages.0.content.0", seals=(Seal("signature", "c2ln", texts=("Hm.",)),)),
        Reasoning(at="messages.0.content.1", seals=(Seal("redacted", "cmVk"),)),
        Reasoning(("Unsigned.",), at="messages.0.content.3"),
    )


def test_a_mark_on_thinking_is_a_loss() -> None:
    """Thinking takes no cache marks: one that came is dropped, and named."""
    messages = [
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "a", "signature": "b", "cache_control": {"type": "ephemeral"}}]}
    ]
    coded = CONVERTER.decode_request(WireRequest({"model": "m", "max_tokens": 1, "messages": messages}))
    assert told(coded.losses) == [("dropped", "cache", "messages.0.content.0")]


@pytest.mark.parametrize(
    ("thinking", "effort", "expected"),
    [
        ({"type": "enabled", "budget_tokens": 2048}, None, ReasoningRequest("on", budget=2048, visible=True)),
        ({"type": "adaptive", "display": "summarized"}, "max", ReasoningRequest("adaptive", "max", visible=True)),
        ({"type": "adaptive", "display": "omitted"}, None, ReasoningRequest("adaptive", visible=False)),
        ({"type": "adaptive", "display": "updates"}, None, ReasoningRequest("adaptive", extras={"thinking.display": "updates"})),
        ({"type": "disabled"}, None, ReasoningRequest("off")),
        ({"type": "between_tools"}, None, ReasoningRequest("off", extras={"thinking.type": "between_tools"})),
        (
            {"type": "novel", "block_binding": {"a": 1}},
            None,
            ReasoningRequest(extras={"thinking.type": "novel", "thinking.block_binding": {"a": 1}}),
        ),
        (None, "low", ReasoningRequest(effort="low")),
    ],
)
def test_thinking_in_every_mode(thinking: Any, effort: str | None, expected: ReasoningRequest) -> None:
    """Modes, budgets, display and effort, and what is newer than this code."""
    body: dict[str, Any] = {"messages": HELLO}
    if thinking:
        body["thinking"] = thinking
    if effort:
        body["output_config"] = {"effort": effort}
    assert decoded(body).reasoning == expected


def test_tools_of_both_kinds() -> None:
    """A tool without a type, or a custom one, is a function; any other type is the provider's own, old dates and new."""
    request = decoded(
        {
            "messages": HELLO,
            "tools": [
                {"name": "f", "input_schema": {"type": "object"}, "strict": True, "defer_loading": True, "input_examples": [{}]},
                {"type": "custom", "name": "g", "description": "G", "input_schema": {}, "cache_control": {"type": "ephemeral"}},
                {"type": "web_search_20991231", "name": "web_search", "max_uses": 2},
                {"type": "mcp_toolset", "mcp_server_name": "docs"},
                {"type": "unheard_of", "name": "u"},
            ],
        }
    )
    assert request.tools[:2] == (
        FunctionTool("f", None, {"type": "object"}, "tools.0", strict=True, deferred=True, extras={"input_examples": [{}]}),
        FunctionTool("g", "G", {}, "tools.1", cache=CacheMark()),
    )
    assert [(tool.kind, tool.data["type"]) for tool in request.tools[2:] if isinstance(tool, HostedTool)] == [
        ("web_search", "web_search_20991231"),
        ("mcp", "mcp_toolset"),
        ("unheard_of", "unheard_of"),
    ]


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice("auto"), False),
        ({"type": "auto", "disable_parallel_tool_use": False}, ToolChoice("auto"), True),
        ({"type": "any"}, ToolChoice("required"), None),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "f"}, ToolChoice("required", (ToolName("f"),)), None),
        ({"type": "tool", "name": "s"}, ToolChoice("required", hosted={"type": "tool", "name": "s"}, format="anthropic"), None),
        ({"type": "new"}, ToolChoice("auto", hosted={"type": "new"}, format="anthropic"), None),
    ],
)
def test_tool_choice_in_every_form(choice: dict[str, Any], expected: ToolChoice, parallel: bool | None) -> None:
    """All forms of the choice, also of a hosted tool, and the switch for parallel calls beside it."""
    tools = [{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "s"}]
    request = decoded({"messages": HELLO, "tools": tools, "tool_choice": choice})
    assert (request.tool_choice, request.parallel_tool_calls) == (expected, parallel)


@pytest.mark.parametrize("field", ["output_config", "output_format"])
def test_structured_output_old_and_new(field: str) -> None:
    """The schema of the answer is read from its new place and from its old one."""
    form = {"type": "json_schema", "schema": {"type": "object"}, "x": 1}
    request = decoded({"messages": HELLO, field: {"format": form} if field == "output_config" else form})
    place = "output_config.format" if field == "output_config" else field
    assert request.output == OutputFormat("json_schema", {"type": "object"}, extras={"x": 1}, at=place)
    assert request.extras == {}


def test_fields_without_a_place_are_kept_under_their_names() -> None:
    """Whatever only Anthropic knows travels along; a null says nothing."""
    request = decoded(
        {
            "messages": HELLO,
            "context_management": {"edits": []},
            "container": None,
            "mcp_servers": [{"type": "url"}],
            "output_config": {"task_budget": {"type": "tokens", "total": 1}},
            "metadata": {"user_id": "u", "x": 1},
        }
    )
    assert request.user == "u"
    assert request.extras == {
        "context_management": {"edits": []},
        "mcp_servers": [{"type": "url"}],
        "output_config": {"task_budget": {"type": "tokens", "total": 1}},
        "metadata": {"x": 1},
    }


@pytest.mark.parametrize(("word", "tier"), [("auto", "auto"), ("standard_only", "default"), ("new_tier", "new_tier")])
def test_service_tiers(word: str, tier: str) -> None:
    """What Anthropic calls standard is OpenAI's default."""
    assert decoded({"messages": HELLO, "service_tier": word}).service_tier == tier


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": {}}, "messages"),
    ({"messages": ["x"]}, "messages.0"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": 1, "content": ""}]}, "messages.0.role"),
    ({"messages": [{"role": "tool", "content": ""}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
    ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.source"),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]}, "messages.0.content.0.source.url"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "", "name": "f"}]}]}, "messages.0.content.0.id"),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]}]},
        "messages.0.content.0.input",
    ),
    ({"messages": HELLO, "max_tokens": None}, "max_tokens"),
    ({"messages": HELLO, "max_tokens": True}, "max_tokens"),
    ({"messages": HELLO, "max_tokens": 1.5}, "max_tokens"),
    ({"messages": HELLO, "model": ""}, "model"),
    ({"messages": HELLO, "system": 1}, "system"),
    ({"messages": HELLO, "system": ["x"]}, "system.0"),
    ({"messages": HELLO, "tools": {}}, "tools"),
    ({"messages": HELLO, "tools": [{}]}, "tools.0.name"),
    ({"messages": HELLO, "tools": [{"name": "f", "input_schema": []}]}, "tools.0.input_schema"),
    ({"messages": HELLO, "tool_choice": "auto"}, "tool_choice"),
    ({"messages": HELLO, "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"messages": HELLO, "thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"messages": HELLO, "stop_sequences": ["a", 1]}, "stop_sequences.1"),
    ({"messages": HELLO, "temperature": "hot"}, "temperature"),
    ({"messages": HELLO, "stream": "yes"}, "stream"),
    ({"messages": HELLO, "output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": 1}]}]},
        "messages.0.content.0.cache_control",
    ),
]


@pytest.mark.parametrize(("body", "path"), MALFORMED, ids=[f"{index}-{path}" for index, (_, path) in enumerate(MALFORMED)])
def test_a_wrong_shape_is_told_with_its_path(body: dict[str, Any], path: str) -> None:
    """Known fields of a wrong shape are the caller's fault, and the fault has a place."""
    with pytest.raises(Malformed) as fault:
        CONVERTER.decode_request(WireRequest({"model": "m", "max_tokens": 1, **body}))
    assert fault.value.path == path


def test_counting_needs_no_limit_of_tokens() -> None:
    """A request that is only counted has no max_tokens."""
    assert CONVERTER.decode_count_request is not None
    request = CONVERTER.decode_count_request(WireRequest({"model": "m", "messages": HELLO})).value
    assert request.max_output_tokens is None


def test_the_words_are_of_the_vocabulary() -> None:
    """Every word that translates a loss translates one that exists."""
    assert set(WORDS) <= set(FIELD_CLASS)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
BODIES = [json.loads(path.read_bytes())["body"] for path in sorted(WIRE.glob("documented-*.json"))]


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A documented request with one value anywhere replaced by any JSON."""
    body = copy.deepcopy(draw(st.sampled_from(BODIES)))
    node: Any = body
    while True:
        key = draw(st.sampled_from(sorted(node))) if isinstance(node, dict) else draw(st.integers(0, len(node) - 1))
        if not node[key] or not isinstance(node[key], dict | list) or draw(st.booleans()):
            node[key] = draw(any_json)
            return body
        node = node[key]


@settings(max_examples=300, deadline=None)
@given(spoiled() | st.dictionaries(st.text(max_size=8), any_json, max_size=4))
def test_any_object_is_a_request_or_malformed(body: dict[str, Any]) -> None:
    """Whatever arrives is a request or Malformed, the caller's body stays as it was, and a request can be said, as an own one and as a foreign one."""
    before = copy.deepcopy(body)
    with contextlib.suppress(Malformed):
        request = CONVERTER.decode_request(WireRequest(body)).value
        for dialect in (Dialect(), FULL):
            json.dumps(CONVERTER.encode_request(request, target(dialect)).wire.body)
            json.dumps(CONVERTER.encode_request(msgspec.structs.replace(request, format="openai_chat"), target(dialect)).wire.body)
    assert body == before
