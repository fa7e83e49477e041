"""Nothing hangs: silent upstreams are timed out in the client's format, idle streams are pinged, and a client that leaves ends its upstream call."""

from typing import Any

import httpx
import pytest

from rosetta.engine import watchdog
from tests.gateway.test_pairs import events
from tests.gateway.wires import WIRES, Wire, body_of
from tests.live import live_gateway
from tests.raw_upstream import Caller, RawUpstream

LEAVE_TIMEOUT_S = 10.0


def config(upstream: RawUpstream, type: str = "openai_chat", **timeout: float) -> dict[str, Any]:
    provider = {"type": type, "base_url": f"{upstream.url}/v1", "api_key": "k", "timeout": timeout}
    return {"providers": {"slow": provider}, "models": {"m": "slow"}, "retries": {"attempts": 1}}


async def silent(caller: Caller) -> None:
    await caller.gone()


async def begins_and_stops(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}\n\n')
    await caller.gone()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_model_that_never_begins_is_a_504_in_the_clients_words(wire: Wire, stream: bool) -> None:
    """The first-token limit ends the wait, names its setting, and hangs up on the upstream."""
    with RawUpstream(silent) as upstream, live_gateway(config(upstream, first_token=0.3)) as gateway:
        body = body_of(wire, "m", "hi", stream=stream)
        response = httpx.post(gateway.url + wire.path("m", stream), json=body, headers=wire.headers, timeout=20)
        assert 504 == response.status_code, response.text
        assert "timeout.first_token" in wire.error_type(response.json())
        assert upstream.hung_up.wait(LEAVE_TIMEOUT_S)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_model_that_falls_silent_ends_in_an_error_event(wire: Wire) -> None:
    """After content was written the stream itself says why it ends."""
    with RawUpstream(begins_and_stops) as upstream, live_gateway(config(upstream, idle=0.3)) as gateway:
        body = body_of(wire, "m", "hi", stream=True)
        response = httpx.post(gateway.url + wire.path("m", True), json=body, headers=wire.headers, timeout=20)
        assert 200 == response.status_code
        assert "Hel" in response.text
        _, last = list(events(response))[-1]
        assert "timeout.idle" in str(last)
        assert upstream.hung_up.wait(LEAVE_TIMEOUT_S)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_client_that_leaves_ends_its_upstream_call(stream: bool) -> None:
    """In JSON mode too: nobody pays for an answer that nobody reads."""
    wire = WIRES["anthropic"]
    with RawUpstream(silent) as upstream, live_gateway(config(upstream)) as gateway:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                gateway.url + wire.path("m", stream), json=body_of(wire, "m", "hi", stream=stream), headers=wire.headers, timeout=0.5
            )
        assert upstream.hung_up.wait(LEAVE_TIMEOUT_S)
        assert 1 == upstream.calls


def read_until(wire: Wire, url: str, wanted: bytes) -> bytes:
    seen = b""
    with httpx.stream(
        "POST", url + wire.path("m", True), json=body_of(wire, "m", "hi", stream=True), headers=wire.headers, timeout=20
    ) as response:
        assert 200 == response.status_code
        for chunk in response.iter_raw():
            seen += chunk
            if seen.count(wanted) >= 2:
                break
    return seen


@pytest.mark.parametrize("wire", [wire for wire in WIRES.values() if wire.name != "google_genai"], ids=lambda wire: wire.name)
def test_a_waiting_stream_is_opened_and_pinged(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head does not wait for a slow model for ever, and proxies see that somebody works."""
    monkeypatch.setattr(watchdog, "HEAD_HOLD_S", 0.1)
    monkeypatch.setattr(watchdog, "PING_S", 0.1)
    with RawUpstream(silent) as upstream, live_gateway(config(upstream)) as gateway:
        ping = b"event: ping" if wire.name == "anthropic" else b":"
        seen = read_until(wire, gateway.url, ping)
        if wire.name == "anthropic":
            assert seen.startswith(b"event: message_start")
        if wire.name == "openai_responses":
            assert b"event: response.created" in seen


def test_a_google_stream_is_opened_but_never_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's clients die of SSE comments: their head comes alone, and the error that ends the wait is data."""
    monkeypatch.setattr(watchdog, "HEAD_HOLD_S", 0.1)
    monkeypatch.setattr(watchdog, "PING_S", 0.1)
    wire = WIRES["google_genai"]
    with RawUpstream(silent) as upstream, live_gateway(config(upstream, first_token=0.8)) as gateway:
        response = httpx.post(
            gateway.url + wire.path("m", True), json=body_of(wire, "m", "hi", stream=True), headers=wire.headers, timeout=20
        )
        assert 200 == response.status_code
        assert response.content.startswith(b"data: {")
        [(_, only)] = list(events(response))
        assert 504 == only["error"]["code"]
