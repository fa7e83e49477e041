"""Ten hard cases, written by hand: a message of some wire, and what it means in the IR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rosetta.converters import CONVERTERS, seals
from rosetta.converters.converter import WireRequest
from rosetta.ir.events import BlockEnd, ChoiceEnd, End, Event, Failed, UsageUpdate
from rosetta.ir.parts import Format, Seal
from rosetta.ir.request import Request, ToolName
from rosetta.ir.response import Response
from rosetta.ir.usage import NO_USAGE, latest
from tests.laws import grammar, wires
from tests.laws.wires import said

CASES = {path.stem: json.loads(path.read_bytes()) for path in sorted((Path(__file__).parent / "ir").glob("*.json"))}


def cases(kind: str) -> list[str]:
    found = [name for name, case in CASES.items() if case["decodes"] == kind]
    assert found
    return found


def with_envelopes(value: Any) -> Any:
    """The wire with its envelopes in place: ``{"$envelope": [seal, …]}`` stands for one, ``$envelope64`` for one as base64."""
    match value:
        case {"$envelope": rows}:
            return seals.wrap(msgspec.convert(rows, list[Seal]))
        case {"$envelope64": rows}:
            return seals.wrap_base64(msgspec.convert(rows, list[Seal]))
        case dict():
            return {key: with_envelopes(each) for key, each in value.items()}
        case list():
            return [with_envelopes(each) for each in value]
    return value


def lines(plain: Any) -> list[str]:
    """Plain data line by line, so that a difference is a line."""
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def unplaced(value: Any) -> Any:
    """Without ``at``: an answer is no place in the client's request."""
    match value:
        case dict():
            return {key: unplaced(each) for key, each in value.items() if key != "at"}
        case list():
            return [unplaced(each) for each in value]
    return value


@pytest.mark.parametrize("name", cases("request"))
def test_a_hard_request_means_what_was_written_down(name: str) -> None:
    """Each node of the request is where and what the golden says, and its place in the wire is told."""
    case = CASES[name]
    wire = msgspec.convert(with_envelopes(case["wire"]), WireRequest)
    coded = CONVERTERS[case["format"]].decode_request(wire)
    assert lines(said(coded.value)) == lines(said(msgspec.convert(case["ir"], Request)))
    assert coded.losses == ()


@pytest.mark.parametrize("name", cases("response"))
def test_a_hard_answer_means_what_was_written_down(name: str) -> None:
    """Each part of the answer is in its order, under the client's own names."""
    case = CASES[name]
    names = msgspec.convert(case.get("ticket", {}).get("names", {}), dict[str, ToolName])
    coded = CONVERTERS[case["format"]].decode_response(case["wire"]["body"], wires.ticket(case["format"], names=names))
    assert lines(unplaced(said(coded.value))) == lines(said(msgspec.convert(case["ir"], Response)))
    assert coded.losses == ()


@pytest.mark.parametrize("name", cases("stream"))
def test_a_hard_stream_means_what_was_written_down(name: str) -> None:
    """Content comes in the order in which it came; endings and usage may fall anywhere that the grammar allows."""
    case = CASES[name]
    format: Format = case["format"]
    feed = [(data and data.get("type") if format in ("anthropic", "openai_responses") else None, data) for data in case["wire"]["events"]]
    events = wires.decoded_stream(format, feed)
    grammar.check_events(events)
    expected = msgspec.convert(case["ir"]["events"], list[Event])
    grammar.check_events(expected)
    assert order(events) == order(expected)
    assert endings(events) == endings(expected)


def order(events: list[Event]) -> list[Any]:
    return [said(event) for event in events if not isinstance(event, BlockEnd | ChoiceEnd | UsageUpdate | End | Failed)]


def endings(events: list[Event]) -> dict[str, Any]:
    usage = NO_USAGE
    for event in events:
        if isinstance(event, UsageUpdate):
            usage = latest(usage, event.usage)
    last = events[-1]
    return {
        "usage": said(usage),
        "finishes": {event.choice: said(event.finish) for event in events if isinstance(event, ChoiceEnd)},
        "terminal": (last.failure.kind, last.failure.message) if isinstance(last, Failed) else type(last).__name__,
    }
