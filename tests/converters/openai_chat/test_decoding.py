"""Requests in: what chat clients really send, and what the IR has of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rosetta.converters import seals
from rosetta.converters.anthropic import CONVERTER as ANTHROPIC
from rosetta.converters.converter import Malformed, WireRequest
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.parts import CacheMark, Citation, FileId, Inline, Link, Media, Opaque, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import (
    CacheRequest,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    OutputFormat,
    ReasoningRequest,
    Sampling,
    State,
    ToolChoice,
    ToolName,
    Turn,
)
from tests.converters.openai_chat.surroundings import HELLO, SCHEMA, decoded, encoded, messages
from tests.laws import wires

PNG = "iVBORw0KGgo="
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


def made(identity: str = "a", name: str = "f", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def part(value: Any) -> Any:
    """The one part of a user's message."""
    (found,) = messages({"role": "user", "content": [value]}).turns[0].parts
    return found


# ------------------------------------------------------------------------------------------------------------------------ messages


def test_leading_prompts_are_the_system() -> None:
    """Each its own turn, with its role and name; later ones stand where they were said."""
    request = messages(
        {"role": "system", "content": "One."},
        {"role": "developer", "content": [{"type": "text", "text": "Two."}], "name": "n"},
        HELLO,
        {"role": "system", "content": "Late."},
    )
    assert request.system == (
        Turn("system", (Text("One.", "messages.0.content"),), "messages.0"),
        Turn("developer", (Text("Two.", "messages.1.content.0"),), "messages.1", "n"),
    )
    assert [turn.role for turn in request.turns] == ["user", "system"]


def test_results_of_one_answer_are_one_turn() -> None:
    """In source order, each with the name of its function; free text is known by its call."""
    request = messages(
        HELLO,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [made(), {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** x"}}],
        },
        {"role": "tool", "tool_call_id": "b", "content": "done"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]},
        HELLO,
    )
    assert request.turns[1].parts == (
        ToolCall("a", "f", "{}", "messages.1.tool_calls.0"),
        ToolCall("b", "patch", "*** x", "messages.1.tool_calls.1", "custom"),
    )
    assert request.turns[2] == Turn(
        "user",
        (
            ToolResult("b", (Text("done", "messages.2.content"),), "messages.2", "patch", "custom"),
            ToolResult("a", (Text("1", "messages.3.content.0"), Text("2", "messages.3.content.1")), "messages.3", "f"),
        ),
        "messages.2",
    )


def test_deprecated_functions_are_tools() -> None:
    """``functions``, ``function_call`` and role ``function`` become what replaced them, matched by name."""
    request = decoded(
        functions=[{"name": "f", "parameters": SCHEMA}],
        function_call={"name": "f"},
        messages=[
            HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
        ],
    )
    assert request.tools == (FunctionTool("f", schema=SCHEMA, at="functions.0"),)
    assert request.tool_choice == ToolChoice("required", (ToolName("f"),))
    called, answered = request.turns[1].parts[0], request.turns[2].parts[0]
    assert isinstance(called, ToolCall)
    assert isinstance(answered, ToolResult)
    assert (called.id, answered.name) == (answered.call_id, "f")


def test_results_without_an_id_are_matched() -> None:
    """By name, else by order; a call without an id gets one from its place, the same in every later request."""
    request = messages(
        HELLO,
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "g"}}]},
        {"role": "tool", "name": "g", "content": "G"},
        {"role": "tool", "content": "F"},
    )
    calls = [each for each in request.turns[1].parts if isinstance(each, ToolCall)]
    results = [each for each in request.turns[2].parts if isinstance(each, ToolResult)]
    assert [(each.id, each.arguments) for each in calls] == [
        ("call_messages_1_tool_calls_0", '{"x":1}'),
        ("call_messages_1_tool_calls_1", ""),
    ]
    assert [each.call_id for each in results] == [calls[1].id, calls[0].id]


def test_an_assistants_message_in_its_parts() -> None:
    """Thoughts, words with their sources, a refusal, speech, calls."""
    note = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 1}}
    message = {
        "role": "assistant",
        "reasoning_content": "Hm.",
        "content": "Yes",
        "annotations": [note],
        "refusal": "No.",
        "audio": {"id": "audio_1"},
        "tool_calls": [made()],
        "name": "bot",
        "x": 1,
    }
    turn = messages(HELLO, message).turns[1]
    assert turn.parts == (
        Reasoning(("Hm.",), at="messages.1.reasoning_content", seals=(Seal("text", "", texts=("Hm.",)),)),
        Text("Yes", "messages.1.content", citations=(Citation("openai_chat", note, "https://a", "A", start=0, end=1),)),
        Refusal("No.", "messages.1.refusal"),
        Media("audio", FileId("audio_1"), at="messages.1.audio"),
        ToolCall("a", "f", "{}", "messages.1.tool_calls.0"),
    )
    assert (turn.name, turn.extras) == ("bot", {"x": 1})


