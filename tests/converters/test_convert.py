"""One hop for tools: bodies and streams from one wire to another, and where the losses are said to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rosetta.convert import StreamConverter, convert_request, convert_response
from rosetta.converters import seals
from rosetta.converters.converter import Unsupported
from rosetta.ir.parts import Seal

SCHEMA = {"type": "object", "properties": {}}


def lost(body: dict[str, Any], source: str, target: str, **options: Any) -> dict[str, str]:
    """Path -> kind of what a request loses, but for what was put in."""
    found = convert_request(body, source, target, **options).losses
    return {loss.path: loss.kind for loss in found if loss.kind != "injected"}


def signed_by_google() -> list[dict[str, Any]]:
    return [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}, "thoughtSignature": "c2lnbmVk"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "cold"}}}]},
    ]


@pytest.mark.parametrize(("target", "provider"), [("anthropic", None), ("responses", None), ("chat", "openai")])
def test_a_calls_lost_signature_is_named_as_a_field_of_the_call(target: str, provider: str | None) -> None:
    """The call itself goes on: a path that names it would say that it was lost."""
    body = {"contents": signed_by_google(), "tools": [{"functionDeclarations": [{"name": "weather"}]}]}
    assert {"contents.1.parts.0.thoughtSignature": "dropped"} == lost(body, "google", target, model="m", provider=provider)


def test_a_chat_calls_lost_signature_is_named_as_a_field_of_the_call() -> None:
    """Chat clients carry it in extra_content."""
    envelope = seals.wrap((Seal("thought_signature", "c2lnbmVk", "gemini", "g", bound="part"),))
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": envelope}},
    }
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "cold"},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    found = lost({"model": "m", "messages": messages, "tools": tools}, "chat", "openai_responses")
    assert {"messages.1.tool_calls.0.extra_content.google.thought_signature": "dropped"} == found


def test_thoughts_of_another_maker_are_lost_whole() -> None:
    """Their signature is the reason, the block is what is missing."""
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": seals.wrap((Seal("signature", "s", "other", "m"),))}
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "Hi."}]},
        {"role": "user", "content": "And?"},
    ]
    body = {"model": "m", "max_tokens": 50, "messages": messages}
    assert {"messages.1.content.0": "dropped"} == lost(body, "anthropic", "responses", model="x")


def test_an_answer_that_cannot_be_continued_is_named_by_its_message() -> None:
    """A message that is left out whole, and one whose parts change places, say so by their own path."""
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi, "}]
    body = {"model": "m", "max_tokens": 100, "messages": messages}
    assert {"messages.1": "dropped"} == lost(body, "anthropic", "anthropic", model="claude-opus-4-7", provider="anthropic")
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    behind = [{"type": "text", "text": "Look:"}, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "cold"}]
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [call]}, {"role": "user", "content": behind}]
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    assert {"messages.2": "approximated"} == lost({**body, "messages": messages, "tools": tools}, "anthropic", "anthropic")


@pytest.mark.parametrize(("model", "expected"), [("claude-opus-4-0", {}), ("claude-opus-4-6", {"top_p": "dropped"})])
def test_of_temperature_and_top_p_the_newer_claudes_get_one(model: str, expected: dict[str, str]) -> None:
    """Whoever asks: a client that knew an older model would be refused."""
    for source, more in (("chat", {}), ("anthropic", {"max_tokens": 50})):
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.5, "top_p": 0.9, **more}
        assert expected == lost(body, source, "anthropic", model=model, provider="anthropic")


# ------------------------------------------------------------------------------------------------------------------------ the same in every wire


def said(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": text, **more}


def body_of(body: dict[str, Any], source: str, target: str, model: str = "m", provider: str | None = None) -> Any:
    return convert_request(body, source, target, model=model, provider=provider).value


EFFORTS = [
    ("anthropic", "claude-opus-4-8", lambda body: body["output_config"]["effort"]),
    ("chat", "gpt-5", lambda body: body["reasoning_effort"]),
    ("google", "gemini-3-pro", lambda body: body["generationConfig"]["thinkingConfig"]["thinkingLevel"].lower()),
]
VENDORS = {"anthropic": "anthropic", "chat": "openai", "google": "google"}


@pytest.mark.parametrize(("target", "model", "read"), EFFORTS)
def test_a_change_of_effort_amid_the_input_is_heard(target: str, model: str, read: Any) -> None:
    """Codex changes it with an item; wires which know one effort for all get the last word, and each change is told."""
    update = {"type": "configuration_update"}
    given = [
        {**update, "reasoning": {"effort": "high"}},
        said("developer", "Be brief."),
        said("user", "Hello"),
        said("assistant", "Hi."),
        {**update, "reasoning": {"effort": "low"}},
        said("user", "And?"),
    ]
    body = {"model": "m", "input": given}
    assert "low" == read(body_of(body, "responses", target, model, VENDORS[target]))
    told = lost(body, "responses", target, model=model, provider=VENDORS[target])
    assert {"input.2.reasoning.effort": "approximated", "input.5.reasoning.effort": "approximated"} == told


def test_a_change_of_effort_before_the_first_turn_is_no_field_of_the_system_prompt() -> None:
    """It holds from the first turn on, on the wires that can say so."""
    given = [{"type": "configuration_update", "reasoning": {"effort": "high"}}, said("developer", "Be brief."), said("user", "Hello")]
    again = body_of({"model": "m", "input": given}, "responses", "responses", "gpt-5.6", "openai")
    assert [given[1], given[0], given[2]] == again["input"]
    leading = said("system", "Be brief.", output_config={"effort": "high"})
    body = {"model": "m", "max_tokens": 9, "messages": [leading, said("user", "Hello")]}
    assert [said("user", "Hello", output_config={"effort": "high"})] == body_of(
        body, "anthropic", "anthropic", "claude-opus-5", "anthropic"
    )["messages"]


def test_a_message_of_the_user_changes_the_effort_too() -> None:
    """Not only system messages may carry it."""
    body = {"model": "m", "max_tokens": 9, "messages": [said("user", "Hello", output_config={"effort": "low"})]}
    assert body["messages"] == body_of(body, "anthropic", "anthropic", "claude-opus-5", "anthropic")["messages"]
    assert {"effort": "low"} == body_of(body, "anthropic", "anthropic", "claude-opus-4-7", "anthropic")["output_config"]


def test_what_a_leading_system_message_says_beside_its_text_is_told() -> None:
    """The system prompt has no place for it."""
    body = {"model": "m", "max_tokens": 9, "messages": [said("system", "Be brief.", clear_at="later"), said("user", "Hello")]}
    assert {"messages.0.clear_at": "dropped"} == lost(body, "anthropic", "anthropic")
    picture = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png", "fresh": True}}
    body = {"model": "m", "max_tokens": 9, "system": [picture], "messages": [said("user", "Hello")]}
    assert "system.0.source.fresh" in lost(body, "anthropic", "chat")


@pytest.mark.parametrize("target", ["anthropic", "chat", "google"])
@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"type": "compaction", "encrypted_content": "x"}, "send the whole input"),
        ({"type": "compaction_trigger"}, "local compaction"),
    ],
)
def test_what_stands_for_the_conversation_is_not_lost_in_silence(target: str, item: dict[str, Any], message: str) -> None:
    """Without it the model would answer something else: the refusal tells the next step."""
    with pytest.raises(Unsupported, match=message) as refused:
        convert_request({"model": "m", "input": [said("user", "Hello"), item]}, "responses", target, model="m")
    assert "input.1" == refused.value.path


@pytest.mark.parametrize("target", ["anthropic", "chat", "google"])
def test_a_conversation_that_is_kept_elsewhere_is_refused_in_the_words_of_its_client(target: str) -> None:
    """Clients know this code, and send everything again."""
    with pytest.raises(Unsupported, match="send the whole input") as refused:
        convert_request({"model": "m", "input": "Hello", "previous_response_id": "resp_1"}, "responses", target, model="m")
    assert ("previous_response_id", "previous_response_not_found") == (refused.value.path, refused.value.code)


@pytest.mark.parametrize("target", ["anthropic", "chat", "google"])
def test_a_reference_to_what_the_model_said_is_lost_alone(target: str) -> None:
    """The AI SDK points to the model's words where it was not told that nothing is stored; calls and results are there."""
    call = {"type": "function_call", "call_id": "call_1", "name": "bash", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    given = [said("user", "Hello"), {"type": "item_reference", "id": "msg_1"}, call, result]
    tools = [{"type": "function", "name": "bash", "parameters": SCHEMA, "strict": False}]
    assert {"input.1": "dropped"} == lost({"model": "m", "input": given, "tools": tools}, "responses", target, model="m")


def test_a_summary_in_words_goes_to_any_wire() -> None:
    """Anthropic's compaction may hold a text that everyone can read."""
    compacted = {"role": "assistant", "content": [{"type": "compaction", "content": "They greeted."}]}
    body = {"model": "m", "max_tokens": 9, "messages": [said("user", "Hello"), compacted, said("user", "And?")]}
    assert "They greeted." in str(body_of(body, "anthropic", "responses")["input"])


def test_a_request_of_system_words_alone_has_an_input() -> None:
    """Responses servers refuse an empty one; chat servers take such a request."""
    body = body_of({"model": "m", "messages": [said("system", "Say hello.")]}, "chat", "responses")
    assert ([said("system", "Say hello.")], None) == (body["input"], body.get("instructions"))


def test_temperature_goes_to_a_reasoning_model_that_shall_not_reason() -> None:
    """With effort none OpenAI's take it, with any other they refuse it."""
    chat = {"model": "m", "messages": [said("user", "Hello")], "temperature": 0.3}
    assert 0.3 == body_of({**chat, "reasoning_effort": "none"}, "chat", "responses", "gpt-5.1", "openai")["temperature"]
    responses = {"model": "m", "input": "Hello", "temperature": 0.3}
    assert 0.3 == body_of({**responses, "reasoning": {"effort": "none"}}, "responses", "chat", "gpt-5.1", "openai")["temperature"]
    assert {"temperature": "dropped"} == lost(
        {**responses, "reasoning": {"effort": "low"}}, "responses", "chat", model="gpt-5.1", provider="openai"
    )
    claude = {**chat, "max_tokens": 50, "thinking": {"type": "disabled"}}
    for target in ("chat", "responses"):
        assert 0.3 == body_of(claude, "anthropic", target, "gpt-5.1", "openai")["temperature"]
    assert {"temperature": "dropped"} == lost({**chat, "reasoning_effort": "low"}, "chat", "responses", model="gpt-5.1", provider="openai")


def test_who_gives_a_budget_reads_the_thoughts() -> None:
    """The Claude models that take one show them unasked; OpenAI, Google and the newer Claudes must be asked."""
    body = {"model": "m", "max_tokens": 5000, "thinking": {"type": "enabled", "budget_tokens": 2048}, "messages": [said("user", "Hello")]}
    assert "auto" == body_of(body, "anthropic", "responses", "gpt-5.1", "openai")["reasoning"]["summary"]
    assert body_of(body, "anthropic", "google", "gemini-3-pro", "google")["generationConfig"]["thinkingConfig"]["includeThoughts"]
    newer = body_of(body, "anthropic", "anthropic", "claude-opus-4-7", "anthropic")["thinking"]
    assert {"type": "adaptive", "display": "summarized"} == newer
    assert body["thinking"] == body_of(body, "anthropic", "anthropic", "claude-sonnet-4-5", "anthropic")["thinking"]


# ------------------------------------------------------------------------------------------------------------------------ answers


ANSWER = {
    "id": "c",
    "model": "upstream",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
CALLED = {
    "index": 0,
    "delta": {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "files__read", "arguments": "{}"}}]},
    "finish_reason": "tool_calls",
}


