"""Numbers that others were seen to get wrong: streams that take no time, that nobody counts while they run, that break and are counted as well, and endless labels."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.defects.test_gateway import CHUNKS, config
from tests.gateway.wires import WIRES, Wire, body_of
from tests.live import LiveGateway, live_gateway
from tests.raw_upstream import Behaviour, Caller, RawUpstream

DEADLINE_S = 10.0
PIECES = CHUNKS.split(b"\n\n")


def total(gateway: LiveGateway, name: str, **labels: str) -> float:
    """The sum of a family's samples of this name and these labels."""
    text = httpx.get(f"{gateway.url}/metrics", timeout=DEADLINE_S).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it came true in time: the gateway counts a request after its last byte, which the client has before."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            return False
    return True


def held(released: threading.Event, *, whole: bool) -> Behaviour:
    """An upstream that says one word, waits to be released, and says the rest or breaks off."""

    async def behave(caller: Caller) -> None:
        await caller.stream_head()
        await caller.send(PIECES[0] + b"\n\n")
        await asyncio.to_thread(released.wait, DEADLINE_S)
        await caller.send(b"\n\n".join(PIECES[1:]) + b"data: [DONE]\n\n" if whole else PIECES[1][:40])

    return behave


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "broken"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_stream_is_under_way_until_its_last_byte_and_counted_as_what_it_was(wire: Wire, whole: bool) -> None:
    """A stream was over when its head was out: of 1.7 ms, never under way, and a success even where it broke."""
    released = threading.Event()
    body = body_of(wire, "m", "hi", stream=True)
    with RawUpstream(held(released, whole=whole)) as upstream, live_gateway(config(upstream)) as gateway:
        with httpx.stream("POST", gateway.url + wire.path("m", True), json=body, headers=wire.headers, timeout=DEADLINE_S) as response:
            pieces = response.iter_raw()
            seen = b""
            while b"word" not in seen:
                seen += next(pieces)
            begun = time.monotonic()
            assert 1 == total(gateway, "rosetta_inflight_requests", client_format=wire.name, stream="true")
            assert 0 == total(gateway, "rosetta_requests_total")
            waited = time.monotonic() - begun
            released.set()
            for _ in pieces:
                pass
        outcome = "ok" if whole else "error"
        assert eventually(lambda: 1 == total(gateway, "rosetta_requests_total", outcome=outcome, status_class="2xx"))
        assert 0 == total(gateway, "rosetta_inflight_requests")
        assert waited <= total(gateway, "rosetta_request_duration_seconds_sum", client_format=wire.name)


def test_names_that_clients_make_up_are_no_labels() -> None:
    """Each made-up model or path was a time series of its own, until the monitoring burst."""
    wire = WIRES["openai_chat"]
    with live_gateway({}) as gateway, httpx.Client(timeout=DEADLINE_S) as client:

        def ask(number: int) -> int:
            client.post(gateway.url + wire.path("x", False), json=wire.body(f"made-up-{number}", "hi"), headers=wire.headers)
            client.get(f"{gateway.url}/v1/made-up-{number}")
            text = client.get(f"{gateway.url}/metrics").text
            assert "made-up" not in text
            return text.count("\n")

        first = [ask(number) for number in range(3)][-1]
        assert first == [ask(number) for number in range(3, 30)][-1]
