"""The law of odd shapes: whatever stands in an upstream's answer, its client gets an answer, or words that say why not."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from rosetta.convert import StreamHop, located, whole
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.fold import unfold
from rosetta.ir.parts import FORMATS, Format
from rosetta.ir.response import Response
from tests.laws import wires
from tests.laws.shapes import SHAPES, places, with_shape

LONG = 40
"""Streams of more events have nothing that shorter ones have not."""


def told(answer: Response, source: Format, target: Format) -> None:
    """The answer as a client's body and as its stream."""
    losses: list[Any] = []
    answer = whole(answer, losses)
    client = CONVERTERS[target]
    out = client.encode_response(answer, wires.reply(target))
    jsontext.encode(out.value)
    located((*losses, *out.losses), CONVERTERS[source].words)
    encoder = client.stream_encoder(wires.reply(target))
    for event in unfold(answer):
        for wire in encoder.feed(event):
            client.frame(wire)


@pytest.mark.parametrize(("source", "name"), wires.files("responses"), ids=wires.case_id)
def test_an_answer_is_told_or_refused(source: Format, name: str) -> None:
    """Servers write what they like where nobody has looked: nothing of it may go through as a fault of rosetta."""
    body = wires.response(source, name)
    for path in places(body):
        for shape in SHAPES:
            try:
                answer = CONVERTERS[source].decode_response(with_shape(body, path, shape), wires.ticket(source)).value
                for target in FORMATS:
                    told(answer, source, target)
            except (Malformed, UpstreamFailed):
                continue
            except Exception as error:
                error.add_note(f"{shape} at {path}")
                raise


@pytest.mark.parametrize(("source", "name"), wires.files("streams", "sse"), ids=wires.case_id)
def test_a_stream_is_told_or_broken_off(source: Format, name: str) -> None:
    """As for whole answers, event by event; the clients take turns."""
    events = wires.parsed(wires.stream(source, name))
    turns = itertools.cycle(FORMATS)
    seen = set()
    for number, (_, value) in enumerate(events[:LONG]):
        for path in places(value) if isinstance(value, dict) else ():
            kind = (value.get("type"), *(step for step in path if isinstance(step, str)))
            if kind in seen:
                continue
            seen.add(kind)
            for shape in SHAPES:
                changed, client = with_shape(value, path, shape), CONVERTERS[next(turns)]
                hop = StreamHop(
                    CONVERTERS[source].stream_decoder(wires.ticket(source, stream=True)),
                    client.stream_encoder(wires.reply(client.format)),
                    client.frame,
                )
                try:
                    for place, (event, data) in enumerate(events):
                        said = changed if place == number else data
                        text = "[DONE]" if said is None else said if isinstance(said, str) else json.dumps(said)
                        hop.feed(f"event: {event or 'message'}\ndata: {text}\n\n".encode())
                    hop.finish()
                except Exception as error:
                    error.add_note(f"{shape} at {path} of event {number}, for {client.format}")
                    raise
                assert hop.done, (number, path, shape)