def chat_stream(*choices: dict[str, Any]) -> bytes:
    chunks = [{"id": "c", "object": "chat.completion.chunk", "model": "upstream", "choices": [choice]} for choice in choices]
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(("target", "field"), [("anthropic", "model"), ("responses", "model"), ("google", "modelVersion")])
def test_without_a_request_an_answer_shows_the_upstreams_model(target: str, field: str) -> None:
    """Whole and streamed: an empty name would be no name."""
    assert "upstream" == convert_response(ANSWER, "chat", target).value[field]
    stream = StreamConverter("chat", target)
    hello = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    assert b'"upstream"' in stream.feed(chat_stream(hello)) + stream.finish()


def test_without_the_request_a_streamed_calls_tool_may_be_another() -> None:
    """A name that was flattened on its way to the upstream comes back whole only with the request."""
    stream = StreamConverter("chat", "responses")
    stream.feed(chat_stream(CALLED))
    assert ["tool_name"] == [loss.field for loss in stream.losses]
    tools = [{"type": "namespace", "name": "files", "description": "", "tools": [{"type": "function", "name": "read"}]}]
    for asked in ({"model": "m", "input": "Read.", "tools": tools}, {"model": "m", "prompt": {"id": "p"}, "tools": tools}):
        stream = StreamConverter("chat", "responses", request=asked)
        assert b'"namespace":"files"' in stream.feed(chat_stream(CALLED))
        assert () == stream.losses


