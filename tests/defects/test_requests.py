"""Requests that other converters were seen to spoil: small repetitions of each, held against ours."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import rosetta
from rosetta.converters.converter import Malformed, Unsupported
from rosetta.ir.parts import FORMATS, Format
from tests.defects.passage import MISSING, dig, passed, paths
from tests.laws.test_losses import PLAIN, SCHEMA

OTHERS_OF_ANTHROPIC: tuple[Format, ...] = ("openai_chat", "openai_responses", "google_genai")
PIXEL = "iVBORw0KGgo="


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "some-model", "messages": [{"role": "user", "content": "Begin."}, *messages], **more}


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "some-model", "max_tokens": 500, "messages": [{"role": "user", "content": "Begin."}, *messages], **more}


def called(*calls: tuple[str, str]) -> dict[str, Any]:
    """A chat message that calls ``f`` once for each (id, arguments)."""
    made = [{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}} for id, arguments in calls]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(id: str, text: str = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text}


F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
G = {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}}


def test_a_subset_of_tools_that_must_be_called_is_not_free_choice() -> None:
    """``allowed_tools`` with ``required`` was seen to become ``auto`` on every wire."""
    names = ("f", "g")
    some = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": name}} for name in names]},
    }
    third = {"type": "function", "function": {"name": "h", "parameters": F["function"]["parameters"]}}
    body = chat(tools=[F, G, third], tool_choice=some)
    assert some == passed(body, "openai_chat", "openai_chat").value["tool_choice"]
    responses = passed(body, "openai_chat", "openai_responses").value["tool_choice"]
    assert {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": name} for name in names]} == responses
    anthropic = passed(body, "openai_chat", "anthropic").value
    assert ["f", "g"] == [tool["name"] for tool in anthropic["tools"]]
    assert "any" == anthropic["tool_choice"]["type"]
    google = passed(body, "openai_chat", "google_genai").value["toolConfig"]["functionCallingConfig"]
    assert {"mode": "ANY", "allowedFunctionNames": ["f", "g"]} == google


def test_strictness_that_nobody_asked_for_is_not_made_up() -> None:
    """Responses takes an absent ``strict`` for true: chat's absent one must be said as false, its true as true."""
    strict = {"type": "function", "function": {"name": "s", "strict": True, "parameters": SCHEMA}}
    tools = passed(chat(tools=[F, strict]), "openai_chat", "openai_responses").value["tools"]
    assert [False, True] == [tool["strict"] for tool in tools]


def test_the_results_of_parallel_calls_stand_together() -> None:
    """Gemini refuses a batch of results in two contents, Anthropic's rule is one message."""
    body = chat(called(("a", "{}"), ("b", "{}")), result("a"), result("b"), tools=[F])
    google = passed(body, "openai_chat", "google_genai").value["contents"]
    assert ["user", "model", "user"] == [content["role"] for content in google]
    assert 2 == sum("functionResponse" in part for part in google[2]["parts"])
    anthropic = passed(body, "openai_chat", "anthropic").value["messages"]
    assert ["user", "assistant", "user"] == [message["role"] for message in anthropic]
    assert ["a", "b"] == [block["tool_use_id"] for block in anthropic[2]["content"]]


@pytest.mark.parametrize("arguments", ['{"b": 1,  "a":2.50, "n": 12345678901234567890}', '{"city": "X', "", "[1]", '"x"'])
@pytest.mark.parametrize("target", ["openai_chat", "openai_responses"])
def test_arguments_keep_their_bytes(arguments: str, target: Format) -> None:
    """Written anew, arguments cost the prompt cache; cut ones were replaced by an object that nobody said. An empty text is an empty object."""
    value = passed(chat(called(("a", arguments)), result("a"), tools=[F]), "openai_chat", target).value
    kept = dig(value, "messages.1.tool_calls.0.function.arguments" if target == "openai_chat" else "input.1.arguments")
    assert (arguments or "{}") == (kept or "{}")


