"""The totality law: whatever arrives, a converter answers with a value or with the one error it promises."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed, Unsupported, UpstreamFailed, WireRequest
from rosetta.ir.errors import Failure
from rosetta.ir.parts import FORMATS, Format
from rosetta.ir.request import Request
from tests.laws import grammar, strategies, wires

REQUESTS = {format: [wires.wire_request(format, name) for each, name in wires.files("requests") if each == format] for format in FORMATS}
RESPONSES = {format: [wires.response(format, name) for each, name in wires.files("responses") if each == format] for format in FORMATS}
STREAMS = {
    format: [wires.parsed(wires.stream(format, name)) for each, name in wires.files("streams", "sse") if each == format]
    for format in FORMATS
}


def decode(format: Format, wire: WireRequest) -> Request | None:
    """The request, or None where it is malformed; the body stays as it was."""
    before = copy.deepcopy(wire.body)
    fault: Malformed | None = None
    request: Request | None = None
    try:
        request = CONVERTERS[format].decode_request(wire).value
    except Malformed as malformed:
        fault = malformed
    assert wire.body == before, "decoding never changes its input"
    assert fault is None or fault.message
    return request


@pytest.mark.parametrize("format", FORMATS)
@given(body=st.dictionaries(strategies.texts, strategies.any_json, max_size=5))
def test_any_object_is_a_request_or_malformed(format: Format, body: dict[str, Any]) -> None:
    """Any JSON object is decoded or refused with the path of the fault."""
    decode(format, WireRequest(body=body, model="m"))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=400)
@given(data=st.data())
def test_a_spoiled_request_is_a_request_or_malformed(format: Format, data: st.DataObject) -> None:
    """A real request with something replaced, left out or doubled is decoded or refused; what was decoded is encoded for every target."""
    wire = data.draw(st.sampled_from(REQUESTS[format]))
    body = data.draw(strategies.mutated(wire.body))
    if not isinstance(body, dict):
        body = {"messages": body, "input": body, "contents": body}
    request = decode(format, WireRequest(body=body, headers=wire.headers, model=wire.model, stream=wire.stream))
    if request is None:
        return
    for target in FORMATS:
        with contextlib.suppress(Unsupported):
            json.dumps(CONVERTERS[target].encode_request(request, wires.target(target)).wire.body)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=300)
@given(data=st.data())
def test_a_spoiled_response_is_an_answer_or_a_failure(format: Format, data: st.DataObject) -> None:
    """A reply of any shape is decoded, is the upstream's failure, or is malformed."""
    body = data.draw(strategies.mutated(data.draw(st.sampled_from(RESPONSES[format]))))
    if not isinstance(body, dict):
        body = {"choices": body}
    try:
        answer = CONVERTERS[format].decode_response(body, wires.ticket(format)).value
    except (Malformed, UpstreamFailed):
        return
    for client in FORMATS:
        with contextlib.suppress(UpstreamFailed):  # a malformed call and nothing else is no answer
            json.dumps(CONVERTERS[client].encode_response(answer, wires.reply(client)).value)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=300)
@given(data=st.data())
def test_a_spoiled_stream_is_told_by_the_grammar(format: Format, data: st.DataObject) -> None:
    """A stream with events of any shape, in any order, is still told as a valid sequence of events."""
    wire = list(data.draw(st.sampled_from(STREAMS[format])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(wire) - 1))
        match data.draw(st.sampled_from(["spoil", "spoil", "drop", "repeat", "swap"])):
            case "spoil":
                wire[place] = (wire[place][0], data.draw(strategies.mutated(wire[place][1]) | strategies.any_json))
            case "drop" if len(wire) > 1:
                del wire[place]
            case "repeat":
                wire.insert(place, wire[place])
            case "swap":
                other = data.draw(st.integers(0, len(wire) - 1))
                wire[place], wire[other] = wire[other], wire[place]
    grammar.check_events(wires.decoded_stream(format, wire))


@pytest.mark.parametrize("format", FORMATS)
@given(
    status=st.integers(400, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "content-type", "x-should-retry"]), st.text(max_size=8)),
    body=strategies.any_json.map(json.dumps).map(str.encode) | st.binary(max_size=30) | st.just(b"<html>502</html>"),
)
def test_any_failure_is_told_in_any_envelope(format: Format, status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever a provider's error looks like, it becomes a failure which every format can tell its client."""
    failure = CONVERTERS[format].decode_failure(status, headers, body)
    assert isinstance(failure, Failure)
    assert failure.message
    for client in FORMATS:
        told = CONVERTERS[client].encode_failure(failure, "req_1")
        assert 400 <= told.status <= 599
        json.dumps(told.body)


def deepest() -> Any:
    """A value as deeply nested as the JSON reader lets through."""
    depth = 1
    while True:
        text = '{"properties":' * depth + "{}" + "}" * depth
        try:
            value = jsontext.decode(text)
        except jsontext.InvalidJson:
            return value
        depth += 1


@pytest.mark.parametrize("format", FORMATS)
def test_a_deeply_nested_body_is_no_crash(format: Format) -> None:
    """Nesting as deep as the JSON reader lets through, anywhere in the body, is decoded and sent on, or refused."""
    deep = deepest()
    for wire in REQUESTS[format]:
        for key in wire.body:
            for value in (deep, [deep], [{**deep, "type": "function", "role": "user"}]):
                with contextlib.suppress(Malformed, Unsupported):
                    spoiled = WireRequest(body={**wire.body, key: value}, headers=wire.headers, model=wire.model)
                    request = CONVERTERS[format].decode_request(spoiled).value
                    for target in FORMATS:
                        CONVERTERS[target].encode_request(request, wires.target(target))