def test_the_mark_of_a_part_that_is_said_in_words_is_told() -> None:
    """Search results are text elsewhere, and a text has its own marks."""
    found = {"type": "search_result", "source": "a", "title": "A", "content": [{"type": "text", "text": "b"}]}
    marked = {**found, "cache_control": {"type": "ephemeral"}}
    body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": [marked]}]}
    assert {"messages.0.content.0": "approximated", "messages.0.content.0.cache_control": "dropped"} == lost(body, "anthropic", "responses")


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"safety_identifier": "u"}, "safety_identifier"),
        ({"user": "u"}, "user"),
        ({"reasoning_effort": "max"}, "reasoning_effort"),
        ({"reasoning": {"effort": "max"}}, "reasoning.effort"),
        ({"reasoning": {"max_tokens": 999}}, "reasoning.max_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 999}}, "thinking.budget_tokens"),
        ({"response_format": {"type": "json_object", "x": 1}}, "response_format.x"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "x": 1}}},
            "response_format.json_schema.x",
        ),
        ({"response_format": {"type": "text", "x": 1}}, "response_format.x"),
    ],
)
def test_a_loss_names_the_field_that_the_client_used(said: dict[str, Any], path: str) -> None:
    """Chat has several spellings of one thing; the path of a Loss leads to the one that is there."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **said}
    assert path in lost(body, "chat", "google", model="gemini-3-pro-preview", provider="google")


@pytest.mark.parametrize("target", ["chat", "responses", "anthropic", "google"])
def test_a_tool_messages_other_name_is_told(target: str) -> None:
    """The name of the call goes without saying; another one does not."""
    messages = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "name": "f", "content": "ok"},
    ]
    body = {"model": "m", "messages": messages, "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]}
    assert "messages.2.name" not in lost(body, "chat", target)
    messages[2]["name"] = "g"
    sent = convert_request(body, "chat", target, model="m")
    assert target == "chat" or "messages.2.name" in {loss.path for loss in sent.losses}
    assert target != "chat" or sent.value["messages"][2]["name"] == "g"


@pytest.mark.parametrize("source", ["chat", "responses"])
def test_a_late_system_messages_image_reaches_gemini(source: str) -> None:
    """The words are the user's there, and so is what they point to."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    if source == "responses":
        image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    words = {"type": "text" if source == "chat" else "input_text", "text": "Compare."}
    given = [{"role": "user", "content": "Hello"}, {"role": "developer", "content": [words, image]}, {"role": "user", "content": "Now."}]
    body = {"model": "m", "messages" if source == "chat" else "input": given}
    parts = convert_request(body, source, "google", model="gemini-3-pro-preview").value["contents"][0]["parts"]
    assert [part.get("text") or part["inlineData"]["mimeType"] for part in parts] == [
        "Hello",
        "<system>\nCompare.\n</system>",
        "image/png",
        "Now.",
    ]


