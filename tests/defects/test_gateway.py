"""What other gateways were seen to do with odd upstreams: foreign envelopes, wrong statuses, no second try, requests refused for harmless settings."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.clients.upstream import start_upstream
from tests.gateway.test_pairs import with_shell
from tests.gateway.wires import UPSTREAMS, WIRES, Wire, body_of, text_of
from tests.live import LiveGateway, four_upstreams, live_gateway
from tests.raw_upstream import Behaviour, Caller, RawUpstream

every_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


def config(upstream: RawUpstream, type: str = "openai_chat") -> dict[str, Any]:
    provider = {"type": type, "base_url": f"{upstream.url}/v1", "api_key": "k"}
    return {"providers": {"odd": provider}, "models": {"m": "odd"}, "retries": {"attempts": 1}}


def ask(gateway: LiveGateway, wire: Wire, model: str, *, stream: bool = False, **headers: str) -> httpx.Response:
    body = with_shell(wire, body_of(wire, model, "hi", stream=stream))
    return httpx.post(gateway.url + wire.path(model, stream), json=body, headers={**wire.headers, **headers}, timeout=20)


def answering(status: str, content_type: str, body: bytes) -> Behaviour:
    async def behave(caller: Caller) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        await caller.send(head.encode() + body)

    return behave


ODD_ANSWERS: dict[str, Behaviour] = {
    "a page of HTML with 502": answering("502 Bad Gateway", "text/html", b"<html><h1>nginx is sad</h1></html>"),
    "a page of HTML with 200": answering("200 OK", "text/html", b"<html>Please log in</html>"),
    "no JSON": answering("200 OK", "application/json", b"oops"),
    "half of a JSON": answering("200 OK", "application/json", b'{"id": "x", "choices": ['),
    "a list": answering("200 OK", "application/json", b"[1]"),
    "nothing": answering("200 OK", "application/json", b""),
    "an error in words": answering("503 Service Unavailable", "application/json", b'{"error": "model is loading"}'),
    "an error in a list": answering("500 Internal Server Error", "application/json", b'[{"error": {"code": 500, "message": "boom"}}]'),
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
@every_wire
def test_an_odd_answer_is_a_server_error_in_the_clients_words(wire: Wire, name: str) -> None:
    """An upstream's body went to the client as it was, whatever its format; what could not be parsed was a bare 500."""
    with RawUpstream(ODD_ANSWERS[name]) as upstream, live_gateway(config(upstream)) as gateway:
        response = ask(gateway, wire, "m")
    assert response.status_code in (500, 502, 503, 529), response.text
    assert "application/json" == response.headers["content-type"].split(";")[0]
    assert wire.error_type(response.json())
    error = response.json()["error"]
    assert not {"invalid_request_error", "INVALID_ARGUMENT"} & {error.get("type"), error.get("status")}
    assert "<html>" not in response.text


async def in_time_for_nobody(caller: Caller) -> None:
    await caller.gone()


@every_wire
def test_a_slow_upstream_is_a_504_and_no_fault_of_the_request(wire: Wire) -> None:
    """It was a 502 of type ``invalid_request_error``."""
    with RawUpstream(in_time_for_nobody) as upstream:
        document = config(upstream)
        document["providers"]["odd"]["timeout"] = {"first_token": 0.2}
        with live_gateway(document) as gateway:
            response = ask(gateway, wire, "m")
    assert 504 == response.status_code
    assert response.json()["error"].get("type") != "invalid_request_error"


@every_wire
def test_a_second_try_is_made_and_a_second_target_taken(wire: Wire) -> None:
    """Others had neither: each hiccup of a provider was the user's."""
    with start_upstream(scenario="err503", strict=True) as sick, start_upstream(scenario="text", strict=True) as well:
        document = four_upstreams(sick.url)
        document["retries"] = {"attempts": 3}
        with live_gateway(document) as gateway:
            response = ask(gateway, wire, "up-chat")
            assert [200, "3"] == [response.status_code, response.headers["x-rosetta-attempts"]]
        sick.control(scenario="err401")
        document["providers"]["spare"] = {"type": "anthropic", "base_url": well.url, "api_key": "k"}
        document["models"]["chain"] = ["up-chat", "spare"]
        with live_gateway(document) as gateway:
            response = ask(gateway, wire, "chain")
    assert [200, "spare"] == [response.status_code, response.headers["x-rosetta-provider"]]
    assert text_of(wire, response.json()).startswith("FINAL")


