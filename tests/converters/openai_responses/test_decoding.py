"""What a Responses client says, in the IR's words. The bodies are shaped like those of Codex, opencode and OpenAI's SDKs."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rosetta.converters.converter import Malformed, WireRequest
from rosetta.converters.openai_responses import CONVERTER
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import (
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Namespace,
    OutputFormat,
    ReasoningRequest,
    Sampling,
    ToolChoice,
    ToolName,
    Turn,
)
from tests.converters.openai_responses.surroundings import SCHEMA, decoded, items, told

USER = {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
EXEC = {
    "type": "custom",
    "name": "exec",
    "description": "Run.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
WAIT = {"type": "function", "name": "wait", "description": "Wait.", "strict": False, "parameters": SCHEMA}


# ------------------------------------------------------------------------------------------------------------------------ messages


def test_a_text_is_a_message_of_the_user() -> None:
    """Input may be one string; instructions are the first system turn."""
    request = decoded({"input": "Hello", "instructions": "Be terse."})
    assert request.turns == (Turn("user", (Text("Hello", "input"),), "input"),)
    assert request.system == (Turn("system", (Text("Be terse.", "instructions"),), "instructions"),)


def test_leading_developer_messages_are_the_system_prompt() -> None:
    """Codex has no instructions: its prompt is several developer messages, each a turn of its own; a later one stays where it is."""
    request = items(
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "You are Codex."}]},
        {"role": "system", "content": "Be kind."},
        USER,
        {"role": "developer", "content": "Now in French."},
    )
    assert [(turn.role, turn.at) for turn in request.system] == [("developer", "input.0"), ("system", "input.1")]
    assert [(turn.role, turn.at) for turn in request.turns] == [("user", "input.2"), ("developer", "input.3")]


def test_one_answer_of_the_model_is_one_turn() -> None:
    """Reasoning, words, calls and hosted calls up to the next output are one assistant turn, and consecutive outputs one user turn."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    request = items(
        USER,
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "content": None,
            "encrypted_content": "ZW5j",
        },
        {
            "type": "message",
            "id": "msg_2",
            "role": "assistant",
            "status": "completed",
            "content": [_output("Looking.")],
            "phase": "commentary",
        },
        search,
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "a", "arguments": '{"x": 1}', "status": "completed"},
        {"type": "function_call", "call_id": "call_2", "name": "b", "arguments": ""},
        {"type": "function_call_output", "call_id": "call_2", "output": "two"},
        {"type": "function_call_output", "call_id": "call_1", "output": ""},
        {"role": "user", "content": "And?"},
    )
    assert request.turns == (
        Turn("user", (Text("Hello", "input.0.content.0"),), "input.0"),
        Turn(
            "assistant",
            (
                Reasoning(("Hm.",), "", "input.1", (Seal("encrypted", "ZW5j", item_id="rs_1", texts=("Hm.",)),)),
                Text("Looking.", "input.2", phase="commentary"),
                Opaque("openai_responses", "web_search_call", search, "input.3"),
                ToolCall("call_1", "a", '{"x": 1}', "input.4"),
                ToolCall("call_2", "b", "", "input.5"),
            ),
            "input.1",
        ),
        Turn(
            "user",
            (ToolResult("call_2", (Text("two", "input.6.output"),), "input.6", "b"), ToolResult("call_1", (), "input.7", "a")),
            "input.6",
        ),
        Turn("user", (Text("And?", "input.8.content"),), "input.8"),
    )


def _output(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **fields}


def test_every_kind_of_part_is_known() -> None:
    """Pictures and files come as addresses, data URLs and file ids; what is unknown stays as it came."""
    request = items(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
                {"type": "input_image", "image_url": "https://a.test/b.png", "detail": "high"},
                {"type": "input_image", "image_url": "data:image/PNG;charset=x;base64,iVBORw0KGgo"},
                {"type": "input_image", "image_url": None, "file_id": "file_1"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
                {"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"},
                {"type": "input_file", "file_url": "https://a.test/b.pdf"},
                {"type": "input_file", "file_id": "file_2"},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
                {"type": "input_hologram", "data": 1},
            ],
        }
    )
    at = "input.0.content"
    assert request.turns[0].parts == (
        Text("Look", f"{at}.0", cache=CacheMark("12h")),
        Media("image", Link("https://a.test/b.png"), None, f"{at}.1", detail="high"),
        Media("image", Inline("iVBORw0KGgo="), "image/png", f"{at}.2"),
        Media("image", FileId("file_1"), None, f"{at}.3"),
        Media("document", Inline("JVBERi0="), "application/pdf", f"{at}.4", name="a.pdf"),
        Media("document", Inline("JVBERi0="), "application/pdf", f"{at}.5", name="a.pdf"),
        Media("document", Link("https://a.test/b.pdf"), None, f"{at}.6"),
        Media("document", FileId("file_2"), None, f"{at}.7"),
        Media("audio", Inline("UklGRg=="), "audio/mpeg", f"{at}.8"),
        Opaque("openai_responses", "input_hologram", {"type": "input_hologram", "data": 1}, f"{at}.9"),
    )


