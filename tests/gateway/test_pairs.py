"""Sixteen pairs over real HTTP: every client wire on every upstream wire, whole and streamed, plain and with tools."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.clients.upstream import Upstream
from tests.gateway.wires import UPSTREAMS, WIRES, Wire, body_of, text_of
from tests.live import LiveGateway

TEXT = "FINAL plain text: ü 你好 😀 ok"

TOOL: dict[str, Any] = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


def with_shell(wire: Wire, body: dict[str, Any]) -> dict[str, Any]:
    """The request with the one tool that the scripted upstream looks for."""
    match wire.name:
        case "openai_chat":
            tools: list[dict[str, Any]] = [{"type": "function", "function": {"name": "bash", "parameters": TOOL}}]
        case "openai_responses":
            tools = [{"type": "function", "name": "bash", "parameters": TOOL, "strict": False}]
        case "anthropic":
            tools = [{"name": "bash", "input_schema": TOOL}]
        case _:
            tools = [{"functionDeclarations": [{"name": "bash", "parametersJsonSchema": TOOL}]}]
    return {**body, "tools": tools}


def events(response: httpx.Response) -> Iterator[tuple[str | None, Any]]:
    """The events of a whole stream, as a strict reader sees them."""
    for block in response.text.replace("\r\n", "\n").split("\n\n"):
        name, data = None, []
        for line in block.split("\n"):
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
        if data:
            yield name, None if data == ["[DONE]"] else json.loads("\n".join(data))


def streamed_text(wire: Wire, stream: list[tuple[str | None, Any]]) -> str:
    out = []
    for _, data in stream:
        if data is None:
            continue
        match wire.name:
            case "openai_chat":
                out += [choice["delta"].get("content") or "" for choice in data["choices"]]
            case "openai_responses":
                out += [data["delta"]] if data["type"] == "response.output_text.delta" else []
            case "anthropic":
                out += [data["delta"]["text"]] if data["type"] == "content_block_delta" and data["delta"]["type"] == "text_delta" else []
            case _:
                out += [
                    part.get("text", "")
                    for candidate in data["candidates"]
                    for part in candidate["content"].get("parts", [])
                    if not part.get("thought")
                ]
    return "".join(out)


def assert_ended(wire: Wire, stream: list[tuple[str | None, Any]]) -> None:
    """The stream has its wire's own polite ending, once and last."""
    name, last = stream[-1]
    match wire.name:
        case "openai_chat":
            assert last is None
            assert [1] == [1 for _, data in stream if data and data["choices"] and data["choices"][0]["finish_reason"]]
        case "openai_responses":
            assert "response.completed" == name == last["type"]
            assert list(range(len(stream))) == [data["sequence_number"] for _, data in stream]
        case "anthropic":
            assert "message_stop" == name
            assert 1 == sum(event == "message_delta" for event, _ in stream)
        case _:
            assert "STOP" == last["candidates"][0]["finishReason"]
            assert 1 == sum("finishReason" in data["candidates"][0] for _, data in stream)


@pytest.mark.parametrize("target", UPSTREAMS)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_plain_question_gets_its_answer(gateway: LiveGateway, upstream: Upstream, wire: Wire, target: str) -> None:
    """Text in, text out, with nothing lost and usage counted, whole and as a stream."""
    upstream.control(scenario="text", strict=True)
    body = with_shell(wire, body_of(wire, target, "hi", stream=False))
    whole = httpx.post(gateway.url + wire.path(target, False), json=body, headers=wire.headers, timeout=20)
    assert 200 == whole.status_code, whole.text
    assert TEXT == text_of(wire, whole.json())
    assert target == whole.headers["x-rosetta-provider"]
    assert "1" == whole.headers["x-rosetta-attempts"]
    body = with_shell(wire, body_of(wire, target, "hi", stream=True))
    streamed = httpx.post(gateway.url + wire.path(target, True), json=body, headers=wire.headers, timeout=20)
    assert 200 == streamed.status_code, streamed.text
    stream = list(events(streamed))
    assert TEXT == streamed_text(wire, stream)
    assert_ended(wire, stream)
    assert [] == [line["lint"] for line in upstream.log if line.get("lint")]
    assert [200, 200] == [line["status"] for line in upstream.log]


@pytest.mark.parametrize("scenario", ["midstream", "drop", "empty"])
@pytest.mark.parametrize("target", UPSTREAMS)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_stream_that_breaks_says_so(gateway: LiveGateway, upstream: Upstream, wire: Wire, target: str, scenario: str) -> None:
    """An upstream that fails after 200, is cut, or says nothing never becomes a polite ending."""
    upstream.control(scenario=scenario, strict=True, empty_tail=True)
    body = with_shell(wire, body_of(wire, target, "hi", stream=True))
    response = httpx.post(gateway.url + wire.path(target, True), json=body, headers=wire.headers, timeout=20)
    if response.status_code != 200:
        assert response.status_code in (500, 502, 503, 529), response.text
        assert wire.error_type(response.json())
        return
    stream = list(events(response))
    _, last = stream[-1]
    assert last is not None, "a broken stream ends without [DONE]"
    match wire.name:
        case "openai_responses":
            assert last["type"] in ("response.failed", "error")
        case _:
            assert last["error"]["message"]


@pytest.mark.parametrize("status", ["err400", "err401", "err429", "err500", "err503", "err529"])
@pytest.mark.parametrize("target", UPSTREAMS)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_an_upstreams_refusal_is_told_in_the_clients_words(
    gateway: LiveGateway, upstream: Upstream, wire: Wire, target: str, status: str
) -> None:
    """Status and envelope follow the error table, Retry-After is kept, and our bad key is never the client's."""
    upstream.control(scenario=status, strict=True)
    body = with_shell(wire, body_of(wire, target, "hi", stream=False))
    response = httpx.post(gateway.url + wire.path(target, False), json=body, headers=wire.headers, timeout=20)
    expected = {"err400": (400,), "err401": (502, 500), "err429": (429,), "err500": (500, 502), "err503": (503, 529), "err529": (529, 503)}
    assert response.status_code in expected[status], response.text
    assert wire.error_type(response.json())
    if status == "err429":
        assert "1" == response.headers["retry-after"]
