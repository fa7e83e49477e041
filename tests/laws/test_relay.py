"""The law of relays: a stream of the client's own format passes as its bytes, whatever rosetta makes of what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from rosetta.converters import CONVERTERS
from rosetta.ir.parts import Format
from rosetta.relay import StreamRelay
from tests.laws import wires
from tests.laws.shapes import SHAPES, places, with_shape

STREAMS = wires.files("streams", "sse")
REASONS = ('"finishReason"', '"finish_reason"', '"stop_reason"', '"blockReason"')
ENDS = (b"\r\n\r\n", b"\n\n")


def relay(format: Format) -> StreamRelay:
    converter = CONVERTERS[format]
    return StreamRelay(
        lambda: converter.stream_decoder(wires.ticket(format, stream=True)), converter.stream_encoder(wires.reply(format)), converter.frame
    )


def passed(format: Format, chunks: Iterable[bytes]) -> tuple[bytes, StreamRelay]:
    hop = relay(format)
    out = b"".join([hop.feed(chunk) for chunk in chunks])
    return out + hop.finish(), hop


@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_a_stream_passes_as_its_bytes(format: Format, name: str) -> None:
    """At once or byte by byte."""
    data = wires.stream(format, name)
    assert data == passed(format, [data])[0]
    assert data == passed(format, [data[at : at + 1] for at in range(len(data))])[0]


def _tells_the_end(data: Any, path: tuple[str | int, ...]) -> bool:
    """Whether without that place nobody can know that the stream has ended, so that it counts as cut: what an event is, which candidate it means, and
    the reason to finish, where a stream has no other mark of the end."""
    node = data
    for step in path:
        node = node[step]
    return path[-1] in ("type", "index") or any(word in json.dumps({str(path[-1]): node}) for word in REASONS)


@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_what_nobody_can_read_passes_too(format: Format, name: str) -> None:
    """Vendors add to their wires weekly: a client that knows more than rosetta gets all of it, and the rest of its stream."""
    data = wires.stream(format, name)
    end = next(mark for mark in ENDS if mark in data)
    events = [event + end for event in data.removesuffix(end).split(end)]
    stopped = []
    seen = set()
    for number, event in enumerate(events):
        head, mark, payload = event.partition(b"data: ")
        try:
            value = json.loads(payload)
        except ValueError:
            continue
        for path in places(value):
            kind = (value.get("type"), *(step for step in path if isinstance(step, str)))
            if (kind in seen and number > 2) or _tells_the_end(value, path):
                continue
            seen.add(kind)
            for shape in SHAPES:
                changed = head + mark + json.dumps(with_shape(value, path, shape)).encode() + end
                whole = [*events[:number], changed, *events[number + 1 :]]
                out, hop = passed(format, whole)
                if out != b"".join(whole):
                    stopped.append((number, path, shape, hop.failure))
    assert stopped == []