def test_annotations_and_refusals_of_the_past_are_kept() -> None:
    """An assistant's text has citations with offsets in code points; its refusal is no text."""
    url = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a.test", "title": "A"}
    file = {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 3}
    request = items(
        USER,
        {"role": "assistant", "content": [_output("Hi", annotations=[url, file]), {"type": "refusal", "refusal": "No."}]},
    )
    text, refusal = request.turns[1].parts
    assert isinstance(text, Text)
    assert text.citations == (
        Citation("openai_responses", url, "https://a.test", "A", start=0, end=2),
        Citation("openai_responses", file, more=True),
    )
    assert refusal == Refusal("No.", "input.1.content.1")


def test_results_may_be_lists_and_free_text() -> None:
    """Codex' custom tool answers with a list of texts; its call holds free text and a namespace."""
    request = items(
        USER,
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "call_id": "c1",
            "name": "exec",
            "namespace": "functions",
            "input": "ls",
            "status": "completed",
        },
        {
            "type": "custom_tool_call_output",
            "id": "ctco_1",
            "call_id": "c1",
            "output": [{"type": "input_text", "text": "one"}, {"type": "input_image", "image_url": "https://a.test/i.png"}],
        },
    )
    assert request.turns[1].parts == (ToolCall("c1", "exec", "ls", "input.1", "custom", "functions"),)
    assert request.turns[2].parts == (
        ToolResult(
            "c1",
            (Text("one", "input.2.output.0"), Media("image", Link("https://a.test/i.png"), None, "input.2.output.1")),
            "input.2",
            "exec",
            "custom",
        ),
    )


def test_results_without_an_id_answer_the_open_calls() -> None:
    """A result without ``call_id`` goes to the open call of its name, else to the first that is open."""
    request = items(
        USER,
        {"type": "function_call", "call_id": "c1", "name": "a", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "b", "arguments": "{}"},
        {"type": "function_call_output", "call_id": None, "name": "b", "output": "B"},
        {"type": "function_call_output", "output": "A"},
    )
    assert [(part.call_id, part.name) for part in request.turns[2].parts if isinstance(part, ToolResult)] == [("c2", "b"), ("c1", "a")]


def test_references_and_what_is_newer_than_this_code_stay_opaque() -> None:
    """An item reference, a compaction and an unknown item are kept whole; outputs of hosted tools are the user's side."""
    request = items(
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "ZW5j"},
        USER,
        {"id": "rs_1"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"type": "teleport_call", "id": "tp_1"},
        {"type": "compaction_trigger"},
    )
    assert [(turn.role, [part.kind for part in turn.parts if isinstance(part, Opaque)]) for turn in request.turns] == [
        ("assistant", ["compaction"]),
        ("user", []),
        ("assistant", ["item_reference", "item_reference"]),
        ("user", ["computer_call_output"]),
        ("assistant", ["teleport_call"]),
        ("user", ["compaction_trigger"]),
    ]


def test_a_configuration_update_belongs_to_the_turn_after_it() -> None:
    """The effort comes with the next turn, or the last one; the text format holds for the answer that is asked for."""
    update = {"type": "configuration_update", "reasoning": {"effort": "high"}, "text": {"format": {"type": "json_object"}}}
    request = items({"role": "user", "content": "A"}, update, {"role": "user", "content": "B"})
    assert [turn.effort for turn in request.turns] == [None, "high"]
    assert request.output == OutputFormat("json_object")
    assert [turn.effort for turn in items({"role": "user", "content": "A"}, update).turns] == ["high"]


# ------------------------------------------------------------------------------------------------------------------------ tools


