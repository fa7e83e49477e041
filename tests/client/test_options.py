"""What a single call may say beside its body: whom to ask, with which key, how long and how often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import rosetta
from tests.raw_upstream import Caller, RawUpstream

HELLO = [{"role": "user", "content": "hello"}]
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
CHAT |= {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}  # type: ignore[dict-item]
MESSAGE: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "yes"}]}
MESSAGE |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
GOOGLE = {"candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP"}]}


class Recorded:
    """An upstream that says yes on three wires, and what it was sent."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[Any] = []
        self.upstream = RawUpstream(self._answer)

    async def _answer(self, caller: Caller) -> None:
        head = caller.request.decode("latin-1")
        self.heads.append(head)
        self.bodies.append(json.loads(caller.body))
        answer = MESSAGE if "/messages " in head else GOOGLE if ":generateContent" in head else CHAT
        text = json.dumps(answer).encode()
        status = 503 if "bad" in head.split(" ")[1] or "bad-model" == self.bodies[-1].get("model") else 200
        await caller.send(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(text), text))


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    made = Recorded()
    with made.upstream:
        yield made


@pytest.mark.parametrize(
    ("model", "path", "header"),
    [
        ("openai/m", "POST /v1/chat/completions", "authorization: Bearer k-own"),  # any server that speaks OpenAI's chat wire
        ("ollama/m", "POST /v1/chat/completions", "authorization: Bearer k-own"),
        ("hosted_vllm/m", "POST /v1/chat/completions", "authorization: Bearer k-own"),
        ("anthropic/m", "POST /v1/messages", "x-api-key: k-own"),
        ("gemini/m", "POST /v1beta/models/m:generateContent", "x-goog-api-key: k-own"),
    ],
)
def test_a_provider_of_the_catalog_at_ones_own_address(recorded: Recorded, model: str, path: str, header: str) -> None:
    with rosetta.Client({}) as client:
        reply = client.completion(model=model, messages=HELLO, base_url=recorded.upstream.url, api_key="k-own")
    assert "yes" == reply.choices[0].message.content
    assert recorded.heads[-1].startswith(path)
    assert header.lower() in recorded.heads[-1].lower()


def test_the_environments_key(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read at every call."""
    with rosetta.Client({}) as client:
        for key in ("k-first", "k-second"):
            monkeypatch.setenv("ANTHROPIC_API_KEY", key)
            client.completion(model="anthropic/m", messages=HELLO, base_url=recorded.upstream.url)
            assert f"x-api-key: {key}" in recorded.heads[-1].lower()


def test_headers_and_fields_of_ones_own(recorded: Recorded) -> None:
    with rosetta.Client({}) as client:
        client.completion(
            model="openai/m",
            messages=HELLO,
            base_url=recorded.upstream.url,
            api_key="k",
            temperature=None,
            extra_headers={"X-Team": "blue"},
            extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        )
    assert "x-team: blue" in recorded.heads[-1].lower()
    assert {"enable_thinking": False} == recorded.bodies[-1]["chat_template_kwargs"]
    assert "temperature" not in recorded.bodies[-1], "None is not said"


def test_retries_and_fallbacks(recorded: Recorded) -> None:
    """The first model fails as often as it is asked; the second has an address and a key of its own."""
    other = Recorded()
    with other.upstream, rosetta.Client({"retries": {"backoff_base": 0.001, "backoff_max": 0.002}}) as client:
        reply = client.completion(
            model="openai/bad-model",
            messages=HELLO,
            base_url=recorded.upstream.url,
            api_key="k-first",
            retries=1,
            fallbacks=[{"model": "openai/m", "base_url": other.upstream.url, "api_key": "k-second"}],
        )
        assert ("yes", 3) == (reply.choices[0].message.content, reply.attempts)
    assert (2, 1) == (recorded.upstream.calls, other.upstream.calls)
    assert "k-first" in recorded.heads[-1]
    assert "k-second" in other.heads[-1]
    assert "m" == other.bodies[-1]["model"]


def test_a_config_s_own_provider_with_another_key(recorded: Recorded) -> None:
    config = {"providers": {"up": {"type": "openai_chat", "base_url": recorded.upstream.url, "api_key": "k-config"}}, "models": {"m": "up"}}
    with rosetta.Client(config) as client:
        client.completion(model="m", messages=HELLO, api_key="k-call")
        client.completion(model="up/m", messages=HELLO)
        client.completion(model="m", messages=HELLO)
    assert ["k-call", "k-config", "k-config"] == [head.split("Bearer ")[1].split("\r")[0] for head in recorded.heads]


@pytest.mark.parametrize(
    "wrong",
    [{"retries": -1}, {"timeout": -1}, {"timeout": {"conect": 1}}, {"fallbacks": [{"modle": "m"}]}, {"response_format": 17}],
    ids=str,
)
def test_options_that_are_none(wrong: dict[str, Any]) -> None:
    with rosetta.Client({}) as client, pytest.raises((TypeError, ValueError)):
        client.completion(model="echo", messages=HELLO, **wrong)


def test_a_wrong_config_is_told_at_once() -> None:
    with pytest.raises(rosetta.ConfigError, match="providrs"):
        rosetta.Client({"providrs": {}})