def test_an_answer_that_broke_off_is_an_empty_turn() -> None:
    """Clients keep it in their history."""
    assert messages(HELLO, {"role": "assistant", "content": ""}, HELLO).turns[1].parts == ()


def test_openrouters_details_are_a_state_of_their_own() -> None:
    """They go back as they came; their text is what may be shown."""
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}]
    thought = messages(HELLO, {"role": "assistant", "content": "Yes", "reasoning_details": details}).turns[1].parts[0]
    assert isinstance(thought, Reasoning)
    assert (thought.summary, thought.seals[0].kind) == (("Hm.",), "text")
    assert '"signature":"s"' in thought.seals[0].value


def test_an_envelope_on_a_call_is_opened() -> None:
    """What sealed thoughts goes to the thoughts that the client shows, or to thoughts without words; what sealed the call stays on it."""
    thought, signed = Seal("signature", "sig", "claude", "m", texts=("Hm.",)), Seal("thought_signature", "s", "google", "g", bound="part")
    wrapped = seals.wrap((thought, signed))
    extra = {"extra_content": {"google": {"thought_signature": wrapped, "x": 1}}}
    request = messages(
        HELLO,
        {"role": "assistant", "content": None, "reasoning_content": "Hm", "tool_calls": [made(**extra)]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "assistant", "content": None, "tool_calls": [made("b", **extra)]},
    )
    shown, sealed = request.turns[1].parts
    assert shown == Reasoning(("Hm",), at="messages.1.reasoning_content", seals=(thought,))
    assert isinstance(sealed, ToolCall)
    assert (sealed.seal, sealed.extras) == (signed, {"extra_content": {"google": {"x": 1}}})
    assert request.turns[3].parts[0] == Reasoning(at="messages.3.tool_calls.0", seals=(thought,))


def test_a_streaming_client_knows_custom_calls_as_functions() -> None:
    """Its history is read as what it means, where the tool is declared as free text."""
    declared = [{"type": "custom", "custom": {"name": "patch"}}]
    request = messages(
        HELLO, {"role": "assistant", "content": None, "tool_calls": [made(name="patch", arguments='{"input":"*** x"}')]}, tools=declared
    )
    assert request.turns[1].parts == (ToolCall("a", "patch", "*** x", "messages.1.tool_calls.0", "custom"),)


# ------------------------------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"type": "text", "text": "a"}, Text("a", "messages.0.content.0")),
        ({"type": "input_text", "text": "a"}, Text("a", "messages.0.content.0")),
        ("a", Text("a", "messages.0.content.0")),
        ({"text": "a"}, Text("a", "messages.0.content.0")),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            Text("a", "messages.0.content.0", CacheMark("30m")),
        ),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", "messages.0.content.0", CacheMark())),
        (
            {"type": "image_url", "image_url": {"url": "https://h/a.png", "detail": "low"}},
            Media("image", Link("https://h/a.png"), None, "messages.0.content.0", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": f"data:image/png;charset=utf-8;base64,{PNG}"},
            Media("image", Inline(PNG), "image/png", "messages.0.content.0"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            Media("audio", Inline("AAAA"), "audio/mpeg", "messages.0.content.0"),
        ),
        ({"type": "file", "file": {"file_id": "f"}}, Media("document", FileId("f"), None, "messages.0.content.0")),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            Media("document", Inline("JVBERi0="), "application/pdf", "messages.0.content.0", name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERi0="}},
            Media("document", Inline("JVBERi0="), "application/pdf", "messages.0.content.0", name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "https://h/a.pdf"}},
            Media("document", Link("https://h/a.pdf"), None, "messages.0.content.0"),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://v"}},
            Opaque("openai_chat", "video_url", {"type": "video_url", "video_url": {"url": "https://v"}}, "messages.0.content.0"),
        ),
    ],
)
def test_parts(value: Any, found: Any) -> None:
    """OpenAI's, what clients write in their place, and what only other servers know."""
    assert part(value) == found


def test_unknown_fields_are_kept_where_they_stood() -> None:
    """Inside the one object of a part by their way from it."""
    assert part({"type": "image_url", "image_url": {"url": "u", "x": 1}, "y": 2}).extras == {"image_url.x": 1, "y": 2}


# ------------------------------------------------------------------------------------------------------------------------ tools