def test_lost_sources_are_named_beside_its_content() -> None:
    """Chat's annotations stand in the message, not in the text."""
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}}
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi", "annotations": [cited]},
        {"role": "user", "content": "And?"},
    ]
    assert {"messages.1.annotations": "dropped"} == lost({"model": "m", "messages": messages}, "chat", "google")


def named_alike() -> list[dict[str, Any]]:
    """Two calls of one function as some servers number them: by its name."""
    return [
        {"id": "call_look", "type": "function", "index": place, "function": {"name": "look", "arguments": f'{{"at": {place}}}'}}
        for place in (0, 1)
    ]


@pytest.mark.parametrize("target", ["anthropic", "responses", "google"])
def test_two_calls_of_an_answer_never_share_an_id(target: str) -> None:
    """Clients tell the results apart by nothing else. In a stream and whole the second one gets the same new id, and that is told."""
    message = {"role": "assistant", "content": None, "tool_calls": named_alike()}
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    answer = convert_response(body, "chat", target)
    assert "call_look_2" in json.dumps(answer.value)
    assert ("choices.0.message.tool_calls.1.id", "approximated") in {(loss.path, loss.kind) for loss in answer.losses}
    stream = StreamConverter("chat", target)
    first, second = named_alike()
    chunks = [{"tool_calls": [first]}, {"tool_calls": [second]}]
    out = b""
    for delta in chunks:
        out += stream.feed(b"data: " + json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n")
    end = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    out += stream.feed(b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n") + stream.finish()
    assert out.count(b'"call_look_2"') >= 1
    assert "call_id" in {loss.field for loss in stream.losses}
