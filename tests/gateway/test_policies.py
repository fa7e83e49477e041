"""Losses in headers, and policies that refuse them before anybody is asked; reasoning state that goes back to its maker."""

import json
from typing import Any

import httpx
import pytest

from rosetta.converters import seals
from rosetta.ir.parts import Seal
from tests.gateway.test_fallback import CHAT, MESSAGE, Script, chain, reply
from tests.gateway.wires import WIRES
from tests.live import LiveGateway

LOSSY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 50,
    "top_k": 5,
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "two", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "three"},
    ],
}
HOSTED = {**LOSSY, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
DOCUMENT_BY_URL = {
    "model": "m",
    "max_tokens": 50,
    "messages": [
        {
            "role": "user",
            "content": [{"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, {"type": "text", "text": "?"}],
        }
    ],
}


def ask(gateway: LiveGateway, body: Any, **headers: str) -> httpx.Response:
    sent = {**WIRES["anthropic"].headers, **headers}
    return httpx.post(f"{gateway.url}/v1/messages", json=body, headers=sent, timeout=20)


def test_what_is_lost_stands_in_a_header_in_the_words_of_the_client() -> None:
    with chain(Script(reply(200, CHAT)), Script(reply(200, MESSAGE))) as gateway:
        response = ask(gateway, LOSSY)
        assert 200 == response.status_code
        told = response.headers["x-rosetta-loss"]
        assert "messages.*.content.*.cache_control;dropped" in told
        assert "top_k;dropped" in told
        assert (
            "x-rosetta-loss" not in ask(gateway, {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}).headers
        )


@pytest.mark.parametrize(
    ("policy", "body", "status"),
    [
        ("report", LOSSY, 200),
        ("contract", LOSSY, 200),
        ("lossless", LOSSY, 400),
        ("contract", HOSTED, 200),
        ("contract", DOCUMENT_BY_URL, 400),
        ("report", DOCUMENT_BY_URL, 200),
    ],
    ids=[
        "report",
        "contract allows hints",
        "lossless refuses hints",
        "hosted tools are settings",
        "contract refuses content",
        "report refuses nothing",
    ],
)
@pytest.mark.parametrize("place", ["header", "config", "model"])
def test_a_policy_refuses_before_the_upstream_is_called(policy: str, body: dict[str, Any], status: int, place: str) -> None:
    first = Script(reply(200, CHAT))
    more: dict[str, Any] = {"model": {"targets": ["one"], "loss_policy": policy}} if place == "model" else {"model": ["one"]}
    if place == "config":
        more["loss_policy"] = policy
    with chain(first, Script(reply(200, MESSAGE)), **more) as gateway:
        response = ask(gateway, body, **({"x-rosetta-loss-policy": policy} if place == "header" else {}))
        assert status == response.status_code, response.text
        assert (1 if status == 200 else 0) == len(first.bodies)
        if status == 400:
            error = response.json()
            assert "invalid_request_error" == error["error"]["type"]
            assert policy in error["error"]["message"]


def test_an_unknown_policy_is_refused() -> None:
    with chain(Script(reply(200, CHAT)), Script(reply(200, MESSAGE))) as gateway:
        response = ask(gateway, LOSSY, **{"x-rosetta-loss-policy": "none"})
        assert 400 == response.status_code
        assert "report, contract, lossless" in response.text


def with_state(provider: str) -> dict[str, Any]:
    """A conversation whose thoughts ``provider`` sealed."""
    envelope = seals.wrap([Seal("signature", "c2ln", provider=provider, model="claude", texts=("why",))])
    assert envelope is not None
    thought = {"type": "thinking", "thinking": "why", "signature": envelope}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "so"}]},
        {"role": "user", "content": "go on"},
    ]
    return {"model": "m", "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": messages}


def seals_lost(gateway: LiveGateway) -> list[str]:
    page = httpx.get(f"{gateway.url}/metrics").text
    return [line for line in page.splitlines() if line.startswith("rosetta_seals_lost_total{")]


def test_a_request_goes_to_the_target_that_made_its_reasoning_state() -> None:
    first, second = Script(reply(200, CHAT)), Script(reply(200, MESSAGE))
    with chain(first, second) as gateway:
        response = ask(gateway, with_state("two"))
        assert ("two", 0) == (response.headers["x-rosetta-provider"], len(first.bodies))
        assert '"signature": "c2ln"' in json.dumps(second.bodies[0])
        assert "rst1." not in json.dumps(second.bodies[0])
        assert [] == seals_lost(gateway)


def test_leaving_the_target_that_made_it_is_counted() -> None:
    """It fails, and another one answers without the state."""
    first, second = Script(reply(200, CHAT)), Script(reply(500, {"error": {"type": "api_error", "message": "down"}}))
    with chain(first, second) as gateway:
        response = ask(gateway, with_state("two"))
        assert (200, "one") == (response.status_code, response.headers["x-rosetta-provider"])
        assert ['rosetta_seals_lost_total{provider="one"} 1.0'] == seals_lost(gateway)


def test_our_own_credentials_refusal_tells_the_client_not_to_try_again() -> None:
    error = {"error": {"message": "bad key", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}}
    with chain(Script(reply(401, error)), Script(reply(200, MESSAGE)), model=["one"]) as gateway:
        response = ask(gateway, LOSSY)
        assert (502, "false") == (response.status_code, response.headers["x-should-retry"])
        assert "providers.one.api_key" in response.text
        assert "k1" not in response.text