def test_tools() -> None:
    """Functions, free text with and without a grammar, what a server runs itself, a search by its option."""
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    request = decoded(
        tools=[
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True, "x": 1}, "y": 2},
            {"function": {"name": "bare"}},
            {"type": "custom", "custom": {"name": "patch", "description": "d", "format": grammar}},
            {"type": "custom", "custom": {"name": "free", "format": {"type": "text"}}},
            {"type": "openrouter:web_search"},
        ],
        web_search_options={},
    )
    assert request.tools == (
        FunctionTool("f", "d", SCHEMA, "tools.0", True, extras={"function.x": 1, "y": 2}),
        FunctionTool("bare", at="tools.1"),
        CustomTool("patch", "d", Grammar("lark", "start: X"), "tools.2"),
        CustomTool("free", at="tools.3"),
        HostedTool("openrouter:web_search", "openai_chat", {"type": "openrouter:web_search"}, "tools.4"),
        HostedTool("web_search", "openai_chat", {"web_search_options": {}}, "web_search_options"),
    )


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("required", (ToolName("f"),))),
        ({"type": "custom", "custom": {"name": "p"}}, ToolChoice("required", (ToolName("p", kind="custom"),))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
            ToolChoice("auto", (ToolName("f"),)),
        ),
        ({"type": "web_search"}, ToolChoice("required", hosted={"type": "web_search"}, format="openai_chat")),
    ],
)
def test_tool_choice(value: Any, choice: ToolChoice) -> None:
    """All its forms, and Mistral's word."""
    assert decoded(tools=[FUNCTION], tool_choice=value).tool_choice == choice


# ------------------------------------------------------------------------------------------------------------------------ settings


def test_settings() -> None:
    """Each at its place; whatever nobody knows is kept."""
    request = decoded(
        max_completion_tokens=9,
        max_tokens=5,
        temperature=1,
        top_p=0.5,
        top_k=40,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logit_bias={"1": -100},
        logprobs=True,
        top_logprobs=2,
        n=2,
        stop="END",
        parallel_tool_calls=False,
        verbosity="low",
        modalities=["text", "audio"],
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        store=True,
        service_tier="flex",
        user="u",
        metadata={"a": "b"},
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        prediction={"type": "content", "content": "x"},
        min_p=0.1,
        audio=None,
    )
    assert request.sampling == Sampling(1.0, 0.5, 40, 7, 0.1, 0.2, {"1": -100}, True, 2, 2)
    assert (request.max_output_tokens, request.stop, request.parallel_tool_calls) == (9, ("END",), False)
    assert (request.verbosity, request.modalities, request.service_tier) == ("low", ("text", "audio"), "flex")
    assert (request.cache, request.state) == (CacheRequest("k", "24h"), State(store=True))
    assert (request.user, request.metadata, request.stream, request.include_usage) == ("u", {"a": "b"}, True, True)
    assert request.extras == {
        "prediction": {"type": "content", "content": "x"},
        "min_p": 0.1,
        "stream_options": {"include_obfuscation": False},
    }


def test_each_call_gives_its_states_back_where_they_were() -> None:
    """Thoughts between calls, and a text that Google signed beside a call that it signed."""
    first, second = (Seal("encrypted", f"E{number}", "openai", "gpt-6", f"rs_{number}", texts=(f"t{number}",)) for number in (1, 2))
    said = Seal("thought_signature", "AAAA", "google", "gemini", bound="before")
    called = Seal("thought_signature", "BBBB", "google", "gemini", bound="part")

    def carrying(identity: str, *states: Seal) -> dict[str, Any]:
        return made(identity, extra_content={"google": {"thought_signature": seals.wrap(states)}})

    thinking = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "t1 t2",
        "tool_calls": [carrying("a", first), carrying("b", second)],
    }
    parts = messages({"role": "user", "content": "x"}, thinking).turns[1].parts
    assert [first, "a", second, "b"] == [part.seals[0] if isinstance(part, Reasoning) else getattr(part, "id", None) for part in parts]
    speaking = {"role": "assistant", "content": "Look.", "tool_calls": [carrying("a", said, called)]}
    text, call = messages({"role": "user", "content": "x"}, speaking).turns[1].parts
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert ("AAAA", "part") == (text.seal and text.seal.value, text.seal and text.seal.bound)
    assert "BBBB" == (call.seal and call.seal.value)


def test_a_result_without_an_id_answers_the_latest_step() -> None:
    """An earlier call that nobody answered does not take it."""
    steps = [{"role": "assistant", "tool_calls": [made("a")]}, {"role": "user", "content": "never mind"}]
    request = messages(
        {"role": "user", "content": "x"}, *steps, {"role": "assistant", "tool_calls": [made("b")]}, {"role": "tool", "content": "R"}
    )
    (result,) = request.turns[-1].parts
    assert isinstance(result, ToolResult)
    assert "b" == result.call_id


