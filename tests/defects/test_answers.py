"""Whole answers that other converters were seen to spoil: counts, finish reasons, order, ids, pictures, citations."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rosetta
from rosetta.converters.converter import UpstreamFailed
from rosetta.ir.parts import FORMATS, Format
from tests.defects.passage import MISSING, dig, sse
from tests.laws import wires


def heard(body: dict[str, Any], source: Format, target: Format) -> Any:
    return rosetta.convert_response(body, source, target, model="m").value


def claude(*content: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 20, "output_tokens": 50}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(content)}
    return {**message, "stop_reason": stop, "stop_sequence": None, "usage": usage, **more}


def chat(message: dict[str, Any], finish: str = "stop", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def gemini(*parts: dict[str, Any], finish: str = "STOP", **more: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 150}
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}, "finishReason": finish}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r", **more}


def responses(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 80},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 150,
    }
    base = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "error": None}
    return {**base, "output": list(output), "usage": usage, **more}


def test_cached_tokens_are_counted_once() -> None:
    """Anthropic counts them beside the input, OpenAI within it: read 10 + 70 + 20 as 100, and write 100 with 80 cached as 20 and 80."""
    usage = heard(claude({"type": "text", "text": "Hi."}), "anthropic", "openai_chat")["usage"]
    assert [100, 70, 150] == [usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"], usage["total_tokens"]]
    assert 20 == usage["prompt_tokens_details"]["cache_write_tokens"]
    counted = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "prompt_tokens_details": {"cached_tokens": 80}}
    back = heard(chat({"content": "Hi."}, usage=counted), "openai_chat", "anthropic")["usage"]
    assert [20, 80] == [back["input_tokens"], back["cache_read_input_tokens"]]
    google = gemini({"text": "Hi."})
    google["usageMetadata"]["cachedContentTokenCount"] = 80
    back = heard(google, "google_genai", "anthropic")["usage"]
    assert [20, 80] == [back["input_tokens"], back["cache_read_input_tokens"]]
    back = heard(claude({"type": "text", "text": "Hi."}), "anthropic", "google_genai")["usageMetadata"]
    assert [100, 70, 150] == [back["promptTokenCount"], back["cachedContentTokenCount"], back["totalTokenCount"]]


def test_thoughts_are_counted_once() -> None:
    """Google counts them beside the answer, everybody else within it."""
    usage = heard(gemini({"text": "Hi."}), "google_genai", "openai_chat")["usage"]
    assert [50, 30] == [usage["completion_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]]
    back = heard(responses(SAID), "openai_responses", "google_genai")["usageMetadata"]
    assert [20, 30, 150] == [back["candidatesTokenCount"], back["thoughtsTokenCount"], back["totalTokenCount"]]
    assert 50 == heard(gemini({"text": "Hi."}), "google_genai", "anthropic")["usage"]["output_tokens"]


@pytest.mark.parametrize(
    "stop", ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded", "brand_new"]
)
def test_a_claudes_own_words_for_its_end_are_kept(stop: str) -> None:
    """All of the newer ones became ``end_turn``, even on the way from Anthropic to Anthropic."""
    content = {"type": "tool_use", "id": "t", "name": "f", "input": {}} if stop == "tool_use" else {"type": "text", "text": "Hi."}
    own = heard(claude(content, stop=stop, stop_sequence="END" if stop == "stop_sequence" else None), "anthropic", "anthropic")
    assert stop == own["stop_reason"]
    assert own["stop_sequence"] == ("END" if stop == "stop_sequence" else None)


def test_an_answer_that_was_cut_looks_cut_to_every_client() -> None:
    """A full context window is no polite end."""
    body = claude({"type": "text", "text": "Hi"}, stop="model_context_window_exceeded")
    assert "length" == heard(body, "anthropic", "openai_chat")["choices"][0]["finish_reason"]
    assert "incomplete" == heard(body, "anthropic", "openai_responses")["status"]
    assert "MAX_TOKENS" == heard(body, "anthropic", "google_genai")["candidates"][0]["finishReason"]


CITED = {
    "type": "text",
    "text": "Cold.",
    "citations": [{"type": "web_search_result_location", "url": "https://example.com", "title": "T", "encrypted_index": "x", "cited_text": "c"}],
}  # fmt: skip
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}


def test_a_citation_stays_with_the_text_that_it_is_of() -> None:
    """Citations were put on the block after: a call."""
    content = heard(claude(CITED, CALL, stop="tool_use"), "anthropic", "anthropic")["content"]
    assert CITED["citations"] == content[0]["citations"]
    assert "citations" not in content[1]
    (annotation,) = heard(claude(CITED, CALL, stop="tool_use"), "anthropic", "openai_chat")["choices"][0]["message"]["annotations"]
    assert "https://example.com" == annotation["url_citation"]["url"]
    items = heard(claude(CITED, CALL, stop="tool_use"), "anthropic", "openai_responses")["output"]
    assert "https://example.com" == items[0]["content"][0]["annotations"][0]["url"]


SAID: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "abc"}
CALLED = {"type": "function_call", "id": "fc_0", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"}


def test_items_keep_their_order_and_their_own_ids() -> None:
    """Calls were moved before the text, and items got one another's ids."""
    output = heard(responses(THOUGHT, SAID, CALLED), "openai_responses", "openai_responses")["output"]
    assert ["reasoning", "message", "function_call"] == [item["type"] for item in output]
    assert ["rs_", "msg", "fc_"] == [item["id"][:3] for item in output]
    blocks = heard(responses(THOUGHT, SAID, CALLED), "openai_responses", "anthropic")["content"]
    assert ["thinking", "text", "tool_use"] == [block["type"] for block in blocks]


