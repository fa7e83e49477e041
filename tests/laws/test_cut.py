"""The law of the cut: wherever the bytes of a stream end, its client reads the whole answer or its own wire's error, and never a polite end."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.convert import StreamHop
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import WireEvent
from rosetta.converters.sse import SseParser
from rosetta.fold import fold
from rosetta.ir.events import End
from rosetta.ir.parts import FORMATS, Format
from tests.laws import grammar, wires

STREAMS = wires.files("streams", "sse")
BROKEN = "an event cut in the middle"


def told(source: Format, target: Format, data: bytes) -> list[tuple[str | None, Any]]:
    """What a client reads of a stream that ends after ``data``."""
    hop = StreamHop(
        CONVERTERS[source].stream_decoder(wires.ticket(source, stream=True)),
        CONVERTERS[target].stream_encoder(wires.reply(target)),
        CONVERTERS[target].frame,
    )
    out = hop.feed(data) + hop.finish()
    if not hop.committed and hop.failure is not None:
        out += hop.fail(hop.failure)
    return wires.parsed(out)


def readable(payload: bytes) -> bool:
    if payload == b"[DONE]":
        return True
    try:
        jsontext.decode(payload)
    except jsontext.InvalidJson:
        return False
    return True


def cuts(data: bytes) -> list[int]:
    """One cut for each different thing that a decoder can be shown; together they stand for the cuts after every byte.

    What it is shown are the events that are complete, and what the end of the stream makes of the rest.
    """
    seen: dict[tuple[int, Any], int] = {}
    parser, complete, begun = SseParser(), 0, 0
    for end in range(len(data)):
        rest = SseParser()
        pending = [*rest.feed(data[begun:end]), *rest.finish()]
        seen.setdefault((complete, tuple((name, payload if readable(payload) else BROKEN) for name, payload in pending)), end)
        events = parser.feed(data[end : end + 1])
        if events:
            complete += len(events)
            begun = end + 1
    return list(seen.values())


def meant(client: Format, events: list[tuple[str | None, Any]]) -> tuple[Any, ...] | None:
    """The parts and finishes which a client reads; None where it reads an error."""
    decoded = wires.decoded_stream(client, events)
    if not isinstance(decoded[-1], End):
        return None
    answer = fold(decoded, client)
    return tuple((wires.said(choice.parts), wires.said(choice.finish)) for choice in answer.choices)


@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_a_stream_cut_at_any_byte_is_whole_or_an_error_for_every_client(format: Format, name: str) -> None:
    """For all four clients, and at every byte of the upstream's stream."""
    data = wires.stream(format, name)
    for target in FORMATS:
        whole = meant(target, told(format, target, data))
        for end in cuts(data):
            events = told(format, target, data[:end])
            read = meant(target, events)
            wire = [WireEvent(event, payload) for event, payload in events]
            grammar.check_wire(target, wire, failed=read is None)
            assert read is None or read == whole, f"cut after {end} bytes, read by {target}"
