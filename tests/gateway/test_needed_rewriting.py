"""Servers that speak a client's own wire, but an older or smaller one than the client does: what they take passes as it is, the rest goes through the IR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Target
from rosetta.ir.parts import Format
from rosetta.providers.catalog import VENDORS
from rosetta.providers.models import dialect
from tests.clients.upstream import Upstream
from tests.gateway.wires import WIRES
from tests.laws import wires
from tests.live import LiveGateway, live_gateway

FORMATS: tuple[Format, ...] = ("openai_chat", "openai_responses", "anthropic")


def reading(vendor: str, format: Format, model: str = "some-model") -> Any:
    return dialect(format, vendor, model, {})


NARROW = [
    (name, format) for name, vendor in VENDORS.items() for format in FORMATS if format in vendor.dialects and reading(name, format).rewrite
]
REQUESTS = [(vendor, format, name) for vendor, format in NARROW for source, name in wires.files("requests") if source == format]


def beyond(format: Format, body: dict[str, Any], accepts: Any) -> list[str]:
    """What such a server would refuse, or lose without a word."""
    if format == "openai_chat":
        roles = [message["role"] for message in body["messages"] if message["role"] == "developer"]
        limits = ({"max_tokens", "max_completion_tokens"} - {accepts.max_tokens_field}) & set(body)
        return [*(() if accepts.either_role else roles), *(() if accepts.either_limit else limits)]
    if format == "anthropic":
        return [message["role"] for message in body["messages"] if message["role"] not in ("user", "assistant")]
    items = [item for item in body["input"] if isinstance(item, dict)] if isinstance(body["input"], list) else []
    kinds = [item.get("type", "message") for item in items] + [tool["type"] for tool in body.get("tools") or ()]
    refused = ("custom", "namespace", "tool_search", "additional_tools", "custom_tool_call", "custom_tool_call_output", "web_search")
    faults = [kind for kind in kinds if kind in refused and kind not in accepts.hosted_tools]
    faults += [item["namespace"] for item in items if item.get("namespace")]
    return faults + [item["role"] for item in items if item.get("role") == "developer" and not accepts.system_items]


@pytest.mark.parametrize(("vendor", "format", "name"), REQUESTS)
def test_what_a_server_does_not_take_never_reaches_it(vendor: str, format: Format, name: str) -> None:
    """By what real clients send: a body passes only where the server takes all of it."""
    wire = wires.wire_request(format, name)
    found = reading(vendor, format, {"anthropic": "claude-opus-4-6", "openai": "gpt-5", "azure": "gpt-5"}.get(vendor, "some-model"))
    if found.takes(json.dumps(wire.body).encode()):
        assert [] == beyond(format, wire.body, found)
        return
    request = CONVERTERS[format].decode_request(wire).value
    sent = CONVERTERS[format].encode_request(request, Target(vendor, wires.MODEL, found, wires.counted_ids()))
    assert [] == beyond(format, sent.wire.body, found)


def test_there_are_such_servers_and_such_requests() -> None:
    known: set[tuple[str, Format]] = {
        ("ollama", "openai_chat"),
        ("vllm", "openai_responses"),
        ("vllm", "anthropic"),
        ("xai", "openai_responses"),
    }
    assert known <= set(NARROW)
    refused = [
        (format, name)
        for vendor, format, name in REQUESTS
        if not reading(vendor, format).takes(json.dumps(wires.wire_request(format, name).body).encode())
    ]
    assert {
        ("openai_chat", "documented-roles"),
        ("openai_responses", "codex-some-model-namespace-1"),
        ("anthropic", "documented-system-amid-messages"),
    } <= set(refused)


@pytest.mark.parametrize(
    ("model", "passes"),
    [
        ("claude-sonnet-4-5-20250929", False),
        ("claude-opus-4-6", False),
        ("claude-opus-5", True),
        ("claude-sonnet-5", True),
        ("some-model", True),
    ],
)
def test_an_alias_may_hide_an_older_claude(model: str, passes: bool) -> None:
    """Claude Code goes by the name that it knows; what it sends a newer model an older one refuses. Of a model that nobody knows nothing is changed."""
    found = dialect("anthropic", "anthropic", model, {})
    assert found.takes(json.dumps(wires.wire_request("anthropic", "claude-opus-5-5-parallel-2").body).encode()) is passes
    assert found.takes(json.dumps(wires.wire_request("anthropic", "claude-sonnet-4-5-think-2").body).encode())
    assert dialect("anthropic", "generic", model, {}).takes(b'{"messages": [{"role": "system"}]}')


@pytest.fixture(scope="module")
def local(upstream: Upstream) -> Iterator[LiveGateway]:
    document = {
        "providers": {"vllm": {"base_url": f"{upstream.url}/v1"}, "ollama": {"base_url": f"{upstream.url}/v1"}},
        "models": {"m": {"provider": "vllm", "model": "local"}, "o": {"provider": "ollama", "model": "local"}},
        "retries": {"attempts": 1},
    }
    with live_gateway(document) as gateway:
        yield gateway


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_call_of_a_namespace_comes_back_to_codex_as_such(local: LiveGateway, upstream: Upstream, stream: bool) -> None:
    """The upstream, strict, hears functions alone; the client hears the namespace that it needs to find its tool."""
    body = wires.wire_request("openai_responses", "codex-some-model-namespace-1").body
    upstream.control(scenario="namespace", strict=True)
    reply = httpx.post(
        f"{local.url}/v1/responses", json={**body, "model": "m", "stream": stream}, headers=WIRES["openai_responses"].headers
    )
    assert reply.status_code == 200, reply.text
    heard = upstream.requests[-1]
    assert heard["path"] == "/v1/responses"
    assert {tool["type"] for tool in heard["body"]["tools"]} == {"function"}
    if stream:
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        output = events[-1]["response"]["output"]
    else:
        output = reply.json()["output"]
    assert [item["namespace"] for item in output if item["type"] == "function_call"] == ["multi_agent_v1"]


@pytest.mark.parametrize("model", ["m", "o"])
def test_a_developers_words_are_heard(local: LiveGateway, upstream: Upstream, model: str) -> None:
    """Before a chat template the role is a 400, or its words are thrown away without one."""
    upstream.control(scenario="text", strict=True)
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": "Be kind."},
    ]
    body = {"model": model, "messages": [*messages, {"role": "user", "content": "Well?"}], "n": 1, "fresh": [1.0]}
    reply = httpx.post(f"{local.url}/v1/chat/completions", json=body, headers=WIRES["openai_chat"].headers)
    assert reply.status_code == 200, reply.text
    heard = upstream.requests[-1]["body"]
    assert [message["role"] for message in heard["messages"]] == ["system", "user", "system", "user"]
    assert {key: value for key, value in heard.items() if key != "messages"} == {"model": "local", "n": 1, "fresh": [1.0]}
    assert "x-rosetta-loss" not in reply.headers
    codex = wires.wire_request("openai_responses", "codex-some-model-namespace-1").body
    reply = httpx.post(
        f"{local.url}/v1/responses", json={**codex, "model": model, "stream": False}, headers=WIRES["openai_responses"].headers
    )
    assert reply.status_code == 200, reply.text
    heard = upstream.requests[-1]["body"]
    said = [part["text"] for item in codex["input"] if item["role"] == "developer" for part in item["content"]]
    assert said
    assert all(text in (heard.get("instructions") or heard["messages"][0]["content"]) for text in said)


def test_a_system_message_amid_the_others_is_said_by_the_user(local: LiveGateway, upstream: Upstream) -> None:
    body = wires.wire_request("anthropic", "documented-system-amid-messages").body
    upstream.control(scenario="text", strict=True)
    reply = httpx.post(f"{local.url}/v1/messages", json={**body, "model": "m"}, headers=WIRES["anthropic"].headers)
    assert reply.status_code == 200, reply.text
    assert upstream.requests[-1]["path"] == "/v1/messages"
    assert {message["role"] for message in upstream.requests[-1]["body"]["messages"]} <= {"user", "assistant"}
    assert "messages." in reply.headers["x-rosetta-loss"]


@pytest.mark.parametrize(
    ("wire", "more"),
    [
        (
            "openai_responses",
            {"tools": [{"type": "function", "name": "f", "parameters": {"x-odd": 1}, "fresh": [1.0]}], "new": {"b": 1, "a": 2}},
        ),
        ("anthropic", {"system": "Be the system.", "tools": [{"name": "f", "input_schema": {"type": "object"}, "fresh": 1}], "new": 1e2}),
    ],
)
def test_what_it_takes_passes_as_it_is(local: LiveGateway, upstream: Upstream, wire: str, more: dict[str, Any]) -> None:
    body = {**WIRES[wire].body("m", 'a "role": "system" in words, and a "namespace"'), **more}
    upstream.control(scenario="text", strict=True)
    reply = httpx.post(local.url + WIRES[wire].path("m", False), json=body, headers=WIRES[wire].headers)
    assert reply.status_code == 200, reply.text
    assert upstream.requests[-1]["body"] == {**body, "model": "local"}
    assert "x-rosetta-loss" not in reply.headers