@pytest.mark.parametrize("target", ["anthropic", "google_genai"])
def test_broken_arguments_are_no_crash_and_no_silence(target: Format) -> None:
    """Wires that need an object get the text inside of one, and a loss says so."""
    converted = passed(chat(called(("a", '{"city": "X')), result("a"), tools=[F]), "openai_chat", target)
    kept = dig(converted.value, "messages.1.content.0.input" if target == "anthropic" else "contents.1.parts.0.functionCall.args")
    assert isinstance(kept, dict)
    assert '{"city": "X' in kept.values()
    assert "messages.1.tool_calls.0.function.arguments" in paths(converted) or [
        loss for loss in converted.losses if loss.field == "arguments"
    ]


@pytest.mark.parametrize("target", FORMATS)
def test_legacy_functions_are_calls_and_results(target: Format) -> None:
    """``function_call`` and role ``function`` were dropped, and Gemini got a turn without parts."""
    body = chat(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x": 1}'}},
        {"role": "function", "name": "f", "content": "the result"},
        functions=[F["function"]],
    )
    converted = passed(body, "openai_chat", target)
    text = json.dumps(converted.value)
    assert "the result" in text
    place = {
        "openai_chat": "messages.1.tool_calls.0.function.name",
        "openai_responses": "input.1.name",
        "anthropic": "messages.1.content.0.name",
        "google_genai": "contents.1.parts.0.functionCall.name",
    }
    assert "f" == dig(converted.value, place[target])


def test_speakers_and_developers_stay_who_they_are() -> None:
    """A speaker's name is kept on its own wire and named as lost elsewhere; a developer stays one, wherever the wire knows the role."""
    body = {
        "model": "some-model",
        "messages": [{"role": "developer", "content": "Rules."}, {"role": "user", "name": "bob", "content": "Hi."}],
    }
    own = passed(body, "openai_chat", "openai_chat").value["messages"]
    assert ["developer", "bob"] == [own[0]["role"], own[1]["name"]]
    for target in FORMATS[1:]:
        converted = passed(body, "openai_chat", target)
        assert "messages.1.name" in paths(converted)
        assert "Rules." in json.dumps(converted.value)


def test_a_refusal_of_the_past_is_neither_decorated_nor_dropped() -> None:
    """Where a wire tells refusals it is one; elsewhere it is the model's text as it was."""
    body = chat({"role": "assistant", "refusal": "I will not.", "content": None}, {"role": "user", "content": "Why?"})
    assert "I will not." == passed(body, "openai_chat", "openai_chat").value["messages"][1]["refusal"]
    assert {"type": "refusal", "refusal": "I will not."} == dig(passed(body, "openai_chat", "openai_responses").value, "input.1.content.0")
    anthropic = passed(body, "openai_chat", "anthropic").value["messages"][1]["content"]
    assert anthropic in ("I will not.", [{"type": "text", "text": "I will not."}])
    assert [{"text": "I will not."}] == passed(body, "openai_chat", "google_genai").value["contents"][1]["parts"]


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
REDACTED = {"type": "redacted_thinking", "data": "c2VhbGVk"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
USED = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
CLAUDE_F = {"name": "f", "input_schema": {"type": "object", "properties": {}}}


def test_redacted_thoughts_go_back_to_their_maker() -> None:
    """Anthropic refuses the next turn of a tool loop without them; no other wire is shown the sealed bytes."""
    body = claude(
        {"role": "assistant", "content": [THOUGHT, REDACTED, USE]},
        {"role": "user", "content": [USED]},
        tools=[CLAUDE_F],
        thinking={"type": "enabled", "budget_tokens": 100},
    )
    assert [THOUGHT, REDACTED, USE] == passed(body, "anthropic", "anthropic").value["messages"][1]["content"]
    for target in OTHERS_OF_ANTHROPIC:
        text = json.dumps(passed(body, "anthropic", target).value)
        assert "c2VhbGVk" not in text
        assert "c2lnbmVk" not in text


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("openai_chat", chat({**called(("a", "{}")), "reasoning_content": "Hm."}, result("a"), tools=[F])),
        (
            "openai_responses",
            {
                "model": "some-model",
                "input": [
                    {"role": "user", "content": "Begin."},
                    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "Zm9yZWlnbg=="},
                    {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "a", "output": "done"},
                ],
            },
        ),
        (
            "google_genai",
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "Begin."}]},
                    {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "Zm9yZWlnbg=="}]},
                    {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "done"}}}]},
                ]
            },
        ),
    ],
)  # fmt: skip
def test_foreign_thoughts_are_never_signed_thoughts_of_a_claude(source: Format, body: dict[str, Any]) -> None:
    """A thinking block without a signature, or with another vendor's, is a 400 at Anthropic; dropping it is told, and it is no visible text."""
    converted = passed(body, source, "anthropic")
    blocks = [block for message in converted.value["messages"] if isinstance(message["content"], list) for block in message["content"]]
    assert [] == [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]
    text = json.dumps(converted.value)
    assert "Zm9yZWlnbg==" not in text
    assert "Hm." not in text
    assert converted.losses


