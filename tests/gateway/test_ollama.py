"""A gateway on an Ollama: what the model cannot do and what its context cannot hold is said, not lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.gateway.test_fallback import reply
from tests.gateway.wires import WIRES
from tests.live import LiveGateway, live_gateway
from tests.raw_upstream import Caller, RawUpstream

TOOL = {"name": "look", "description": "looks", "input_schema": {"type": "object", "properties": {}}}


class Server:
    """The native API and the chat wire of a server that has one small model."""

    def __init__(self, *, capabilities: list[str], window: int, read: int) -> None:
        self.answers = {
            "/api/version": {"version": "0.5.0"},
            "/api/ps": {"models": [{"name": "small", "context_length": window}]},
            "/api/show": {"capabilities": capabilities},
            "/v1/chat/completions": {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "small",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": read, "completion_tokens": 1, "total_tokens": read + 1},
            },
        }
        self.chats: list[dict[str, Any]] = []

    async def __call__(self, caller: Caller) -> None:
        path = caller.request.split(b" ")[1].decode()
        if path == "/v1/chat/completions":
            self.chats.append(json.loads(caller.body))
        await caller.send(reply(200, self.answers[path]) if path in self.answers else reply(404, {}))


@contextmanager
def on(server: Server) -> Iterator[LiveGateway]:
    with RawUpstream(server) as upstream:
        document = {"providers": {"ollama": {"base_url": f"{upstream.url}/v1"}}, "models": {"m": {"provider": "ollama", "model": "small"}}}
        with live_gateway(document) as gateway:
            yield gateway


def ask(gateway: LiveGateway, text: str = "hi", **more: Any) -> httpx.Response:
    body = {"model": "m", "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{gateway.url}/v1/messages", json=body, headers=WIRES["anthropic"].headers, timeout=20)


@pytest.mark.parametrize(
    ("capabilities", "sent", "field"),
    [
        (["completion"], {"tools": [TOOL]}, "tools"),
        (["completion", "tools"], {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
    ],
)
def test_what_a_model_cannot_do_is_a_loss_by_name(capabilities: list[str], sent: dict[str, Any], field: str) -> None:
    server = Server(capabilities=capabilities, window=65536, read=5)
    with on(server) as gateway:
        response = ask(gateway, **sent)
        assert 200 == response.status_code, response.text
        assert field in response.headers["x-rosetta-loss"]
        assert not {"tools", "reasoning_effort", "think"} & set(server.chats[0])


def test_a_model_that_can_is_sent_all_of_it() -> None:
    server = Server(capabilities=["completion", "tools", "thinking"], window=65536, read=5)
    with on(server) as gateway:
        response = ask(gateway, tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 1024})
        assert "tools" not in response.headers.get("x-rosetta-loss", "")
        assert "look" == server.chats[0]["tools"][0]["function"]["name"]


def test_a_prompt_far_above_the_loaded_context_is_refused_before_the_call() -> None:
    server = Server(capabilities=["completion"], window=4096, read=4096)
    with on(server) as gateway:
        response = ask(gateway, "word " * 10_000)
        assert 400 == response.status_code
        assert "prompt is too long" in response.text
        assert "OLLAMA_CONTEXT_LENGTH" in response.text
        assert not server.chats


def test_a_prompt_that_was_cut_is_told() -> None:
    """Just above the window it may fit; when the server's own count says that it did not, the client hears of it."""
    server = Server(capabilities=["completion"], window=4096, read=2048)
    with on(server) as gateway:
        response = ask(gateway, "word " * 4000)
        assert 200 == response.status_code
        assert "prompt;truncated?" in response.headers["x-rosetta-reply-loss"]