HARMLESS: dict[str, Callable[[dict[str, Any]], None]] = {
    "openai_chat": lambda body: body.update(seed=7, prompt_cache_key="x", user="u", logit_bias={"1": 1}),
    "openai_responses": lambda body: body.update(prompt_cache_key="x", metadata={"a": "b"}, text={"verbosity": "low"}),
    "anthropic": lambda body: body.update(top_k=5, metadata={"user_id": "u"}),
    "google_genai": lambda body: body.update(generationConfig={"seed": 7, "topK": 5, "frequencyPenalty": 0.1}),
}


@pytest.mark.parametrize("model", UPSTREAMS)
@every_wire
def test_a_strict_policy_refuses_lost_content_alone(wire: Wire, model: str) -> None:
    """One strict mode was a 400 for a ``seed``: so everyone switched it off, and with it the warnings."""
    with start_upstream(scenario="text", strict=True) as upstream, live_gateway(four_upstreams(upstream.url)) as gateway:
        body = with_shell(wire, body_of(wire, model, "hi", stream=False))
        HARMLESS[wire.name](body)
        headers = {**wire.headers, "x-rosetta-loss-policy": "contract"}
        response = httpx.post(gateway.url + wire.path(model, False), json=body, headers=headers, timeout=20)
    assert 200 == response.status_code, response.text


def test_every_loss_of_a_request_is_told_to_the_caller() -> None:
    """No header, no log: nobody knew what was gone."""
    wire = WIRES["openai_chat"]
    body = {**with_shell(wire, body_of(wire, "up-anthropic", "hi", stream=False)), "seed": 7, "brand_new": 1}
    with start_upstream(scenario="text", strict=True) as upstream, live_gateway(four_upstreams(upstream.url)) as gateway:
        response = httpx.post(gateway.url + wire.path("up-anthropic", False), json=body, headers=wire.headers, timeout=20)
    told = response.headers["x-rosetta-loss"].split(", ")
    assert {"seed;dropped", "brand_new;dropped"} <= set(told)