def test_a_calls_id_is_the_one_that_its_result_must_name() -> None:
    """A whole answer had the item's id where a stream had the call's; keys of the other wire leaked into blocks."""
    body = heard(responses(SAID, CALLED), "openai_responses", "anthropic")
    assert "call_1" == body["content"][1]["id"]
    assert {"type", "id", "name", "input"} == set(body["content"][1])
    assert {"type", "text"} <= set(body["content"][0]) <= {"type", "text", "citations"}
    assert {"incomplete_details", "error", "output"} & set(body) == set()


@pytest.mark.parametrize("target", FORMATS)
def test_a_failed_response_is_a_failure(target: Format) -> None:
    """Status 200 with ``failed`` inside was told as a completed, empty answer."""
    body = responses(status="failed", error={"code": "server_error", "message": "It broke."}, usage=None)
    with pytest.raises(UpstreamFailed, match="It broke"):
        heard(body, "openai_responses", target)


@pytest.mark.parametrize("target", FORMATS)
def test_a_picture_in_an_answer_is_no_crash(target: Format) -> None:
    """It was a 502 for every client, Google's own too."""
    body = gemini({"text": "Look:"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}})
    converted = rosetta.convert_response(body, "google_genai", target, model="m")
    text = json.dumps(converted.value)
    assert "Look:" in text
    assert "iVBORw0KGgo=" in text or [loss for loss in converted.losses if loss.field == "image"]
    assert "iVBORw0KGgo=" in text or target not in ("google_genai", "openai_responses")