DOCUMENTS: dict[str, dict[str, Any]] = {
    "text": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "The words."}, "title": "A title"},
    "document file": {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    "image file": {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    "content": {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "The words."}]}},
    "search result": {
        "type": "search_result",
        "source": "https://example.com",
        "title": "A title",
        "content": [{"type": "text", "text": "The words."}],
    },
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_source_of_a_document_crashes_or_vanishes(name: str, target: Format) -> None:
    """Documents as text, files by id and search results were a 400 for the whole request, even from Anthropic to Anthropic."""
    body = claude({"role": "user", "content": [DOCUMENTS[name], {"type": "text", "text": "Read it."}]})
    converted = passed(body, "anthropic", target)
    text = json.dumps(converted.value)
    if target == "anthropic":
        assert DOCUMENTS[name] == dig(converted.value, "messages.-1.content.-2")
    elif "The words." in json.dumps(DOCUMENTS[name]):
        assert "The words." in text
    else:
        assert "file_1" not in text
        assert [loss for loss in converted.losses if loss.category == "content" and loss.path.startswith("messages.1.content.0")]


HOSTED = [
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    {"type": "bash_20250124", "name": "bash"},
    {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
]


@pytest.mark.parametrize("target", FORMATS)
def test_a_hosted_tool_is_no_function_that_nobody_answers(target: Format) -> None:
    """The own wire gets the tools as they are; another one gets its own hosted tool or none, and each that is gone is named."""
    converted = passed(claude(tools=[*HOSTED, CLAUDE_F]), "anthropic", target)
    if target == "anthropic":
        assert [*HOSTED, CLAUDE_F] == converted.value["tools"]
        return
    text = json.dumps(converted.value.get("tools", []))
    assert "bash_20250124" not in text
    assert '"bash"' not in text
    assert "str_replace_based_edit_tool" not in text
    assert {"tools.1", "tools.2"} <= set(paths(converted))


def test_hosted_calls_of_the_past_get_no_made_up_result() -> None:
    """A ``server_tool_use`` with its result is a stretch of the answer, not a call that waits."""
    content = [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [{"type": "web_search_result", "url": "https://example.com", "title": "T", "encrypted_content": "abc"}],
        },
        {"type": "text", "text": "Found."},
    ]
    body = claude({"role": "assistant", "content": content}, {"role": "user", "content": "Go on."}, tools=HOSTED[:1])
    assert content == passed(body, "anthropic", "anthropic").value["messages"][1]["content"]
    for target in OTHERS_OF_ANTHROPIC:
        text = json.dumps(passed(body, "anthropic", target).value)
        assert "no result" not in text.lower()
        assert "srvtoolu_1" not in text
        assert "Found." in text


@pytest.mark.parametrize("target", FORMATS)
def test_an_mcp_tool_is_no_function_without_a_name(target: Format) -> None:
    """Its own wire gets it whole; elsewhere it is left out by name."""
    mcp = {"type": "mcp", "server_label": "wiki", "server_url": "https://example.com/mcp", "require_approval": "never"}
    function = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    converted = passed({"model": "some-model", "input": "Hi.", "tools": [mcp, function]}, "openai_responses", target)
    if target == "openai_responses":
        assert [mcp, function] == converted.value["tools"]
        return
    assert '"name": ""' not in json.dumps(converted.value)
    assert [loss for loss in converted.losses if loss.field == "hosted_tool" and loss.path.startswith("tools.0")]


