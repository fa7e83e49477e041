"""The scripted upstream itself, so that a red matrix can be trusted."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.upstream import SCENARIOS, SIGNATURE, Upstream, start_upstream

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
ROUTES = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/up-google:generateContent",
}
REQUESTS: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "up-chat",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}],
    },
    "responses": {"model": "up-responses", "input": "Hi", "tools": [{"type": "function", "name": "bash", "parameters": SCHEMA}]},
    "anthropic": {
        "model": "up-anthropic",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "bash", "input_schema": SCHEMA}],
    },
    "google": {
        "contents": [{"parts": [{"text": "Hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "bash", "parametersJsonSchema": SCHEMA}]}],
    },
}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as started:
        yield started


def post(upstream: Upstream, path: str, body: dict[str, Any], key: str = "key") -> tuple[int, str]:
    request = urllib.request.Request(upstream.url + path, json.dumps(body).encode(), {"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("wire", ROUTES)
def test_asks_for_the_shell_tool(upstream: Upstream, wire: str) -> None:
    """Whatever the wire, the first answer calls the tool which the request offers."""
    status, text = post(upstream, ROUTES[wire], REQUESTS[wire])

    assert status == 200
    assert "cat marker.txt" in text
    assert upstream.log[0]["wire"] == wire
    assert upstream.log[0]["lint"] == []


@pytest.mark.parametrize("wire", ROUTES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_answers_on_every_wire(upstream: Upstream, wire: str, scenario: str) -> None:
    """No scenario breaks the script; a fault is answered in the wire's own envelope."""
    upstream.control(scenario=scenario)

    body = {**REQUESTS[wire], "stream": False}
    body.pop("stream") if wire == "google" else None
    if scenario == "drop":
        with pytest.raises((OSError, urllib.error.URLError)):
            post(upstream, ROUTES[wire], body)
        return
    status, text = post(upstream, ROUTES[wire], body)

    assert status == int(scenario[3:6]) if scenario.startswith("err") else status == 200
    assert json.loads(text)


def test_chat_signature_comes_back(upstream: Upstream) -> None:
    """A thought signature on a chat call counts as reasoning that came back."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "bash", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": SIGNATURE}},
    }
    history = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "MARK-0123abcd"}]
    body = {**REQUESTS["chat"], "messages": [*REQUESTS["chat"]["messages"], *history]}

    status, text = post(upstream, ROUTES["chat"], body)

    assert status == 200
    assert "FINAL MARK-0123abcd" in text
    assert upstream.log[0]["reasoning_back"]


def test_strict_refuses_what_a_provider_would(upstream: Upstream) -> None:
    """A tool call without its result is a 400, and the log says why."""
    call = {"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "user", "content": "Well?"}]

    status, text = post(upstream, ROUTES["chat"], {**REQUESTS["chat"], "messages": messages})

    assert status == 400
    assert "tool calls without an answer" in text
    assert upstream.log[0]["lint"]


def test_runs_do_not_mix(upstream: Upstream) -> None:
    """A run named by path or key has its own scenario, faults and log."""
    upstream.control("one", scenario="err500")
    upstream.control("two", scenario="text")

    first, _ = post(upstream, "/run/one/v1/chat/completions", REQUESTS["chat"])
    second, text = post(upstream, "/v1/chat/completions", REQUESTS["chat"], key="run-two")

    assert (first, second) == (500, 200)
    assert "FINAL plain text" in text
    assert [len(upstream.run(name).log) for name in ("one", "two", "default")] == [1, 1, 0]