def test_codex_declares_functions_a_namespace_and_hosted_tools() -> None:
    """With a model it does not know Codex sends functions, a namespace of functions, and web search."""
    spawn = {"type": "function", "name": "spawn", "parameters": SCHEMA, "strict": False, "defer_loading": True}
    search = {"type": "web_search", "external_web_access": True}
    request = decoded(
        {
            "tools": [WAIT, {"type": "namespace", "name": "agents", "description": "Sub-agents.", "tools": [spawn]}, search],
            "tool_choice": "auto",
        }
    )
    assert request.tools == (
        FunctionTool("wait", "Wait.", SCHEMA, "tools.0", strict=False),
        FunctionTool("spawn", None, SCHEMA, "tools.1.tools.0", strict=False, namespace="agents", deferred=True),
        HostedTool("web_search", "openai_responses", search, "tools.2"),
    )
    assert request.namespaces == (Namespace("agents", "Sub-agents.", "tools.1"),)
    assert request.tool_choice == ToolChoice("auto")


def test_codex_patches_with_a_free_form_tool() -> None:
    """``apply_patch`` is a custom tool with a lark grammar; ``tool_search`` is run by the client, yet only OpenAI knows it."""
    patch = {
        "type": "custom",
        "name": "apply_patch",
        "description": "Edit.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
    }
    find = {"type": "tool_search", "execution": "client", "parameters": SCHEMA}
    free = {"type": "custom", "name": "free", "format": {"type": "text"}}
    assert decoded({"tools": [patch, find, free]}).tools == (
        CustomTool("apply_patch", "Edit.", Grammar("lark", "start: X"), "tools.0"),
        HostedTool("tool_search", "openai_responses", find, "tools.1"),
        CustomTool("free", None, None, "tools.2"),
    )


def test_codex_code_mode_declares_its_tools_in_the_input() -> None:
    """``additional_tools`` join the tools in order; a later one takes the place of an earlier one of its name."""
    request = items(
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [{"type": "namespace", "name": "functions", "description": "", "tools": [EXEC, WAIT]}],
        },
        {"role": "developer", "content": "You are Codex."},
        USER,
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {"type": "namespace", "name": "functions", "description": "", "tools": [{**WAIT, "description": "Wait longer."}]},
                WAIT,
            ],
        },
    )
    assert request.tools == (
        CustomTool("exec", "Run.", Grammar("lark", "start: /.+/"), "input.0.tools.0.tools.0", "functions"),
        FunctionTool("wait", "Wait longer.", SCHEMA, "input.3.tools.0.tools.0", strict=False, namespace="functions"),
        FunctionTool("wait", "Wait.", SCHEMA, "input.3.tools.1", strict=False),
    )
    assert [turn.role for turn in request.system] == ["developer"]
    assert [turn.role for turn in request.turns] == ["user"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "a"}, ToolChoice("required", (ToolName("a"),))),
        ({"type": "custom", "name": "a"}, ToolChoice("required", (ToolName("a", kind="custom"),))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}, {"type": "custom", "name": "b"}]},
            ToolChoice("auto", (ToolName("a"), ToolName("b", kind="custom"))),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "a"}, {"type": "mcp", "server_label": "s"}],
            },
            ToolChoice(
                "required",
                (ToolName("a"),),
                {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "a"}, {"type": "mcp", "server_label": "s"}],
                },
                "openai_responses",
            ),
        ),
        ({"type": "image_generation"}, ToolChoice("required", hosted={"type": "image_generation"}, format="openai_responses")),
    ],
)
def test_every_form_of_tool_choice_is_known(choice: Any, expected: ToolChoice) -> None:
    """Modes, one tool, a subset, and a hosted tool."""
    assert decoded({"tool_choice": choice}).tool_choice == expected


# ------------------------------------------------------------------------------------------------------------------------ settings


