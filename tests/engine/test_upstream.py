"""Addresses, headers and the readiness of the transport to say what went wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from rosetta.engine.headers import downward, upward
from rosetta.engine.upstream import Unreachable, Upstream, joined


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("https://api.openai.com/v1", "/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://host/openai/v1beta", "/v1/chat/completions", "https://host/openai/v1beta/chat/completions"),
        ("https://g.example", "/v1beta/models/m:generateContent", "https://g.example/v1beta/models/m:generateContent"),
        ("https://g.example/v1", "/v1beta/models/m:generateContent", "https://g.example/v1/models/m:generateContent"),
        ("https://g.example/v1beta/openai", "/v1/chat/completions", "https://g.example/v1beta/openai/chat/completions"),
        ("https://g.example/v1beta/openai", "/v1/models", "https://g.example/v1beta/openai/models"),
        (
            "https://h/v1beta1/projects/p/endpoints/openapi",
            "/v1/chat/completions",
            "https://h/v1beta1/projects/p/endpoints/openapi/chat/completions",
        ),
        ("https://h/v1/account/anthropic", "/v1/messages", "https://h/v1/account/anthropic/v1/messages"),
        ("https://h/v1/account/google", "/v1beta/models/m:generateContent", "https://h/v1/account/google/v1beta/models/m:generateContent"),
        ("https://h/api/paas/v4", "/v1/chat/completions", "https://h/api/paas/v4/chat/completions"),
        ("https://v1.example/openai", "/v1/responses", "https://v1.example/openai/v1/responses"),
        ("http://localhost:11434", "/api/version", "http://localhost:11434/api/version"),
    ],
)
def test_a_version_is_never_doubled(base: str, path: str, expected: str) -> None:
    """A base URL may end in a version, its own or another one; the user's wins. OpenAI's wires have it anywhere in their base."""
    assert expected == joined(base, path)


def test_vendor_headers_pass_and_credentials_never_do() -> None:
    """Only what a vendor's client relies on goes up or down, and only on its own wire."""
    sent = {"anthropic-beta": "a,b", "x-api-key": "k", "authorization": "Bearer k", "cookie": "c", "x-other": "o"}
    assert [("anthropic-beta", "a,b")] == upward("anthropic", sent)
    assert [] == upward("openai_chat", sent)
    got = {"x-ratelimit-limit-requests": "9", "set-cookie": "c", "openai-version": "1"}
    assert [("x-ratelimit-limit-requests", "9"), ("openai-version", "1")] == downward("openai_chat", got)
    assert [] == downward("anthropic", got)


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_a_refused_connection_says_what_to_check() -> None:
    """Nobody listens: the failure names the provider and the next step."""
    upstream = Upstream("mine", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(Unreachable, match=r"mine cannot be reached.*check its base_url") as caught:
        await upstream.send("POST", "/v1/x", [])
    assert caught.value.connected is False
    await upstream.aclose()


async def serve_once(answer: bytes) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_connection_closed_before_the_head_may_have_been_heard() -> None:
    """The server took the request and hung up: unlike a refusal, the request may have arrived."""
    async for port in serve_once(b""):
        upstream = Upstream("mine", f"http://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match="closed before an answer came") as caught:
            await upstream.send("POST", "/v1/x", [])
        assert caught.value.connected is True
        await upstream.aclose()


async def test_a_body_that_breaks_off_is_truncated() -> None:
    """Half of the announced bytes is no answer."""
    async for port in serve_once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"):
        upstream = Upstream("mine", f"http://127.0.0.1:{port}")
        reply = await upstream.send("GET", "/v1/x", [])
        with pytest.raises(Unreachable, match="broke off") as caught:
            await reply.read()
        assert "truncated" == caught.value.failure.kind
        await reply.aclose()
        await upstream.aclose()


async def test_a_redirect_is_not_followed() -> None:
    """rosetta opens connections to configured upstreams only."""
    async for port in serve_once(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"):
        upstream = Upstream("mine", f"http://127.0.0.1:{port}")
        reply = await upstream.send("GET", "/v1/x", [])
        assert 302 == reply.status
        await reply.aclose()
        await upstream.aclose()