@pytest.mark.parametrize("target", FORMATS)
def test_parameters_may_be_null(target: Format) -> None:
    """Responses clients send ``parameters: null`` for a function without arguments."""
    body = {"model": "some-model", "input": "Hi.", "tools": [{"type": "function", "name": "f", "parameters": None, "strict": None}]}
    assert '"f"' in json.dumps(passed(body, "openai_responses", target).value["tools"])


def test_free_text_results_answer_free_text_calls() -> None:
    """A result of the other kind than its call is refused upstream."""
    items = [
        {"role": "user", "content": "Begin."},
        {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin Patch"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
    ]
    body = {"model": "some-model", "input": items, "tools": [{"type": "custom", "name": "apply_patch"}]}
    kept = passed(body, "openai_responses", "openai_responses").value["input"]
    assert ["custom_tool_call", "custom_tool_call_output"] == [item["type"] for item in kept[1:]]
    for target in ("openai_chat", "anthropic", "google_genai"):
        for narrow in ({}, {"custom_tools": False}) if target == "openai_chat" else ({},):
            text = json.dumps(passed(body, "openai_responses", target, **narrow).value)  # type: ignore[arg-type]
            assert "*** Begin Patch" in text
            assert "apply_patch" in text


OWN_SETTINGS: dict[str, Any] = {
    "previous_response_id": "resp_1",
    "store": False,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "background": True,
    "metadata": {"a": "b"},
    "truncation": "auto",
}


def test_what_only_responses_has_stays_on_responses() -> None:
    """A lost ``store: false`` keeps at the vendor what the user forbade to keep."""
    items = [
        {"role": "user", "content": "Begin."},
        {"type": "item_reference", "id": "rs_1"},
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "action": {"type": "exec", "command": ["ls"], "env": {}}, "status": "completed"},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "ok"},
    ]  # fmt: skip
    value = passed({"model": "some-model", "input": items, **OWN_SETTINGS}, "openai_responses", "openai_responses").value
    assert OWN_SETTINGS == {**{key: value.get(key, MISSING) for key in OWN_SETTINGS}, "include": sorted(value["include"], reverse=True)}
    assert ["item_reference", "local_shell_call", "local_shell_call_output"] == [item["type"] for item in value["input"][1:]]


@pytest.mark.parametrize("target", ["openai_chat", "anthropic", "google_genai"])
def test_a_kept_conversation_is_refused_where_nobody_has_it(target: Format) -> None:
    """To answer without the turns that the client does not repeat would be an answer to something else."""
    with pytest.raises(Unsupported, match="previous_response_id"):
        passed({"model": "some-model", "input": "Go on.", "previous_response_id": "resp_1"}, "openai_responses", target)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("body", [{"model": "m"}, {"model": "m", "input": None}, {"model": "m", "input": [{"type": "message"}]}])
def test_a_request_without_words_is_refused(body: dict[str, Any], target: Format) -> None:
    """It was forwarded as a request without messages."""
    with pytest.raises(Malformed, match="input"):
        passed(body, "openai_responses", target)