def test_settings_find_their_places() -> None:
    """What the IR has a word for is said in it; what is OpenAI's alone is kept under its own name."""
    request = decoded(
        {
            "temperature": 1,
            "top_p": 0.5,
            "top_logprobs": 3,
            "max_output_tokens": 100.0,
            "parallel_tool_calls": False,
            "reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"},
            "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}},
            "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "web_search_call.action.sources"],
            "store": True,
            "background": True,
            "previous_response_id": "resp_1",
            "conversation": {"id": "conv_1"},
            "prompt_cache_key": "k",
            "prompt_cache_retention": "24h",
            "service_tier": "flex",
            "metadata": {"a": "b"},
            "safety_identifier": "someone",
            "stream": True,
            "stream_options": {"include_obfuscation": False},
            "truncation": "auto",
            "client_metadata": {"thread_id": "t"},
            "prompt": {"id": "pmpt_1"},
            "moderation": None,
        }
    )
    assert request.sampling == Sampling(temperature=1.0, top_p=0.5, logprobs=True, top_logprobs=3)
    assert (request.max_output_tokens, request.parallel_tool_calls, request.verbosity) == (100, False, "low")
    assert request.reasoning == ReasoningRequest(effort="high", visible=True, summary="auto")
    assert request.output == OutputFormat("json_schema", SCHEMA, "city", strict=True)
    assert request.include == ("web_search_call.action.sources",)
    assert (request.state.store, request.state.background, request.state.previous_response_id) == (True, True, "resp_1")
    assert request.state.conversation == {"id": "conv_1"}
    assert (request.cache.key, request.cache.retention) == ("k", "24h")
    assert (request.service_tier, request.metadata, request.user, request.stream) == ("flex", {"a": "b"}, "someone", True)
    assert request.extras == {
        "reasoning.context": "all_turns",
        "stream_options": {"include_obfuscation": False},
        "truncation": "auto",
        "client_metadata": {"thread_id": "t"},
        "prompt": {"id": "pmpt_1"},
    }


def test_no_effort_is_no_thinking() -> None:
    """``effort: none`` switches reasoning off; a level this code does not know is kept."""
    assert decoded({"reasoning": {"effort": "none"}}).reasoning == ReasoningRequest(mode="off", effort="none")
    assert decoded({"reasoning": {"effort": "ultra"}}).extras == {"reasoning.effort": "ultra"}


def test_what_the_ir_cannot_hold_is_a_loss() -> None:
    """An unknown field of an assistant's message has no node to hang on; it is named."""
    body = {"model": "m", "input": [USER, {"role": "assistant", "content": "Hi", "mood": "gay"}]}
    assert told(CONVERTER.decode_request(WireRequest(body)).losses) == [("mood", "dropped", "input.1")]


def test_decoding_leaves_the_body_alone() -> None:
    """A caller may use one body twice."""
    body = {
        "model": "m",
        "input": [USER],
        "tools": [WAIT, {"type": "namespace", "name": "n", "tools": [EXEC]}],
        "text": {"format": {"type": "text"}},
    }
    before = copy.deepcopy(body)
    CONVERTER.decode_request(WireRequest(body))
    assert body == before


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": ["x"]}, "input.0"),
        ({"input": [{}]}, "input.0.type"),
        ({"input": [{"type": 3}]}, "input.0.type"),
        ({"input": [{"type": "message"}]}, "input.0.role"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"type": ["input_text"]}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": None}]}]}, "input.0.content.0.text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input.0.content.0.image_url"),
        ({"input": [{"type": "function_call", "name": "a", "arguments": "{}"}]}, "input.0.call_id"),
        ({"input": [{"type": "reasoning", "summary": "x"}]}, "input.0.summary"),
        ({"input": [{"type": "additional_tools", "tools": {}}]}, "input.0.tools"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools.0.name"),
        ({"tools": [{"type": "function", "name": ""}]}, "tools.0.name"),
        ({"tools": [{"type": "function", "name": "a", "parameters": []}]}, "tools.0.parameters"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}, "tools.0.tools.0.name"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": "json"}, "text"),
        ({"text": {"format": {}}}, "text.format.type"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"stream": "yes"}, "stream"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"conversation": 3}, "conversation"),
        ({"instructions": 3}, "instructions"),
    ],
)
def test_a_wrong_shape_is_told_with_its_path(body: dict[str, Any], path: str) -> None:
    """The client learns where its body is wrong."""
    with pytest.raises(Malformed) as caught:
        CONVERTER.decode_request(WireRequest({"model": "m", "input": "Hello", **body}))
    assert caught.value.path == path


def test_kept_conversations_need_no_input() -> None:
    """With a conversation or a prompt at the provider there may be nothing to add, nor a model."""
    assert decoded({"input": None, "previous_response_id": "resp_1"}).turns == ()
    assert decoded({"input": None, "model": None, "prompt": {"id": "p"}}).model == ""
