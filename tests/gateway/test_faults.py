"""Whatever an upstream does, its client gets a valid ending in its own format, soon, and the next request is untouched."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.test_pairs import events
from tests.gateway.wires import WIRES, Wire, body_of
from tests.live import LiveGateway, live_gateway
from tests.raw_upstream import Caller, RawUpstream

BOUND_S = 15.0
"""Nothing here may take longer: every limit of the config is below a second."""
WHOLE = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
)
FIRST = b'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}\n\n'
LAST = b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ERROR = b'{"error":{"message":"it is broken","type":"server_error","code":null,"param":null}}'


def answer(status: int, body: bytes, kind: str = "application/json", *more: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", "connection: close", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def reset(caller: Caller) -> None:
    caller.abort()


async def garbage(caller: Caller) -> None:
    await caller.send(b"\x00\xff\xfenot http at all\r\n\r\n")


async def truncated_json(caller: Caller) -> None:
    await caller.send(answer(200, WHOLE[:60]))


async def short_body(caller: Caller) -> None:
    """The declared length is longer than what comes."""
    await caller.send(answer(200, WHOLE)[:-20])


async def wrong_type(caller: Caller) -> None:
    await caller.send(answer(200, b"<html>Welcome to nginx!</html>", "text/html"))


async def error_with_200(caller: Caller) -> None:
    await caller.send(answer(200, ERROR))


async def error_event_first(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(b"data: " + ERROR + b"\n\n")


async def empty_200(caller: Caller) -> None:
    await caller.send(answer(200, b""))


async def empty_stream(caller: Caller) -> None:
    await caller.stream_head()


async def only_done(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(b"data: [DONE]\n\n")


async def slow_head(caller: Caller) -> None:
    await caller.send(b"HTTP/1.1 200 OK\r\ncontent-type: app")
    await caller.gone()


async def cut_in_mid_event(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(FIRST + LAST[:30])


async def cut_between_events(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(FIRST)


async def garbage_in_the_stream(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(FIRST + b"data: {nonsense\n\n" + LAST)


async def drips(caller: Caller) -> None:
    """A byte now and then keeps a connection alive, but is no answer."""
    await caller.stream_head()
    await caller.send(FIRST)
    while True:
        await caller.send(b":")
        await asyncio.sleep(0.05)


BEFORE = [
    reset,
    garbage,
    truncated_json,
    short_body,
    wrong_type,
    error_with_200,
    error_event_first,
    empty_200,
    empty_stream,
    only_done,
    slow_head,
]
AFTER = [cut_in_mid_event, cut_between_events, garbage_in_the_stream, drips]


class Switch:
    """An upstream that behaves as the test says, then well."""

    def __init__(self) -> None:
        self.next: Callable[[Caller], Awaitable[None]] | None = None

    async def __call__(self, caller: Caller) -> None:
        behaviour, self.next = self.next, None
        if behaviour is not None:
            await behaviour(caller)
        elif caller.streams:
            await caller.stream_head()
            await caller.send(FIRST + LAST)
        else:
            await caller.send(answer(200, WHOLE))


@pytest.fixture(scope="module")
def switch() -> Switch:
    return Switch()


@pytest.fixture(scope="module")
def raw(switch: Switch) -> Iterator[RawUpstream]:
    with RawUpstream(switch) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(raw: RawUpstream) -> Iterator[LiveGateway]:
    timeout = {"connect": 0.5, "first_token": 0.5, "idle": 0.5, "total": 2.0}
    provider = {"type": "openai_chat", "base_url": f"{raw.url}/v1", "api_key": "k", "timeout": timeout}
    with live_gateway({"providers": {"p": provider}, "models": {"m": "p"}, "retries": {"attempts": 1}}) as running:
        yield running


@pytest.fixture(autouse=True)
def well(gateway: LiveGateway) -> None:
    """Each case is about one request, not about what the circuit has seen before."""
    gateway.gateway.engine.health.of("p", "m").succeeded()


def ask(gateway: LiveGateway, wire: Wire, stream: bool) -> httpx.Response:
    body = body_of(wire, "m", "hi", stream=stream)
    return httpx.post(gateway.url + wire.path("m", stream), json=body, headers=wire.headers, timeout=BOUND_S)


def assert_well(gateway: LiveGateway, wire: Wire, stream: bool) -> None:
    response = ask(gateway, wire, stream)
    assert 200 == response.status_code, response.text
    text = response.text if not stream else json.dumps([event for _, event in events(response)])
    assert ("fine" in text) or ("Hel" in text and "lo" in text)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("fault", BEFORE, ids=lambda fault: fault.__name__)
def test_a_fault_before_any_content_is_an_error_with_a_status(
    gateway: LiveGateway, switch: Switch, wire: Wire, stream: bool, fault: Callable[[Caller], Awaitable[None]]
) -> None:
    switch.next = fault
    response = ask(gateway, wire, stream)
    assert response.status_code in (500, 502, 503, 504), response.text
    assert wire.error_type(response.json())
    assert_well(gateway, wire, stream)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("fault", AFTER, ids=lambda fault: fault.__name__)
def test_a_fault_after_the_first_content_is_told_in_the_stream(
    gateway: LiveGateway, switch: Switch, wire: Wire, fault: Callable[[Caller], Awaitable[None]]
) -> None:
    switch.next = fault
    response = ask(gateway, wire, True)
    assert 200 == response.status_code
    told = list(events(response))
    assert "Hel" in json.dumps([event for _, event in told])
    last = [event for _, event in told if event is not None][-1]
    assert is_error(wire, last), last
    assert_well(gateway, wire, True)


def is_error(wire: Wire, event: Any) -> bool:
    match wire.name:
        case "anthropic":
            return bool(event["type"] == "error" and event["error"]["message"])
        case "openai_responses":
            return bool(event["type"] in ("response.failed", "error"))
        case _:
            return bool(event["error"]["message"])


STATUSES = {
    400: 400,
    401: 502,
    402: None,
    403: 502,
    404: 404,
    408: None,
    409: 409,
    413: 413,
    422: None,
    429: 429,
    500: None,
    502: None,
    503: None,
    504: 504,
    529: None,
}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("status", STATUSES)
def test_every_error_status_reaches_the_client_in_its_format(gateway: LiveGateway, switch: Switch, wire: Wire, status: int) -> None:
    """Our own credentials' refusal is not the client's: it is told of a bad gateway."""

    async def refuses(caller: Caller) -> None:
        await caller.send(answer(status, ERROR))

    switch.next = refuses
    response = ask(gateway, wire, True)
    assert 400 <= response.status_code < 600
    expected = STATUSES[status]
    if expected is not None:
        assert expected == response.status_code
    assert wire.error_type(response.json())
    assert_well(gateway, wire, False)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_nobody_listening_is_a_502_that_says_so(wire: Wire, unused_tcp_port: int) -> None:
    provider = {"type": "openai_chat", "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1", "api_key": "k"}
    with live_gateway({"providers": {"p": provider}, "models": {"m": "p"}, "retries": {"attempts": 1}}) as gateway:
        response = ask(gateway, wire, True)
        assert response.status_code in (500, 502)
        assert "cannot be reached" in wire.error_type(response.json())


NEWER = b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":{"newer":"than rosetta"}},"finish_reason":null}]}\n\n'


def test_what_a_client_alone_can_read_reaches_it() -> None:
    """A client of the upstream's own format gets every byte, piece by piece; one of another is told that something came which nobody could translate."""
    pieces, read = (FIRST, NEWER, LAST), threading.Semaphore(0)

    async def behaviour(caller: Caller) -> None:
        await caller.stream_head()
        for piece in pieces:
            await caller.send(piece)
            assert await asyncio.to_thread(read.acquire, timeout=BOUND_S)

    with RawUpstream(behaviour) as raw:
        provider = {"type": "openai_chat", "base_url": f"{raw.url}/v1", "api_key": "k"}
        with live_gateway({"providers": {"p": provider}, "models": {"m": "p"}, "retries": {"attempts": 1}}) as gateway:
            chat, got = WIRES["openai_chat"], b""
            body = body_of(chat, "m", "hi", stream=True)
            with httpx.stream("POST", gateway.url + chat.path("m", True), json=body, headers=chat.headers, timeout=BOUND_S) as reply:
                for data in reply.iter_raw():
                    got += data
                    read.release()
            assert b"".join(pieces) == got
            read.release(len(pieces))
            assert "error" == list(events(ask(gateway, WIRES["anthropic"], True)))[-1][0]
