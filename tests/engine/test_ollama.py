"""What Ollama does not say on the OpenAI wire is asked on its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from rosetta.engine import ollama
from rosetta.engine.ollama import UNKNOWN, ModelFacts, Ollama


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