def test_what_passes_between_equals_keeps_its_bytes() -> None:
    """Going through a middle form is itself lossy: on the same wire only the model's name and the key change."""
    wire = WIRES["anthropic"]
    odd = '{"model" : "up-anthropic", "max_tokens":1000,"x_new": {"b":1.50,  "a":"\\u00e9"}, "messages":[{"role":"user","content":"hi"}]}'
    sent: list[bytes] = []

    async def keep(caller: Caller) -> None:
        sent.append(caller.body)
        await answering("200 OK", "application/json", json.dumps(MESSAGE).encode())(caller)

    with RawUpstream(keep) as upstream:
        provider = {"type": "anthropic", "base_url": upstream.url, "api_key": "k"}
        with live_gateway({"providers": {"odd": provider}, "models": {"up-anthropic": {"provider": "odd", "model": "other"}}}) as gateway:
            headers = {**wire.headers, "content-type": "application/json"}
            response = httpx.post(gateway.url + "/v1/messages", content=odd.encode(), headers=headers, timeout=20)
    assert MESSAGE == response.json()
    assert b'{"b":1.50,  "a":"\\u00e9"}' in sent[0]
    assert "other" == json.loads(sent[0])["model"]


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "other",
    "content": [{"type": "text", "text": "Hi.", "brand_new": True}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def test_the_callers_own_headers_and_keys_go_nowhere() -> None:
    """A gateway's key at a provider, or a beta flag at a foreign one, is a leak or a 400."""
    wire = WIRES["anthropic"]
    with start_upstream(scenario="text", strict=True) as upstream, live_gateway(four_upstreams(upstream.url)) as gateway:
        secret = {"x-api-key": "sk-clients-own", "anthropic-beta": "brand-new-2099-01-01", "cookie": "a=b"}
        assert 200 == ask(gateway, wire, "up-chat", **secret).status_code
        seen = json.dumps(upstream.requests[-1]["headers"])
    for word in ("sk-clients-own", "brand-new-2099", "a=b"):
        assert word not in seen


CHUNKS = b"".join(
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":%s}]}\n\n'
    % finish
    for finish in (b"null", b"null", b'"stop"')
)


async def speaks(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(CHUNKS + b"data: [DONE]\n\n")


async def breaks_off(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(CHUNKS[:200])


@pytest.mark.parametrize("behaviour", [speaks, breaks_off])
def test_requests_leave_nothing_behind(behaviour: Behaviour) -> None:
    """Others grew by gigabytes until they were restarted by the clock: after the first fifty, a hundred and fifty streams more keep no object alive."""
    wire = WIRES["anthropic"]

    def asked(count: int) -> int:
        for _ in range(count):
            client.post(gateway.url + wire.path("m", True), json=body, headers=wire.headers)
        gc.collect()
        return len(gc.get_objects())

    body = with_shell(wire, body_of(wire, "m", "hi", stream=True))
    with RawUpstream(behaviour) as upstream, live_gateway(config(upstream)) as gateway, httpx.Client(timeout=20) as client:
        counts = [asked(50)]
        while len(counts) < 4 and (len(counts) == 1 or counts[-1] - counts[-2] >= 150):  # what grows for good grows in every round
            counts.append(asked(150))
    assert counts[-1] - counts[-2] < 150, f"less than one object for each request: {counts}"


def compressed(data: bytes, content_type: str) -> bytes:
    packed = gzip.compress(data)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\nconnection: close\r\n\r\n"
    return head.encode() + packed


@every_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_compressed_answer_is_read_although_nobody_asked_for_it(wire: Wire, stream: bool) -> None:
    """Some servers compress whatever they are asked; passed on as it came, or read as text, it is rubbish."""
    message = {"role": "assistant", "content": "word word word "}
    whole = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }

    async def packs(caller: Caller) -> None:
        if stream:
            await caller.send(compressed(CHUNKS + b"data: [DONE]\n\n", "text/event-stream"))
        else:
            await caller.send(compressed(json.dumps(whole).encode(), "application/json"))

    with RawUpstream(packs) as upstream, live_gateway(config(upstream)) as gateway:
        response = ask(gateway, wire, "m", stream=stream)
    assert 200 == response.status_code, response.text
    assert ("word" if stream else "word word word ") in response.text
    assert "content-encoding" not in response.headers


@every_wire
def test_an_answer_that_is_told_leaves_its_connection_whole(wire: Wire) -> None:
    """The end of the body may come a moment after the last event: who hangs up before it needs a new connection for every stream."""
    kept = threading.Event()

    async def ends_later(caller: Caller) -> None:
        await caller.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        data = CHUNKS + b"data: [DONE]\n\n"
        await caller.send(b"%x\r\n%s\r\n" % (len(data), data))
        try:
            await asyncio.wait_for(caller.gone(), 0.3)
        except TimeoutError:
            await caller.send(b"0\r\n\r\n")
            kept.set()

    body = body_of(wire, "m", "hi", stream=True)
    with RawUpstream(ends_later) as upstream, live_gateway(config(upstream)) as gateway:
        response = httpx.post(gateway.url + wire.path("m", True), json=body, headers=wire.headers, timeout=20)
        assert "word" in response.text
        assert kept.wait(5)


@every_wire
def test_a_seam_that_only_one_vendor_has_says_so_elsewhere(wire: Wire) -> None:
    """``/responses/compact`` was not served at all: it is relayed where the provider has it, else refused with the next step."""
    with start_upstream(scenario="text", strict=True) as upstream, live_gateway(four_upstreams(upstream.url)) as gateway:
        model = UPSTREAMS[list(WIRES).index(wire.name)]
        response = httpx.post(gateway.url + "/v1/responses/compact", json={"model": model, "input": "hi"}, headers=wire.headers, timeout=20)
        compacted = [request for request in upstream.requests if request["path"].endswith("/responses/compact")]
    if model == "up-responses":
        assert 1 == len(compacted)
        return
    assert response.status_code in (400, 404), response.text
    assert response.json()["error"]["message"]
    assert [] == compacted


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", [wire for wire in WIRES.values() if wire.name != "google_genai"], ids=lambda wire: wire.name)
def test_a_malformed_call_and_nothing_else_is_tried_again(wire: Wire, stream: bool) -> None:
    """Gemini now and then makes a call that it cannot read itself; the next try mostly succeeds. A Google client gets what Google said."""
    answers = [
        {"candidates": [{"index": 0, "content": {"role": "model"}, "finishReason": "MALFORMED_FUNCTION_CALL"}]},
        {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "word"}]}, "finishReason": "STOP"}]},
    ]

    async def behave(caller: Caller) -> None:
        answer = json.dumps(answers[upstream.calls - 1])
        if stream:
            await caller.stream_head()
            await caller.send(f"data: {answer}\r\n\r\n".encode())
        else:
            await answering("200 OK", "application/json", answer.encode())(caller)

    with RawUpstream(behave) as upstream:
        provider = {"type": "google_genai", "base_url": upstream.url, "api_key": "k"}
        document = {"providers": {"odd": provider}, "models": {"m": "odd"}, "retries": {"attempts": 2}}
        with live_gateway(document) as gateway:
            response = ask(gateway, wire, "m", stream=stream)
    assert [200, "2"] == [response.status_code, response.headers["x-rosetta-attempts"]]
    assert "word" in response.text
    assert "error" not in response.text.replace('"error":null', "")
