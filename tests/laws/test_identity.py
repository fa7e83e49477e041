"""The identity law: within one format, decoding and encoding gives back what came, up to the written normal form."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from rosetta.converters import CONVERTERS, seals
from rosetta.converters.converter import Target, UpstreamFailed, WireRequest
from rosetta.ir.parts import Format
from rosetta.ir.request import Request
from rosetta.ir.response import Response
from rosetta.ir.usage import NO_USAGE
from tests.laws import normal, wires


def own_target(format: Format, request: Request, body: dict[str, Any]) -> Target:
    """The very server that the request was written for."""
    changes: dict[str, Any] = {}
    if format == "openai_chat" and "reasoning" in body:  # OpenRouter's
        changes |= {"reasoning_form": "reasoning", "reasoning_back": "reasoning_details", "cache_marks": "cache_control"}
    if format == "openai_chat" and "thinking" in body:  # DeepSeek's
        changes |= {"reasoning_form": "thinking"}
    if format == "anthropic":
        changes["thinking"] = "adaptive" if request.reasoning.mode == "adaptive" else "budget"
        changes["version"] = request.version or "2023-06-01"
    if format == "google_genai":
        changes["thinking"] = "budget" if request.reasoning.budget is not None else "level"
        changes["call_ids"] = '"id"' in json.dumps(body["contents"])
    return wires.target(format, model=request.model, **changes)


@pytest.mark.parametrize(("format", "name"), wires.files("requests"), ids=wires.case_id)
def test_a_request_comes_back_as_it_was(format: Format, name: str) -> None:
    """A recorded request, decoded and encoded for its own server, is the same body, and nothing is reported lost."""
    wire = wires.wire_request(format, name)
    coded = CONVERTERS[format].decode_request(wire)
    sent = CONVERTERS[format].encode_request(coded.value, own_target(format, coded.value, wire.body))
    assert normal.request(format, sent.wire.body) == normal.request(format, wire.body)
    assert (coded.losses, sent.losses) == ((), ())


@pytest.mark.parametrize(("format", "name"), wires.files("requests"), ids=wires.case_id)
def test_a_second_passage_changes_nothing(format: Format, name: str) -> None:
    """What was encoded is already in the normal form: it means the same, and is encoded to the same bytes."""
    wire = wires.wire_request(format, name)
    first = CONVERTERS[format].decode_request(wire).value
    once = CONVERTERS[format].encode_request(first, own_target(format, first, wire.body)).wire
    second = (
        CONVERTERS[format].decode_request(WireRequest(body=once.body, headers=once.headers, model=first.model, stream=first.stream)).value
    )
    twice = CONVERTERS[format].encode_request(second, own_target(format, second, once.body)).wire
    assert msgspec.json.encode(twice.body) == msgspec.json.encode(once.body)


@pytest.mark.parametrize(("format", "name"), wires.files("responses"), ids=wires.case_id)
def test_an_answer_comes_back_as_it_was(format: Format, name: str) -> None:
    """A recorded answer, told to a client of the same format, means the same to it."""
    converter = CONVERTERS[format]
    try:
        answer = converter.decode_response(wires.response(format, name), wires.ticket(format)).value
    except UpstreamFailed:
        return
    told = converter.encode_response(answer, wires.reply(format, model=answer.model))
    again = converter.decode_response(told.value, wires.ticket(format)).value
    if answer.usage == NO_USAGE:  # some wires demand counts
        again = msgspec.structs.replace(again, usage=NO_USAGE)
    assert unlabelled(again) == unlabelled(answer)
    assert told.losses == ()


def unlabelled(response: Response) -> Any:
    """Without what a reply is labelled with anew, its id, the moment and the words of its finish; without places, and counts of zero."""
    plain = normal.without_places(wires.said(msgspec.structs.replace(response, id="", created=None)))
    plain["usage"] = {name: count for name, count in plain.get("usage", {}).items() if count}
    for choice in plain["choices"]:
        choice.get("finish", {}).pop("raw", None)
        for part in choice["parts"]:
            if part["type"] == "ToolCall":  # nothing and an empty object are the same arguments
                part["arguments"] = part["arguments"] or "{}"
                opened = seals.unwrap(part.get("seal", {}).get("value", ""))
                if opened:  # a foreign state in a chat call's envelope
                    part["seal"] = wires.said(opened[0])
    return plain
