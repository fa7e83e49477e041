"""Retries within a target, the next target after it, until content was written; and what the client is told when nobody answers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.gateway.test_pairs import assert_ended, events
from tests.gateway.wires import WIRES, Wire, body_of, text_of
from tests.live import LiveGateway, live_gateway
from tests.raw_upstream import Caller, RawUpstream

CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "from chat"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "from anthropic"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
MESSAGE_STREAM: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "from anthropic"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]


def reply(status: int, body: Any, **headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def refusal(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


class Script:
    """What an upstream answers, one after the other; the last one stays. ``bodies`` are the requests that came, ``keys`` their credentials."""

    def __init__(self, *answers: bytes | Callable[[Caller], Any]) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []

    async def __call__(self, caller: Caller) -> None:
        self.bodies.append(json.loads(caller.body))
        lines = caller.request.decode().lower().split("\r\n")
        self.keys += [line.split(" ")[-1] for line in lines if line.startswith(("authorization:", "x-api-key:"))]
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, bytes):
            await caller.send(answer)
        else:
            await answer(caller)


async def message_stream(caller: Caller) -> None:
    await caller.stream_head()
    for event in MESSAGE_STREAM:
        await caller.send(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


async def dies_before_content(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(b'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n')


async def dies_after_content(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(b'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}\n\n')


@contextmanager
def chain(first: Script, second: Script, **more: Any) -> Iterator[LiveGateway]:
    """A model on a chat upstream, then on an anthropic one."""
    with RawUpstream(first) as one, RawUpstream(second) as two:
        document: dict[str, Any] = {
            "providers": {
                "one": {"type": "openai_chat", "base_url": f"{one.url}/v1", "api_keys": more.pop("keys", ["k1"])},
                "two": {"type": "anthropic", "base_url": two.url, "api_key": "k2"},
            },
            "models": {"m": more.pop("model", ["one", {"provider": "two", "model": "claude"}])},
            "retries": {"attempts": 2, "backoff_base": 0.01, "backoff_max": 2.0},
            **more,
        }
        with live_gateway(document) as gateway:
            yield gateway


def ask(gateway: LiveGateway, wire: Wire = WIRES["openai_chat"], *, stream: bool = False, **headers: str) -> httpx.Response:
    body = body_of(wire, "m", "hi", stream=stream)
    return httpx.post(gateway.url + wire.path("m", stream), json=body, headers={**wire.headers, **headers}, timeout=20)


ERROR_500 = reply(500, refusal("it is broken"))


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_failing_target_is_tried_again_and_then_the_next_one_answers_in_another_format(wire: Wire, stream: bool) -> None:
    first, second = Script(ERROR_500), Script(message_stream if stream else reply(200, MESSAGE))
    with chain(first, second) as gateway:
        response = ask(gateway, wire, stream=stream)
        assert 200 == response.status_code, response.text
        assert {"x-rosetta-provider": "two", "x-rosetta-model": "claude", "x-rosetta-attempts": "3"} == {
            name: response.headers[name] for name in ("x-rosetta-provider", "x-rosetta-model", "x-rosetta-attempts")
        }
        if stream:
            assert "from anthropic" in response.text
            assert_ended(wire, list(events(response)))
        else:
            assert "from anthropic" == text_of(wire, response.json())
        assert 2 == len(first.bodies)
        assert ["claude"] == [body["model"] for body in second.bodies]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_tried_again(status: int) -> None:
    first = Script(reply(status, refusal("not now")), reply(200, CHAT))
    with chain(first, Script(reply(200, MESSAGE))) as gateway:
        response = ask(gateway)
        assert ("one", "2") == (response.headers["x-rosetta-provider"], response.headers["x-rosetta-attempts"])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_clients_own_fault_is_neither_tried_again_nor_elsewhere(status: int) -> None:
    first, second = Script(reply(status, refusal("your fault"))), Script(reply(200, MESSAGE))
    with chain(first, second) as gateway:
        response = ask(gateway)
        assert 400 <= response.status_code < 500
        assert "your fault" in response.text
        assert (1, 0) == (len(first.bodies), len(second.bodies))


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_another_target_may_not_have_goes_there_without_a_second_try(status: int) -> None:
    first, second = Script(reply(status, refusal("no"))), Script(reply(200, MESSAGE))
    with chain(first, second) as gateway:
        assert "two" == ask(gateway).headers["x-rosetta-provider"]
        assert 1 == len(first.bodies)


@pytest.mark.parametrize("fault", [dies_before_content], ids=["role only"])
def test_a_stream_that_dies_before_its_first_content_is_begun_anew(fault: Any) -> None:
    first = Script(fault)
    with chain(first, Script(message_stream)) as gateway:
        response = ask(gateway, WIRES["openai_responses"], stream=True)
        assert "two" == response.headers["x-rosetta-provider"]
        assert_ended(WIRES["openai_responses"], list(events(response)))
        assert 2 == len(first.bodies)


def test_after_content_was_written_nothing_begins_anew() -> None:
    first, second = Script(dies_after_content), Script(message_stream)
    with chain(first, second) as gateway:
        response = ask(gateway, WIRES["anthropic"], stream=True)
        assert "Hel" in response.text
        assert "from anthropic" not in response.text
        assert "error" == list(events(response))[-1][0]
        assert (1, 0) == (len(first.bodies), len(second.bodies))


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_provider_with_several_keys_changes_its_key(status: int) -> None:
    first = Script(reply(status, refusal("this key will not do")), reply(200, CHAT))
    with chain(first, Script(reply(200, MESSAGE)), keys=["k1", "other"]) as gateway:
        assert "one" == ask(gateway).headers["x-rosetta-provider"]
        assert ["k1", "other"] == first.keys


def test_retry_after_is_waited_for_when_it_is_short() -> None:
    first = Script(reply(429, refusal("slow down"), retry_after_ms="300"), reply(200, CHAT))
    with chain(first, Script(reply(200, MESSAGE))) as gateway:
        response = ask(gateway)
        assert "one" == response.headers["x-rosetta-provider"]
        assert response.elapsed.total_seconds() >= 0.3


def test_a_long_retry_after_sends_the_request_on_at_once_and_the_target_rests() -> None:
    first = Script(reply(429, refusal("slow down"), retry_after="600"))
    with chain(first, Script(reply(200, MESSAGE))) as gateway:
        for _ in range(3):
            assert "two" == ask(gateway).headers["x-rosetta-provider"]
        assert 1 == len(first.bodies)
        assert "open" == gateway.gateway.engine.health.of("one", "m").state


def test_when_everybody_rests_the_least_bad_is_tried() -> None:
    slow = reply(429, refusal("slow down"), retry_after="600")
    first, second = Script(slow), Script(reply(429, refusal("slow down"), retry_after="100"), reply(200, MESSAGE))
    with chain(first, second) as gateway:
        assert 429 == ask(gateway).status_code
        response = ask(gateway)
        assert (200, "two") == (response.status_code, response.headers["x-rosetta-provider"])
        assert "closed" == gateway.gateway.engine.health.of("two", "claude").state


def test_a_target_that_keeps_failing_is_left_alone() -> None:
    first = Script(ERROR_500)
    with chain(first, Script(reply(200, MESSAGE))) as gateway:
        for _ in range(6):
            assert "two" == ask(gateway).headers["x-rosetta-provider"]
        assert 5 == len(first.bodies)


@pytest.mark.parametrize(
    ("one", "two", "status", "words"),
    [
        (
            reply(429, refusal("slow down"), retry_after="60"),
            reply(404, {"type": "error", "error": {"type": "not_found_error", "message": "no such model"}}),
            429,
            "slow down",
        ),
        (
            reply(404, refusal("no such model")),
            reply(529, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
            503,
            "busy",
        ),
        (reply(401, refusal("bad key")), reply(500, {"type": "error", "error": {"type": "api_error", "message": "broken"}}), 500, ""),
    ],
    ids=["limit before missing", "overload before missing", "either"],
)
def test_the_most_useful_failure_is_told(one: bytes, two: bytes, status: int, words: str) -> None:
    with chain(Script(one), Script(two), retries={"attempts": 1}) as gateway:
        response = ask(gateway)
        assert status == response.status_code or (words == "" and response.status_code in (500, 502))
        assert words in WIRES["openai_chat"].error_type(response.json())


TOO_LONG = reply(
    400,
    {
        "error": {
            "message": "maximum context length is 8 tokens",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    },
)


def test_a_prompt_that_is_too_long_goes_where_there_is_more_room() -> None:
    larger = [{"provider": "one", "context_window": 8000}, {"provider": "two", "model": "claude", "context_window": 200000}]
    with chain(Script(TOO_LONG), Script(reply(200, MESSAGE)), model=larger) as gateway:
        assert "two" == ask(gateway).headers["x-rosetta-provider"]


@pytest.mark.parametrize("window", [None, 4000], ids=["not told", "smaller"])
def test_a_prompt_that_is_too_long_goes_nowhere_without_more_room(window: int | None) -> None:
    """The client can shorten its prompt; it must be told."""
    row: dict[str, Any] = {"provider": "two", "model": "claude", **({"context_window": window} if window else {})}
    second = Script(reply(200, MESSAGE))
    with chain(Script(TOO_LONG), second, model=[{"provider": "one", "context_window": 8000}, row]) as gateway:
        response = ask(gateway)
        assert 400 == response.status_code
        assert "context_length_exceeded" == response.json()["error"]["code"]
        assert not second.bodies


def test_a_pinned_provider_is_the_only_one() -> None:
    second = Script(reply(200, MESSAGE))
    with chain(Script(ERROR_500), second) as gateway:
        assert 500 <= ask(gateway, **{"x-rosetta-provider": "one"}).status_code
        assert not second.bodies
        assert "two" == ask(gateway, **{"x-rosetta-provider": "two"}).headers["x-rosetta-provider"]
        response = ask(gateway, **{"x-rosetta-provider": "three"})
        assert 400 == response.status_code
        assert "one, two" in response.text
