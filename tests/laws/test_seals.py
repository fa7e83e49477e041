"""The seal law: opaque reasoning state survives a tool loop in all sixteen pairs, byte by byte, and goes to nobody but its maker."""

from __future__ import annotations

import base64
from typing import Any, assert_never

import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Sent, Ticket
from rosetta.ir.parts import FORMATS, Format
from tests.laws import clients, wires

PAIRS = [(client, provider) for client in FORMATS for provider in FORMATS]
THOUGHT = "Ich prüfe das – “now”."


def spoken(provider: Format, number: int, *, thought: str = THOUGHT, calls: int = 1) -> dict[str, Any]:
    """A provider's answer with its reasoning state and one call or two; ``number`` makes it differ from others."""
    state = base64.b64encode(f"state {number} +/?".encode()).decode()
    names = ["f", "g"][:calls]
    match provider:
        case "openai_chat":
            made = [
                {"id": f"call_{number}{name}", "type": "function", "function": {"name": name, "arguments": '{"a": 1}'}} for name in names
            ]
            message = {"role": "assistant", "content": None, "reasoning_content": f"{thought} {number}", "tool_calls": made}
            return {"id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
        case "openai_responses":
            items: list[dict[str, Any]] = [
                {
                    "type": "reasoning",
                    "id": f"rs_{number}",
                    "summary": [{"type": "summary_text", "text": thought}, {"type": "summary_text", "text": f"Part {number}."}],
                    "encrypted_content": state,
                }
            ]
            items += [
                {
                    "type": "function_call",
                    "id": f"fc_{number}{name}",
                    "call_id": f"call_{number}{name}",
                    "name": name,
                    "arguments": '{"a": 1}',
                    "status": "completed",
                }
                for name in names
            ]
            return {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": items}
        case "anthropic":
            blocks: list[dict[str, Any]] = [{"type": "thinking", "thinking": f"{thought} {number}", "signature": state}]
            blocks += [{"type": "tool_use", "id": f"toolu_{number}{name}", "name": name, "input": {"a": 1}} for name in names]
            return {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": blocks,
                "stop_reason": "tool_use",
                "stop_sequence": None,
                "usage": {"input_tokens": 1, "output_tokens": 1},
            }
        case "google_genai":
            parts: list[dict[str, Any]] = [
                {"functionCall": {"id": f"call_{number}{name}", "name": name, "args": {"a": 1}}} for name in names
            ]
            parts[0]["thoughtSignature"] = state
            return {
                "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
                "modelVersion": "m",
                "responseId": "r",
            }
        case _:
            assert_never(provider)


def state_spoken(provider: Format, body: dict[str, Any]) -> Any:
    """The state in a provider's answer, in its native place."""
    match provider:
        case "openai_chat":
            return [body["choices"][0]["message"]["reasoning_content"]]
        case "openai_responses":
            return [(item["id"], item["summary"], item["encrypted_content"]) for item in body["output"] if item["type"] == "reasoning"]
        case "anthropic":
            return [block for block in body["content"] if block["type"] in ("thinking", "redacted_thinking")]
        case "google_genai":
            return [(part["functionCall"]["name"], part.get("thoughtSignature")) for part in body["candidates"][0]["content"]["parts"]]
        case _:
            assert_never(provider)


def state_sent(provider: Format, body: dict[str, Any]) -> Any:
    """The state in a request to the provider, in its native place."""
    match provider:
        case "openai_chat":
            return [message["reasoning_content"] for message in body["messages"] if "reasoning_content" in message]
        case "openai_responses":
            return [
                (item.get("id"), item["summary"], item.get("encrypted_content"))
                for item in body["input"]
                if item.get("type") == "reasoning"
            ]
        case "anthropic":
            found = []
            for message in body["messages"]:
                if message["role"] == "assistant":
                    kinds = [block["type"] for block in message["content"]]
                    assert kinds == sorted(kinds, key=lambda kind: kind == "tool_use"), "thoughts stand before the call they led to"
                    found += [block for block in message["content"] if block["type"] in ("thinking", "redacted_thinking")]
            return found
        case "google_genai":
            return [
                (part["functionCall"]["name"], part.get("thoughtSignature"))
                for content in body["contents"]
                for part in content["parts"]
                if "functionCall" in part
            ]
        case _:
            assert_never(provider)


def looped(
    client: Format, provider: Format, answers: list[dict[str, Any]], target: Any, *, streamed: bool = False, tidied: bool = False
) -> Sent:
    """The answers of the provider told to the client, and the client's next request sent to ``target``."""
    rounds = []
    for answer in answers:
        made = CONVERTERS[provider].decode_response(answer, origin(provider)).value
        kept = clients.answered(client, made, streamed=streamed)
        rounds.append(clients.retouched(client, kept) if tidied else kept)
    request = CONVERTERS[client].decode_request(clients.next_request(client, rounds)).value
    return CONVERTERS[target_format(target)].encode_request(request, target)


def origin(provider: Format) -> Ticket:
    return wires.ticket(provider, provider="maker", model="m")


def target_format(target: Any) -> Format:
    return next(format for format, converter in CONVERTERS.items() if type(target.dialect) is converter.dialect)


def maker(provider: Format) -> Any:
    return wires.target(provider, provider="maker", model="m", **({"signatures": "required"} if provider == "google_genai" else {}))


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("client", "provider"), PAIRS, ids=wires.case_id)
def test_state_comes_back_to_its_maker(client: Format, provider: Format, streamed: bool, calls: int) -> None:
    """Two rounds of a tool loop give the provider its own state back, byte-identical and in its own place."""
    answers = [spoken(provider, 1, calls=calls), spoken(provider, 2, calls=calls)]
    sent = looped(client, provider, answers, maker(provider), streamed=streamed)
    assert state_sent(provider, sent.wire.body) == [state for answer in answers for state in state_spoken(provider, answer)]
    assert [loss for loss in sent.losses if loss.field in ("seal", "reasoning_text")] == []


@pytest.mark.parametrize(
    ("client", "provider"), [(client, provider) for client, provider in PAIRS if client != provider], ids=wires.case_id
)
def test_what_a_client_does_to_its_copy_of_the_thoughts_is_ignored(client: Format, provider: Format) -> None:
    """The signed texts travel with the state, so a client that tidies what it shows spoils nothing."""
    answers = [spoken(provider, 1)]
    sent = looped(client, provider, answers, maker(provider), tidied=True)
    assert state_sent(provider, sent.wire.body) == state_spoken(provider, answers[0])


@pytest.mark.parametrize(
    ("client", "provider"), [(client, provider) for client, provider in PAIRS if client != provider], ids=wires.case_id
)
def test_state_never_goes_to_another_provider(client: Format, provider: Format) -> None:
    """Another provider of the same wire does not see the state, and one Loss says so."""
    target = wires.target(provider, provider="another", model="m")
    sent = looped(client, provider, [spoken(provider, 1)], target)
    found = state_sent(provider, sent.wire.body)
    assert [state for state in found if state[-1] is not None] == [] if provider == "google_genai" else found == []
    (loss,) = [loss for loss in sent.losses if loss.field in ("seal", "reasoning_text")]
    assert (loss.field, loss.kind, loss.category) == ("seal", "dropped", "content")
    assert THOUGHT not in str(sent.wire.body), "its thoughts are not passed off as text"


@pytest.mark.parametrize(("client", "provider"), PAIRS, ids=wires.case_id)
@pytest.mark.parametrize("other", FORMATS)
def test_state_never_goes_to_another_wire(client: Format, provider: Format, other: Format) -> None:
    """A fallback to another wire loses the state with one Loss, and nothing of it is sent."""
    if other == provider:
        return
    answer = spoken(provider, 1)
    sent = looped(client, provider, [answer], wires.target(other, provider="another", model="m"))
    told = str(sent.wire.body)
    assert "rst1." not in told
    assert base64.b64encode(b"state 1 +/?").decode() not in told
    if (client, provider) != ("openai_chat", "openai_chat"):
        (loss,) = [loss for loss in sent.losses if loss.field in ("seal", "reasoning_text")]
        assert (loss.field, loss.kind) == ("seal", "dropped")
        assert THOUGHT not in told


@pytest.mark.parametrize("client", FORMATS)
def test_a_signature_is_of_one_model(client: Format) -> None:
    """Anthropic binds signatures to the model: another model of the same provider gets none, where the client's wire carried whose it was."""
    if client == "anthropic":
        return
    sent = looped(client, "anthropic", [spoken("anthropic", 1)], wires.target("anthropic", provider="maker", model="another"))
    assert state_sent("anthropic", sent.wire.body) == []
    assert [loss.field for loss in sent.losses if loss.field == "seal"] == ["seal"]


@pytest.mark.parametrize("client", FORMATS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_redacted_thinking_survives(client: Format, streamed: bool) -> None:
    """Redacted and signed thinking in one answer come back both, in their order."""
    answer = spoken("anthropic", 1)
    answer["content"].insert(0, {"type": "redacted_thinking", "data": "UmVkMQ=="})
    answer["content"].insert(2, {"type": "redacted_thinking", "data": "UmVkMg=="})
    sent = looped(client, "anthropic", [answer], maker("anthropic"), streamed=streamed)
    assert state_sent("anthropic", sent.wire.body) == state_spoken("anthropic", answer)


@pytest.mark.parametrize("client", FORMATS)
def test_thoughts_without_a_signature_of_their_own_do_not_displace_the_calls(client: Format) -> None:
    """Gemini's thought summary is shown to the client, and the signature comes back on the call which it sealed."""
    answer = spoken("google_genai", 1)
    answer["candidates"][0]["content"]["parts"].insert(0, {"text": THOUGHT, "thought": True})
    sent = looped(client, "google_genai", [answer], maker("google_genai"))
    signatures = [
        part.get("thoughtSignature") for content in sent.wire.body["contents"] for part in content["parts"] if "functionCall" in part
    ]
    assert signatures == [answer["candidates"][0]["content"]["parts"][1]["thoughtSignature"]]


@pytest.mark.parametrize("client", FORMATS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_googles_openai_endpoint_gets_its_signatures_back(client: Format, streamed: bool) -> None:
    """A thought signature on a chat call is restored on the same call."""
    answer = spoken("openai_chat", 1, calls=2)
    message = answer["choices"][0]["message"]
    del message["reasoning_content"]
    message["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "c2lnbmVk"}}
    target = maker("openai_chat")
    sent = looped(client, "openai_chat", [answer], target, streamed=streamed)
    calls = next(message["tool_calls"] for message in sent.wire.body["messages"] if message["role"] == "assistant")
    assert [call.get("extra_content") for call in calls] == [{"google": {"thought_signature": "c2lnbmVk"}}, None]


def test_the_documented_skip_value_stands_where_gemini_demands_a_signature() -> None:
    """History of another provider goes to Gemini 3 with the documented value on the first call, and nothing forged."""
    target = wires.target("google_genai", provider="another", signatures="required")
    sent = looped("anthropic", "openai_chat", [spoken("openai_chat", 1, calls=2)], target)
    signatures = [
        part.get("thoughtSignature") for content in sent.wire.body["contents"] for part in content["parts"] if "functionCall" in part
    ]
    assert signatures[1] is None
    assert base64.b64decode(signatures[0]) == b"skip_thought_signature_validator"