def test_thoughts_told_twice_are_one_and_told_differently_are_two() -> None:
    """Some servers fill both fields with one text."""
    both = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.", "reasoning": "Hm."}
    same = messages({"role": "user", "content": "x"}, both)
    assert {} == same.turns[1].extras
    other = messages({"role": "user", "content": "x"}, {**both, "reasoning": "So."})
    assert {"reasoning": "So."} == other.turns[1].extras
    assert {**both, "reasoning": "So."} == encoded(other, Dialect(reasoning_back="reasoning_content"))[0]["messages"][1]
    sent = ANTHROPIC.encode_request(other, wires.target("anthropic"))
    assert ("messages.1", "reasoning") in [(loss.at, loss.field) for loss in sent.losses]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"reasoning_effort": "xhigh"}, ReasoningRequest(effort="xhigh")),
        ({"reasoning_effort": "huge"}, ReasoningRequest(extras={"reasoning_effort": "huge"})),
        (
            {"reasoning": {"effort": "low", "max_tokens": 2000, "exclude": True}},
            ReasoningRequest(effort="low", budget=2000, visible=False),
        ),
        ({"reasoning": {"enabled": False}}, ReasoningRequest("off")),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, ReasoningRequest("on", budget=1024)),
        ({"thinking": {"type": "disabled"}}, ReasoningRequest("off")),
        ({"thinking": {"type": "strange", "x": 1}}, ReasoningRequest(extras={"thinking.type": "strange", "thinking.x": 1})),
        ({}, ReasoningRequest()),
    ],
)
def test_effort(body: Any, wanted: ReasoningRequest) -> None:
    """OpenAI's field, OpenRouter's object, DeepSeek's switch."""
    assert decoded(**body).reasoning == wanted


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ({"type": "text"}, OutputFormat("text")),
        ({"type": "json_object"}, OutputFormat("json_object")),
        ({"type": "json_object", "schema": SCHEMA}, OutputFormat("json_schema", SCHEMA)),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": True}},
            OutputFormat("json_schema", SCHEMA, "n", "d", True),
        ),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, OutputFormat("json_schema", {}, "n")),
        ({"type": "grammar", "grammar": "x"}, None),
    ],
)
def test_the_shape_of_the_answer(value: Any, output: Any) -> None:
    """What nobody knows is kept whole."""
    request = decoded(response_format=value)
    assert request.output == output
    assert request.extras == ({} if output else {"response_format": value})


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [1]}, "messages.0"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content.0.image_url"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages.0.content.0.file"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages.0.tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [None]}]}, "messages.0.tool_calls.0"),
        ({"messages": [{"role": "assistant", "tool_calls": [made(arguments=1)]}]}, "messages.0.tool_calls.0.function.arguments"),
        ({"messages": [{"role": "assistant", "reasoning_content": 1}]}, "messages.0.reasoning_content"),
        ({"model": 1}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": True}, "n"),
        ({"n": 0}, "n"),
        ({"stop": [1]}, "stop"),
        ({"logit_bias": {"1": "x"}}, "logit_bias.1"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools.0.function.parameters"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function.name"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools.tools"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_a_wrong_type_is_named_by_its_path(body: dict[str, Any], path: str) -> None:
    """The client's fault comes back with the place where it is."""
    with pytest.raises(Malformed) as caught:
        decoded(**body)
    assert caught.value.path == path


def test_a_body_is_never_changed() -> None:
    """Users of the SDK send one dict again and again."""
    body = {
        "model": "m",
        "messages": [HELLO, {"role": "assistant", "tool_calls": [made(extra_content={"google": {"thought_signature": "s"}})]}],
        "tools": [FUNCTION],
        "reasoning": {"effort": "low"},
        "stream_options": {"include_usage": True},
    }
    before = copy.deepcopy(body)
    CONVERTER.decode_request(WireRequest(body))
    assert body == before


def test_what_stands_on_a_call_comes_back() -> None:
    """The state that it carries and all that is beside it, to a server that nobody knows."""
    given = made(extra_content={"google": {"thought_signature": "s", "x": 1}, "other": 2}, y=3)
    request = messages(
        HELLO, {"role": "assistant", "content": None, "tool_calls": [given]}, {"role": "tool", "tool_call_id": "a", "content": "1"}
    )
    body, losses = encoded(request)
    assert (body["messages"][1]["tool_calls"], losses) == ([given], [])