GOOGLE = {
    "systemInstruction": {"parts": [{"text": "Rules."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Begin."}]},
        {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1+1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}, {"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"r": "the result"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}, {"name": "g", "parametersJsonSchema": SCHEMA}]}, {"googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "generationConfig": {
        "topP": 0.9, "topK": 40, "seed": 5, "maxOutputTokens": 100, "stopSequences": ["END"], "responseLogprobs": True, "logprobs": 3,
        "frequencyPenalty": 0.1, "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    },
}  # fmt: skip


def snake(value: Any) -> Any:
    """The same in Google's other spelling; what the user names is left alone."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {"parametersJsonSchema", "args", "response"}
    return {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): item if key in kept else snake(item)
        for key, item in value.items()
    }


@pytest.mark.parametrize("spelling", [copy.deepcopy, snake])
def test_everything_google_says_comes_through_in_both_spellings(spelling: Any) -> None:
    """camelCase is what the wire and Gemini CLI use; some read snake_case alone and lost half of the request."""
    value = passed(spelling(GOOGLE), "google_genai", "google_genai").value
    assert GOOGLE["systemInstruction"]["parts"] == value["systemInstruction"]["parts"]
    assert GOOGLE["contents"] == value["contents"]
    assert GOOGLE["generationConfig"] == value["generationConfig"]
    assert GOOGLE["toolConfig"] == value["toolConfig"]
    assert [GOOGLE["safetySettings"], GOOGLE["cachedContent"]] == [value["safetySettings"], value["cachedContent"]]
    declared = [tool for group in value["tools"] for tool in group.get("functionDeclarations", ())]
    assert GOOGLE["tools"][0]["functionDeclarations"] == declared
    assert [{"googleSearch": {}}] == [group for group in value["tools"] if "googleSearch" in group]


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses", "anthropic"])
@pytest.mark.parametrize("spelling", [copy.deepcopy, snake])
def test_what_google_says_is_heard_elsewhere(spelling: Any, target: Format) -> None:
    """The prompt, the parameters of tools and a result without a known key arrive; what cannot is named."""
    body = spelling({key: value for key, value in GOOGLE.items() if key not in ("cachedContent", "cached_content")})
    converted = passed(body, "google_genai", target)
    text = json.dumps(converted.value)
    for word in ("Rules.", "the result", '"city"'):
        assert word in text
    names = set(paths(converted))
    assert "safetySettings" in names
    assert "generationConfig.topK" in names or dig(converted.value, "top_k") == 40
    assert "generationConfig.seed" in names or dig(converted.value, "seed") == 5


def test_two_calls_of_one_function_without_ids_are_two_calls() -> None:
    """They were given one id, and one of them was deleted while both results were sent."""
    call = {"functionCall": {"name": "f", "args": {}}}
    answer = {"functionResponse": {"name": "f", "response": {"output": "done"}}}
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Begin."}]},
            {"role": "model", "parts": [call, call]},
            {"role": "user", "parts": [answer, answer]},
        ]
    }
    messages = passed(body, "google_genai", "openai_chat").value["messages"]
    ids = [made["id"] for made in messages[1]["tool_calls"]]
    assert 2 == len(set(ids))
    assert ids == [message["tool_call_id"] for message in messages[2:4]]
    blocks = passed(body, "google_genai", "anthropic").value["messages"]
    assert 2 == len({block["id"] for block in blocks[1]["content"]})
    assert [block["id"] for block in blocks[1]["content"]] == [block["tool_use_id"] for block in blocks[2]["content"]]


def test_thoughts_of_a_gemini_are_no_words_of_the_assistant() -> None:
    """A replayed thought became visible text of the answer."""
    parts = [{"text": "Secret thought.", "thought": True}, {"text": "Visible."}]
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Begin."}]},
            {"role": "model", "parts": parts},
            {"role": "user", "parts": [{"text": "Go on."}]},
        ]
    }
    for target, place in (
        ("openai_chat", "messages.1.content"),
        ("openai_responses", "input.1.content"),
        ("anthropic", "messages.1.content"),
    ):
        visible = json.dumps(dig(passed(body, "google_genai", target).value, place))  # type: ignore[arg-type]
        assert "Visible." in visible
        assert "Secret thought." not in visible


def test_a_temperature_that_is_cut_is_told() -> None:
    """Anthropic's highest is 1: a silent clamp changes what the user asked for."""
    converted = passed(chat(temperature=1.7), "openai_chat", "anthropic")
    assert 1 == converted.value["temperature"]
    assert ("temperature", "approximated") in [(loss.path, loss.kind) for loss in converted.losses]


def test_nothing_is_added_that_nobody_asked_for() -> None:
    """Cache marks and ``caller`` were put on every request; marks cost money and are refused where they are too many or on empty text."""
    converted = passed(PLAIN["openai_chat"], "openai_chat", "anthropic")
    text = json.dumps(converted.value)
    assert "cache_control" not in text
    assert "caller" not in text
    assert () == converted.losses


@pytest.mark.parametrize("target", FORMATS)
def test_an_unknown_model_keeps_images_and_effort(target: Format) -> None:
    """A model that no table knows was taken for one that can neither see nor think."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    body = chat({"role": "user", "content": [{"type": "text", "text": "See."}, image]}, reasoning_effort="high")
    converted = rosetta.convert_request({**body, "model": "brand-new-model-9"}, "openai_chat", target)
    text = json.dumps(converted.value)
    assert PIXEL in text
    assert [] == [loss for loss in converted.losses if loss.kind == "dropped" and loss.field in ("image", "effort", "reasoning")]


@pytest.mark.parametrize("target", FORMATS)
def test_a_schemas_const_and_closedness_are_not_lost_in_silence(target: Format) -> None:
    """``const`` and ``additionalProperties`` of tool parameters reach every wire that knows JSON Schema, else their meaning is told."""
    schema = {"type": "object", "properties": {"unit": {"const": "celsius"}}, "required": ["unit"], "additionalProperties": False}
    converted = passed(claude(tools=[{"name": "f", "input_schema": schema}]), "anthropic", target)
    place = {
        "openai_chat": "tools.0.function.parameters",
        "openai_responses": "tools.0.parameters",
        "anthropic": "tools.0.input_schema",
        "google_genai": "tools.0.functionDeclarations.0.parametersJsonSchema",
    }
    assert schema == dig(converted.value, place[target])


@pytest.mark.parametrize("target", OTHERS_OF_ANTHROPIC)
def test_anthropics_marks_are_heard_or_named(target: Format) -> None:
    """Failed results, cache marks, strict tools and titles were lost without a word."""
    body = claude(
        {"role": "assistant", "content": [USE]},
        {"role": "user", "content": [{**USED, "is_error": True, "content": "it broke", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        tools=[{**CLAUDE_F, "strict": True}],
        metadata={"user_id": "user-7"},
    )  # fmt: skip
    converted = passed(body, "anthropic", target)
    text = json.dumps(converted.value)
    assert "rror" in text
    assert "it broke" in text
    assert "user-7" in text or [loss for loss in converted.losses if loss.field == "user"]
    assert '"ttl"' not in text or target != "google_genai"
    assert "cache" in text or [loss for loss in converted.losses if loss.field == "cache"]


@pytest.mark.parametrize("target", FORMATS)
def test_one_odd_tool_does_not_spoil_the_request(target: Format) -> None:
    """One custom tool (Codex' apply_patch) was a 400 for the whole request."""
    body = {
        "model": "some-model",
        "input": "Hi.",
        "tools": [{"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}}],
    }
    for narrow in ({}, {"custom_tools": False}) if target.startswith("openai") else ({},):
        assert "apply_patch" in json.dumps(passed(body, "openai_responses", target, **narrow).value["tools"])


def test_marks_for_an_hour_are_no_error_elsewhere() -> None:
    """Claude Code marks with ``ttl: 1h``: other vendors answered 400."""
    body = claude(system=[{"type": "text", "text": "Rules.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    for target in OTHERS_OF_ANTHROPIC:
        converted = rosetta.convert_request(body, "anthropic", target)
        assert "ttl" not in json.dumps(converted.value)
        assert [loss for loss in converted.losses if loss.field == "cache"]


def test_beta_flags_of_claude_code_go_nowhere_else() -> None:
    """Every release of the client brings new ones, and vendors refuse what they do not know."""
    body = claude(context_management={"edits": []}, output_config={"effort": "high"})
    for target in OTHERS_OF_ANTHROPIC:
        text = json.dumps(rosetta.convert_request(body, "anthropic", target, headers={"anthropic-beta": "brand-new-2099-01-01"}).value)
        assert "brand-new-2099" not in text
        assert "context_management" not in text
        assert "output_config" not in text
