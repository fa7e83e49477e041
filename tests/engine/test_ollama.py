"""What Ollama does not say on the OpenAI wire is asked on its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rosetta.engine import ollama
from rosetta.engine.ollama import UNKNOWN, ModelFacts, Ollama
from tests.live import live_gateway
from tests.raw_upstream import Caller, RawUpstream


async def native(answers: dict[str, Any]) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        body = json.dumps(answers[path]).encode() if path in answers else b""
        status = "200 OK" if path in answers else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def test_the_loaded_context_and_the_capabilities_are_read() -> None:
    """/api/ps tells the loaded context, /api/show what the model can do."""
    answers = {
        "/api/ps": {"models": [{"name": "qwen3:8b", "context_length": 4096}]},
        "/api/show": {"capabilities": ["completion", "tools"]},
    }
    async for address in native(answers):
        asked = Ollama(address)
        facts = await asked.facts("qwen3:8b")
        assert ModelFacts(4096, frozenset({"completion", "tools"})) == facts
        assert (True, False) == (facts.tools, facts.thinking)
        assert "OLLAMA_CONTEXT_LENGTH=65536" in str(ollama.warning("qwen3:8b", facts))
        await asked.aclose()


async def test_a_server_that_tells_nothing_is_believed_capable() -> None:
    """An old server, or none that is Ollama: nothing is taken away from the client."""
    async for address in native({}):
        asked = Ollama(address)
        facts = await asked.facts("m")
        assert UNKNOWN == facts
        assert (True, True) == (facts.tools, facts.thinking)
        assert None is ollama.warning("m", facts)
        await asked.aclose()


def test_a_prompt_that_cannot_fit_is_refused_before_the_call() -> None:
    """Clearly above the known window is context_too_long; near it is the model's to judge."""
    facts = ModelFacts(4096)
    refused = ollama.too_long("m", facts, 20_000)
    assert refused is not None
    assert ("context_too_long", "context_length_exceeded") == (refused.kind, refused.code)
    assert None is ollama.too_long("m", facts, 5000)
    assert None is ollama.too_long("m", UNKNOWN, 10**9)


def test_a_count_far_below_the_estimate_gives_truncation_away() -> None:
    """Ollama cuts in silence; its own count says so."""
    assert ollama.truncated(12_000, 4096)
    assert not ollama.truncated(12_000, 9000)
    assert not ollama.truncated(500, 100)
    assert not ollama.truncated(12_000, 0)


async def test_the_version_is_asked_once() -> None:
    """A wire came with a version; a server that is being built says 0.0.0, and one that is no Ollama nothing."""
    for version, expected in (("0.14.0", True), ("0.14.2-rc1", True), ("1.0", True), ("0.13.9", False), ("0.0.0", False), (7, False)):
        answers = {"/api/version": {"version": version}}
        async for address in native(answers):
            asked = Ollama(address)
            assert expected is await asked.is_since("0.14.0")
            answers.clear()
            assert expected is await asked.is_since("0.14.0")
            await asked.aclose()


ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "id": "c",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "chat"}, "finish_reason": "stop"}],
    },
    "/v1/messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "messages"}],
        "stop_reason": "end_turn",
    },
    "/v1/responses": {
        "id": "resp_1",
        "status": "completed",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "responses"}]}],
    },
}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": (
        "/v1/messages",
        {
            "model": "mine",
            "max_tokens": 2000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "messages": [{"role": "user", "content": "Hello"}],
        },
    ),
    "openai_responses": ("/v1/responses", {"model": "mine", "input": "Hello", "reasoning": {"effort": "high"}}),
}


@pytest.mark.parametrize(
    ("version", "row", "client", "expected"),
    [
        ("0.14.0", {}, "anthropic", "/v1/messages"),
        ("0.13.3", {}, "anthropic", "/v1/chat/completions"),
        ("0.13.3", {}, "openai_responses", "/v1/responses"),
        ("0.12.9", {}, "openai_responses", "/v1/chat/completions"),
        ("0.14.0", {"type": "openai_chat"}, "anthropic", "/v1/chat/completions"),
        ("0.14.0", {"formats": ["openai_chat", "openai_responses"]}, "anthropic", "/v1/chat/completions"),
    ],
)
def test_a_client_is_answered_on_its_own_wire_from_the_version_that_has_it(
    version: str, row: dict[str, Any], client: str, expected: str
) -> None:
    """What the config says of formats is obeyed; a model that does not think is not asked to, on any of them."""
    native_answers = {"/api/version": {"version": version}, "/api/show": {"capabilities": ["completion", "tools"]}, "/api/ps": {}}
    seen: list[tuple[str, dict[str, Any]]] = []

    async def behave(caller: Caller) -> None:
        path = caller.request.split(b" ")[1].decode()
        if path in ANSWERS:
            seen.append((path, json.loads(caller.body)))
        body = json.dumps({**native_answers, **ANSWERS}[path]).encode()
        await caller.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    path, body = ASKED[client]
    with RawUpstream(behave) as upstream:
        providers = {"mine": {"vendor": "ollama", "base_url": f"{upstream.url}/v1", **row}}
        with live_gateway({"providers": providers, "models": {"mine": "mine"}}) as gateway:
            reply = httpx.post(f"{gateway.url}{path}", json=body, timeout=20)
    assert 200 == reply.status_code, reply.text
    assert expected.rpartition("/")[2] in reply.text.replace("chat", "completions")
    assert [expected] == [path for path, _ in seen]
    assert not {"thinking", "reasoning", "reasoning_effort"} & seen[0][1].keys()