def test_a_geminis_call_ends_as_a_call() -> None:
    """Google says STOP beside a call; a client that believes it never runs the tool."""
    body = gemini({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"})
    choice = heard(body, "google_genai", "openai_chat")["choices"][0]
    assert "tool_calls" == choice["finish_reason"]
    assert "tool_use" == heard(body, "google_genai", "anthropic")["stop_reason"]


def test_a_signature_of_a_text_reaches_clients_that_can_carry_it() -> None:
    """Gemini signs texts too: an Anthropic and a Responses client keep it, in an envelope that only we open."""
    body = gemini({"text": "Hi.", "thoughtSignature": "c2lnbmVkdGV4dA=="})
    for target in ("anthropic", "openai_responses"):
        converted = rosetta.convert_response(body, "google_genai", target, model="m")
        assert "rst1." in json.dumps(converted.value) or [loss for loss in converted.losses if loss.field == "seal"]
        assert "c2lnbmVkdGV4dA==" not in json.dumps(converted.value)


BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}


def test_a_blocked_prompt_is_no_polite_end() -> None:
    """Anthropic clients were told ``end_turn`` with nothing."""
    assert "refusal" == heard(BLOCKED, "google_genai", "anthropic")["stop_reason"]
    assert "content_filter" == heard(BLOCKED, "google_genai", "openai_chat")["choices"][0]["finish_reason"]
    assert "content_filter" == heard(BLOCKED, "google_genai", "openai_responses")["incomplete_details"]["reason"]


@pytest.mark.parametrize("target", FORMATS)
def test_a_malformed_call_and_nothing_else_is_no_stop(target: Format) -> None:
    """The engine may try again; the client is never told that all is well."""
    with pytest.raises(UpstreamFailed):
        heard(gemini(finish="MALFORMED_FUNCTION_CALL"), "google_genai", target)


def test_of_several_answers_one_is_told_and_the_rest_is_named() -> None:
    """A Responses client got two messages of one id."""
    body = chat({"content": "A"})
    body["choices"].append({"index": 1, "message": {"role": "assistant", "content": "B"}, "finish_reason": "stop"})
    for target in ("openai_responses", "anthropic"):
        converted = rosetta.convert_response(body, "openai_chat", target, model="m")
        assert '"B"' not in json.dumps(converted.value)
        assert [loss for loss in converted.losses if loss.field == "choices"]
    assert 2 == len(heard(body, "openai_chat", "openai_chat")["choices"])


def test_a_chat_client_gets_what_a_claude_said_beside_its_text() -> None:
    """Counts of cache writes, sealed thoughts and citations were dropped."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
    converted = rosetta.convert_response(
        claude(thought, {"type": "redacted_thinking", "data": "cmVk"}, CITED, CALL, stop="tool_use"), "anthropic", "openai_chat", model="m"
    )
    message = converted.value["choices"][0]["message"]
    assert ["Hm.", "Cold."] == [message["reasoning_content"], message["content"]]
    assert 1 == len(message["annotations"])
    (call,) = message["tool_calls"]
    assert "extra_content" in call or "reasoning_details" in message, "the sealed thoughts travel with the answer"
    assert 20 == converted.value["usage"]["prompt_tokens_details"]["cache_write_tokens"]


def test_required_fields_are_there_even_where_they_are_null() -> None:
    """Strict clients read them without asking."""
    message = heard(claude(CALL, stop="tool_use"), "anthropic", "openai_chat")["choices"][0]["message"]
    assert message["content"] is None
    assert message["refusal"] is None
    body = heard(claude({"type": "text", "text": "Hi."}), "anthropic", "openai_responses")
    for name in ("tools", "tool_choice", "parallel_tool_calls", "error", "incomplete_details"):
        assert dig(body, name) is not MISSING
    assert heard(gemini({"text": "Hi."}), "google_genai", "anthropic")["stop_sequence"] is None


def test_ids_have_the_clients_prefix() -> None:
    """A bare UUID or another wire's id stops clients that look at it."""
    prefixes = {"openai_chat": "chatcmpl-", "openai_responses": "resp_", "anthropic": "msg_"}
    for target, prefix in prefixes.items():
        assert heard(gemini({"text": "Hi."}), "google_genai", target)["id"].startswith(prefix)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses", "anthropic"])
def test_a_malformed_call_in_a_stream_fails_before_anything_is_written(target: Format) -> None:
    """So the engine may try again; a client of the converter alone reads an error."""
    stream = rosetta.StreamConverter("google_genai", target, model="m")
    events = [*wires.parsed(stream.feed(sse(gemini(finish="MALFORMED_FUNCTION_CALL"))) + stream.finish())]
    assert "try again" in json.dumps(events[-1][1])
